"""What people get wrong, through the command line: one line of what, where and what to do."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import bakeoff.cli
from bakeoff.artifacts import RESULTS_FORMAT, artifact_hash
from bakeoff.data import sources

ROWS = "".join(f"film number {n},{'good' if n % 2 else 'bad'}\n" for n in range(20))
GOOD = "text,label\n" + ROWS


@pytest.fixture
def cli(monkeypatch, capsys):
    """Run a command in this process; returns exit code and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bakeoff", *map(str, arguments)])
        try:
            bakeoff.cli.main()
            code = 0
        except SystemExit as stopped:
            code = stopped.code or 0
        return code, capsys.readouterr().err

    return run


@pytest.fixture
def refused(cli):
    """Run a command that must be refused; returns the line it says."""

    def run(*arguments):
        code, errors = cli(*arguments)
        assert code == 2
        assert errors.startswith("error: ")
        assert errors.endswith("\n")
        assert errors.count("\n") == 1
        return errors.removeprefix("error: ").strip()

    return run


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with good.csv."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text(GOOD)
    return tmp_path


def files(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.csv", "", ["is empty", "give a file with rows"]),
        ("header.csv", "text,label\n", ["header and no rows", "give a file with rows"]),
        ("column.csv", "id,label\n1,b\n", ["no column 'text'", "id, label", "--text-column"]),
        ("class.csv", GOOD.replace("bad", "good"), ["single class 'good'", "--label-column"]),
        (
            "small.csv",
            f"{GOOD}lonely,odd\n",
            ["a split of 15:2:4 has fewer rows in a part than there are classes, 3", "--split"],
        ),
        (
            "label.csv",
            GOOD.replace("3,good", "3,").replace("8,bad", "8, "),
            ["4 rows have no label in column 'label' (row 4, 9, 14, 19)", "--skip-bad-rows"],
        ),
        ("text.csv", f"{GOOD},good\n", ["1 row has no text in column 'text' (row 21)"]),
        ("blank.csv", f"{GOOD} \u00a0 ,good\n", ["no text", "(row 21)", "--skip-bad-rows"]),
        ("latin.csv", f"{GOOD}caf\xe9,good\n".encode("latin-1"), ["not UTF-8", "line 22", "iconv"]),
        ("comma.csv", f"{GOOD}fine, or so,good\n", ["malformed", "line 22", "quotes"]),
        ("commas.csv", GOOD.replace("film", "film, or"), ["line 2 has 3 fields", "in quotes"]),
        ("json.jsonl", '{"text": "a", "label": 1}\n{"text"\n', ["line 2 is no JSON"]),
        ("damaged.parquet", b"PAR1 and no more", ["no Parquet file, or a damaged one"]),
        ("reviews.xlsx", b"PK", ["unknown file ending '.xlsx'", ".csv, .tsv, .jsonl, .parquet"]),
        ("aclImdb.tar.gz", b"\x1f\x8b and no more", ["cannot be read as the IMDB archive"]),
    ],
)
def test_data(refused, here, name, content, expected):
    (here / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    before = files(here)
    line = refused("data", "prepare", "--data", name, "--output", "out")
    assert name in line
    for part in expected:
        assert part in line
    assert files(here) == before


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--data", "none.csv"], ["no such file: none.csv", "check the path"]),
        (["--data", "imdb-52k"], ["unknown data set 'imdb-52k'", "did you mean 'imdb-25k'?"]),
        (
            ["--split", "30:5:5"],
            ["good.csv: the split asks for 40 rows (30:5:5)", "the data has 20", "--split"],
        ),
        (["--split", "6:2:2", "--limit", "8"], ["at most 8 of 20 are used", "raise the limit"]),
        (["--split", "0.9:0.1"], ["split '0.9:0.1'", "give three numbers", "0.7:0.1:0.2"]),
        (
            ["--split", "0.9:0.05:0.05"],
            ["good.csv: a split of 18:1:1 has fewer rows in a part than there are classes, 2"],
        ),
        (["--label-column", "text"], ["column 'text' is named for another", "--text-column"]),
        (["--label-column", "stars"], ["no column 'stars'", "text, label", "--label-column"]),
    ],
)
def test_options_of_data(refused, here, options, expected):
    line = refused("data", "prepare", "--data", "good.csv", "--output", "out", *options)
    for part in expected:
        assert part in line
    assert files(here) == ["good.csv"]


