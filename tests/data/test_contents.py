"""Files that are something else than their endings say."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import random
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import feather, parquet

from bakeoff.data.columns import Columns
from bakeoff.data.files import read_table
from bakeoff.data.recognise import recognise
from bakeoff.errors import UserError

CSV = "text,label\n" + "".join(f"a film of {n} hours,{'ab'[n % 2]}\n" for n in range(40))
RANDOM = random.Random(0).randbytes(5000)
TABLE = pa.table({"text": ["a", "b"], "label": ["x", "y"]})


def written(write) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def picture(kind: str) -> bytes:
    noise = np.frombuffer(RANDOM[:3072], "uint8").reshape(32, 32, 3)
    return written(lambda buffer: Image.fromarray(noise).save(buffer, kind))


def zipped(*names: str) -> bytes:
    def write(buffer):
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in names:
                archive.writestr(name, CSV)

    return written(write)


def tarred() -> bytes:
    def write(buffer):
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            member = tarfile.TarInfo("a.csv")
            member.size = len(CSV)
            archive.addfile(member, io.BytesIO(CSV.encode()))

    return written(write)


def database(folder: Path) -> bytes:
    connection = sqlite3.connect(folder / "a.db")
    connection.execute("create table reviews (text, label)")
    connection.commit()
    connection.close()
    return (folder / "a.db").read_bytes()


WORKBOOK = zipped("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml")
KINDS = {
    "gzip": (gzip.compress(CSV.encode()), "compressed by gzip; unpack it"),
    "bzip2": (bz2.compress(CSV.encode()), "compressed by bzip2; unpack it"),
    "xz": (lzma.compress(CSV.encode()), "compressed by xz; unpack it"),
    "zip": (zipped("a.csv"), "a ZIP archive; unpack it"),
    "tar": (tarred(), "an archive; unpack it"),
    "xlsx": (WORKBOOK, "an Excel workbook; save its sheet as CSV"),
    "xls": (bytes.fromhex("d0cf11e0a1b11ae1") + RANDOM, "an old file of Office, such as .xls"),
    "png": (picture("PNG"), "a picture; give the folder of folders, class/name.jpg"),
    "jpeg": (picture("JPEG"), "a picture"),
    "gif": (picture("GIF"), "a picture"),
    "webp": (picture("WEBP"), "a picture"),
    "tiff": (picture("TIFF"), "a picture"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + RANDOM, "a PDF document"),
    "parquet": (written(lambda b: parquet.write_table(TABLE, b)), "a Parquet file; call it"),
    "feather": (written(lambda b: feather.write_feather(TABLE, b)), "Feather file; write it as"),
    "npy": (written(lambda b: np.save(b, np.arange(99.0))), "a NumPy array"),
    "pickle": (pickle.dumps(list(range(99))), "a pickle of Python"),
    "zeros": (bytes(5000), "nothing but zero bytes; copy or download it again"),
    "html": (b"\n<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", "a web page; download the"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
    "array": (json.dumps([{"text": "a", "label": "b"}] * 9, indent=1).encode(), "as .jsonl"),
    "random": (RANDOM, "is no text: 1[0-3]% of it are control characters; save it as text"),
    "tail": (CSV.encode() + bytes(4096), f"is no text: {4096 / (4096 + len(CSV)):.0%} of it"),
}


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_table_of_text_is_said_in_a_line(kind, ending, tmp_path):
    content, said = KINDS[kind]
    path = tmp_path / f"a.{ending}"
    path.write_bytes(content)
    for read in (recognise, lambda source: read_table(source, Columns(), skip_bad=True)):
        with pytest.raises(UserError, match=said) as refused:
            read(str(path))
        assert str(refused.value).startswith(f"{path} is ")
        assert str(refused.value).isprintable()
        assert len(str(refused.value)) < len(str(path)) + 120


def test_a_database_is_one(tmp_path):
    (tmp_path / "a.csv").write_bytes(database(tmp_path))
    with pytest.raises(UserError, match="an SQLite database; write its table as CSV"):
        recognise(str(tmp_path / "a.csv"))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.xlsx", "a.json"])
def test_an_ending_that_nothing_reads_says_what_to_do(name, tmp_path):
    content, said = KINDS[{"gz": "gzip", "xlsx": "xlsx", "json": "array"}[name.split(".")[-1]]]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said):
        read_table(str(tmp_path / name), Columns())


def test_rows_of_json_in_a_csv_are_no_rows_of_it(tmp_path):
    rows = [json.dumps({"text": f"film {n}", "label": "ab"[n % 2]}) for n in range(40)]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    with pytest.raises(UserError, match=r"is JSON; with one object a line call it \.jsonl"):
        recognise(str(tmp_path / "a.csv"))


@pytest.mark.parametrize(
    "content",
    [
        CSV.replace("film", "fi\0lm", 1).encode(),
        CSV.replace("film", "\x1b[1mfilm\x1b[0m").encode(),
        CSV.replace("film", "<html> [{").encode(),
        f"PK,{CSV}".replace("\n", "\n1,").removesuffix("1,").encode(),
        ("text,label\n" + "ab,x\ncd,y\n" * 9).encode(),
    ],
)
def test_texts_with_a_strange_character_are_texts(content, tmp_path):
    (tmp_path / "a.csv").write_bytes(content)
    assert len(read_table(str(tmp_path / "a.csv"), Columns()).frame) == content.count(b"\n") - 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize(
    ("header", "texts"),
    [
        ("текст,метка", ("хороший фильм", "плохой фильм")),
        ("文本,标签", ("这部电影非常好看", "这部电影不好看")),
        ("text,label", ("good 🎬", "bad 👎")),
    ],
)
def test_utf_16_without_a_mark_is_known_in_every_script(header, texts, encoding, tmp_path):
    rows = "".join(f"{texts[n % 2]} {n},{'ab'[n % 2]}\r\n" for n in range(40))
    (tmp_path / "a.csv").write_bytes(f"{header}\r\n{rows}".encode(encoding))
    columns = Columns(*header.split(","))
    table = read_table(str(tmp_path / "a.csv"), columns)
    assert list(table.frame["text"][:2]) == [f"{texts[0]} 0", f"{texts[1]} 1"]
    assert table.remarks == [f"read as {encoding[:6].upper()}"]


def test_no_row_of_jsonl_that_can_be_read_is_said_as_such(tmp_path):
    (tmp_path / "a.jsonl").write_text("text: good\ntext: bad\n")
    with pytest.raises(UserError, match="line 1 is no JSON: Expecting value"):
        recognise(str(tmp_path / "a.jsonl"))


def test_many_and_long_names_of_columns_are_cut(tmp_path):
    names = [f"pixel{n}" for n in range(500)]
    names[:2] = "pixel\x020", "x" * 500
    (tmp_path / "a.csv").write_text(",".join(names) + "\n" + "1," * 499 + "1\n" * 9)
    for read in (recognise, lambda source: read_table(source, Columns())):
        with pytest.raises(UserError, match=r"pixel\\x020, x{60}…, pixel.*\(500 columns\)") as no:
            read(str(tmp_path / "a.csv"))
        assert len(str(no.value)) < 1000
