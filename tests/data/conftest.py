"""Encoded images, and the IMDB archive in small."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def encoded_images():
    """Gives n different PNG files, 8×8, grey."""

    def make(n):
        pictures = np.random.default_rng(0).integers(0, 256, (n, 8, 8)).astype("uint8")
        files = []
        for picture in pictures:
            stream = io.BytesIO()
            Image.fromarray(picture).save(stream, "PNG")
            files.append(stream.getvalue())
        return files

    return make


@pytest.fixture
def imdb_folder(tmp_path):
    """Two reviews in each labelled folder, and what the archive holds besides."""
    folder = tmp_path / "aclImdb"
    for name, text in {
        "train/pos/0_9.txt": "Train pos 0 – très bien",
        "train/pos/1_7.txt": "Train pos 1",
        "train/neg/0_3.txt": "Train neg 0",
        "train/neg/1_1.txt": "Train neg 1",
        "test/pos/0_10.txt": "Test pos 0",
        "test/pos/1_8.txt": "Test pos 1",
        "test/neg/0_2.txt": "Test neg 0",
        "test/neg/1_4.txt": "Test neg 1",
        "train/unsup/0_0.txt": "Nobody labelled this",
        "train/urls_pos.txt": "http://example.org",
        "README": "Large Movie Review Dataset",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    return folder


@pytest.fixture
def imdb_archive(imdb_folder, tmp_path):
    path = tmp_path / "aclImdb_v1.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(
            imdb_folder, "aclImdb", filter=lambda member: member.replace(mtime=0, deep=False)
        )
    return path