@pytest.mark.parametrize(
    "command",
    [
        ["run", "pipe.csv"],
        ["run", "pipe"],
        ["run", "sentiment", "--data", "pipe.csv"],
        ["run", "resnet", "--data", "pipe.csv"],
        ["data", "look", "pipe.csv"],
        ["data", "prepare", "--data", "pipe.csv", "--output", "out"],
        ["compile", "text", "--data", "pipe.csv", "--output", "text.yaml"],
    ],
)
def test_a_pipe_is_refused_rather_than_waited_for(refused, here, command):
    os.mkfifo(here / "pipe.csv")
    os.mkfifo(here / "pipe")
    assert "is a pipe or a device" in refused(*command)
    assert files(here) == ["good.csv"]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (["run", "sentimnt"], "unknown study 'sentimnt': did you mean 'sentiment'?"),
        (["run", "sentiment", "--preset", "papr"], "did you mean 'paper'?"),
        (["run", "sentiment", "--models", "nb-counts,rnn64"], "did you mean 'rnn-64'?"),
        (["run", "sentiment", "--models", " , "], "names none; leave it out"),
        (["run", "sentiment", "--data", "good.cvs"], "no such file: good.cvs"),
        (["run", "sentiment", "--split", "1:2"], "give three numbers"),
        (
            ["compile", "sentiment", "--models", "bilstm-glov", "--output", "s.yaml"],
            "did you mean 'bilstm-glove'?",
        ),
        (["compile", "sentimnt", "--output", "s.yaml"], "did you mean 'sentiment'?"),
        (["models", "sentimnt"], "did you mean 'sentiment'?"),
        (["report"], "no finished run in runs; start one with: bakeoff run sentiment"),
        (["report", "latets"], "unknown run 'latets': did you mean 'latest'?"),
        (["data", "prepare", "--data", "", "--output", "out"], "--data is empty; give a name"),
        (["run", "sentiment", "--data", ""], "--data is empty; give a name, a path or an address"),
        (["run", "sentiment", "--data", "caf\udce9"], "'caf\\udce9' is no UTF-8; give what it nam"),
        (["predict", "20250101-000000-sentiment-quick", "Fine."], "unknown run '20250101-"),
        (["run", "sentiment", "--seed", "9" * 20], "less than or equal to 4294967295"),
        (["data", "prepare", "--data", "good.csv", "--output", "o", "--seed", "9" * 20], "4294967"),
        (
            ["run", "sentiment", "--seed", f"{2**32 - 2}", "--seeds", "3"],
            "seed 4,294,967,296 is beyond 4,294,967,295: lower --seed or --seeds",
        ),
        (["run", "sentiment", "--data", "good.csv", "--runs", "/proc/x"], "cannot write /proc/x"),
        (["run", "sentiment", "--data", "good.csv", "--runs", "x" * 300], "file name too long"),
        (["report", "--runs", "x" * 300], "file name too long"),
        (["clean", "--runs", "good.csv"], "good.csv is no folder of runs"),
        (["run", "text", "--data", "https://[bad/x.csv"], "https://[bad/x.csv is no address: mend"),
        (
            ["run", "text", "--data", "https://me:5ecret@[b/x?sig=5ecret"],
            "https://[b/x is no address: mend",
        ),
        (["submit", "sentiment", "--host", "http://[::1"], "--host is no address of KFP"),
        (
            ["compile", "text", "--image", "Foo Bar", "--output", "s.yaml"],
            "--image 'Foo Bar' is no name of an image: give it as registry.example:5000/bakeoff:1",
        ),
        (
            ["compile", "text", "--image", "a/Bakeoff:1", "--output", "s.yaml"],
            "'a/Bakeoff:1' is no na",
        ),
        (["submit", "text", "--image", "a/b@sha256:0"], "'a/b@sha256:0' is no name of an image"),
        (
            ["compile", "sentiment", "--output", "/dev/null"],
            "cannot write /dev/null: it is no file",
        ),
        (["compile", "sentiment", "--output", "/proc/s.yaml"], "cannot write /proc/s.yaml"),
        (["compile", "sentiment", "--output", "/proc/x/s.yaml"], "cannot write /proc/x"),
    ],
)
def test_names(refused, here, command, expected):
    assert expected in refused(*command)
    assert files(here) == ["good.csv"]


@pytest.mark.parametrize("output", [".", "", "new"])
def test_a_folder_gets_a_pipeline_by_its_studys_name(cli, here, output):
    (here / "new").mkdir()
    assert cli("compile", "sentiment", "--models", "nb-counts", "--output", output)[0] == 0
    assert files(here) == sorted(["good.csv", str(Path(output) / "sentiment.yaml")])


@pytest.mark.parametrize("address", ["..:70", "10.0.0.7:99999", "10.0.0.7:\u00b2"])
def test_an_address_of_ray_that_none_can_have(refused, here, monkeypatch, address):
    monkeypatch.setenv("RAY_ADDRESS", address)
    models = ["--models", "rnn-64", "--where", "ray"]
    assert f"no Ray answers at {address}" in refused("run", "text", "--data", "good.csv", *models)
    assert files(here) == ["good.csv"]


def test_a_store_that_cannot_be_leaves_no_run(refused, here):
    (here / "runs").mkdir()
    (here / "runs" / ".store").write_text("a file")
    line = refused("run", "sentiment", "--data", "good.csv", "--models", "nb-counts")
    assert "runs/.store: a file stands where a folder is needed" in line
    assert [path.name for path in (here / "runs").iterdir()] == [".store"]


@pytest.mark.parametrize("content", ["null", "[]", '"results"', "{", ""])
def test_results_that_are_none(refused, here, content):
    (here / "runs" / "mine").mkdir(parents=True)
    (here / "runs" / "mine" / "run.json").write_text("{}")
    (here / "runs" / "mine" / "results.json").write_text(content)
    for command in (["report"], ["predict", "mine", "fine"], ["evaluate", "mine", "--data", "x"]):
        assert "mine/results.json is damaged" in refused(*command)
    (here / "runs" / "mine" / "results.json").unlink()
    (here / "runs" / "mine" / "run.json").write_text(content)
    assert "mine/run.json is damaged" in refused("report", "mine")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "texts.txt is empty; give at least one line"),
        (b" \n\t\n", "texts.txt is empty"),
        (b"fine\ncaf\xe9\n", "texts.txt is not UTF-8 (line 2); mend or convert it first"),
    ],
)
def test_texts_to_predict(refused, here, content, expected):
    (here / "runs" / "mine").mkdir(parents=True)
    (here / "runs" / "mine" / "run.json").write_text("{}")
    results = {
        "format": RESULTS_FORMAT,
        "dataset": {"modality": "text", "columns": {"input": "text", "label": "label"}},
    }
    (here / "runs" / "mine" / "results.json").write_text(json.dumps(results))
    (here / "texts.txt").write_bytes(content)
    assert expected in refused("predict", "mine", "texts.txt")


@pytest.mark.parametrize(
    "command",
    [
        ["data", "prepare", "--data", "good.csv", "--output", "taken"],
        ["data", "prepare", "--data", "good.csv", "--output", "taken/deeper"],
        ["run", "sentiment", "--data", "good.csv", "--runs", "taken"],
    ],
)
def test_a_file_where_the_output_should_be(refused, here, command):
    (here / "taken").write_text("mine")
    line = refused(*command)
    assert "taken" in line
    assert "a file stands where a folder is needed; choose another folder" in line
    assert (here / "taken").read_text() == "mine"
    assert files(here) == ["good.csv", "taken"]


def test_an_output_folder_with_files_of_somebody_else(refused, here):
    (here / "dataset").mkdir()
    (here / "good.csv").rename(here / "dataset" / "good.csv")
    line = refused("data", "prepare", "--data", "dataset/good.csv", "--output", ".")
    assert "cannot write dataset: it holds files that bakeoff did not make; choose another" in line
    assert files(here) == ["dataset/good.csv"]


@pytest.mark.parametrize(
    "command",
    [
        ["data", "prepare", "--data", "good.csv", "--output", "disk/out"],
        ["run", "sentiment", "--data", "good.csv", "--runs", "disk/runs"],
    ],
)
def test_a_disk_that_cannot_be_written(refused, small_disk, command):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    line = refused(*command)
    assert command[-1] in line
    assert "no permission to write there; choose another folder" in line


def test_a_full_disk_keeps_the_earlier_result(cli, refused, here, small_disk):
    code, _ = cli("data", "prepare", "--data", "good.csv", "--output", "disk/out")
    assert code == 0
    before = files(small_disk)
    hashes = [artifact_hash(small_disk / "out" / name) for name in ("dataset", "test")]

    many = "".join(f"film {n} {n**9 % 10**15:x},{n % 2}\n" for n in range(5000))
    (here / "many.csv").write_text("text,label\n" + many)
    line = refused("data", "prepare", "--data", "many.csv", "--output", "disk/out")
    assert "cannot write disk/out" in line
    assert "the disk is full; free some space and run again" in line
    assert files(small_disk) == before
    assert hashes == [artifact_hash(small_disk / "out" / name) for name in ("dataset", "test")]


def test_a_disk_too_full_to_start_a_run(refused, small_disk):
    with pytest.raises(OSError, match="No space"):
        (small_disk / "other").write_bytes(bytes(100_000))
    line = refused("run", "sentiment", "--data", "good.csv", "--runs", "disk/runs")
    assert "the disk is full; free some space and run again" in line
    assert files(small_disk) == ["other"]


def test_a_download_with_the_wrong_checksum(cli, here, monkeypatch):
    (here / "served.tar.gz").write_bytes(b"something else")
    monkeypatch.setenv("BAKEOFF_CACHE", "cache")
    monkeypatch.setattr(sources, "IMDB_URL", (here / "served.tar.gz").as_uri())
    code, errors = cli("data", "prepare", "--data", "imdb", "--output", "out")
    download, line = errors.splitlines()
    assert code == 2
    assert download.startswith("download aclImdb_v1.tar.gz 0 of")
    assert f"error: {(here / 'served.tar.gz').as_uri()} has" in line
    assert f"served.tar.gz has the wrong checksum: expected MD5 {sources.IMDB_MD5}" in line
    assert "try again, or check who serves the file" in line
    assert files(here) == ["good.csv", "served.tar.gz"]


def test_ctrl_c_while_preparing(cli, refused, here, monkeypatch):
    command = ["data", "prepare", "--data", "good.csv", "--output", "out"]
    assert cli(*command)[0] == 0
    before = files(here)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_parquet", interrupt)
    assert refused(*command, "--seed", "1") == "interrupted; run the same command again"
    assert files(here) == before


def test_an_output_folder_that_cannot_be(refused):
    line = refused("data", "prepare", "--data", "good.csv", "--output", "/proc/nothing/here")
    assert "/proc/nothing/here" in line
    assert "no folder can be made there" in line


def test_a_name_no_file_can_have(refused, here):
    line = refused("data", "prepare", "--data", "x" * 300, "--output", str(here / "out"))
    assert "too long" in line
