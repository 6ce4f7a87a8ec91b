"""What `bakeoff predict` labels, and where it puts it."""

import datetime
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from bakeoff.artifacts import RESULTS_FORMAT, write_json
from bakeoff.cli import main
from bakeoff.cli.inputs import image_inputs
from bakeoff.data.splits import Split
from bakeoff.text.classical.models import train_classical
from bakeoff.text.configs import LinearText
from bakeoff.training.trained import write_trained

BAYES = LinearText(method="naive-bayes", weighting="counts", ngrams=1, min_count=1)
FINE = 2 / 3
"""P(good | fine): of three words and strength 1, P(fine | good) = 2/5 and P(fine | bad) = 1/5."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs with one, whose winner knows two words."""
    folder = tmp_path_factory.mktemp("runs") / "mine"
    split = Split(np.arange(2), ["fine film", "dull film"], np.arange(2), ["good", "bad"])
    [trained] = train_classical({"nb": BAYES}, split, split, seed=0)
    write_trained(trained, folder / "nb", split.classes, split)
    write_json(folder / "run.json", {"status": "finished"})
    results = {
        "format": RESULTS_FORMAT,
        "models": [{"model": "nb", "seed": 0, "folder": str(folder / "nb")}],
        "leaderboard": [{"model": "nb"}],
        "winner": {"model": "nb", "seed": 0},
        "dataset": {"modality": "text", "columns": {"input": "text", "label": "kind"}},
    }
    write_json(folder / "results.json", results)
    return folder.parent


@pytest.fixture
def predict(runs, tmp_path, monkeypatch, capsys):
    """Runs the command in a folder of its own: its exit code, what it printed, and errors."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments, stdin=b""):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        argv = ["bakeoff", "predict", "mine", *map(str, arguments), "--runs", str(runs)]
        monkeypatch.setattr("sys.argv", argv)
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return command


@pytest.mark.parametrize(
    "given",
    [
        *("reviews.csv", "reviews.txt", "my reviews.CSV", "data/reviews", "./reviews", "/tmp/no/x"),
        *("a.parquet", "cat.jpg", "~/reviews.jsonl", "good/bad", "see the file reviews.xlsx"),
        "https://example.org/reviews",
    ],
)
def test_what_looks_like_a_path_is_no_text(predict, given):
    code, out, err = predict(given)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert f"no such file: {given}; check the path, or the text itself on stdin" in err
    code, out, _ = predict("-", stdin=given.encode())
    assert (code, out.split("\t")[2]) == (0, f"{given}\n")


@pytest.mark.parametrize(
    "given", ["fine", "A fine film. Really", "good / fine", "fine film... 10/10 of course", "fine."]
)
def test_other_words_are_a_text(predict, given):
    assert predict(given)[:2] == (0, f"good\t{FINE:.4f}\t{given}\n")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", "the text is empty"),
        (" \n", "the text is empty"),
        (".", "cannot read .: Is a directory"),
    ],
)
def test_nothing_to_label(predict, given, expected):
    code, out, err = predict(given)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert expected in err


def test_blank_lines_keep_their_place(predict, tmp_path):
    lines = "\nfine\r\n \n\ndull\n"
    expected = ["\t\t", f"good\t{FINE:.4f}\tfine", "\t\t", "\t\t", f"bad\t{FINE:.4f}\tdull"]
    (tmp_path / "lines.txt").write_text(lines, encoding="utf-8-sig")
    (tmp_path / "wide.txt").write_text(lines, encoding="utf-16")
    for given in (["lines.txt"], ["wide.txt"], ["-"], []):
        assert predict(*given, stdin=lines.encode())[1].splitlines() == expected
    rows = json.loads(predict("-", "--json", stdin=lines.encode())[1])
    assert [row["label"] for row in rows] == [None, "good", None, None, "bad"]
    assert rows[0] == {"text": "", "label": None, "probability": None, "probabilities": {}}


FRAME = pd.DataFrame(
    {
        "id": ["007", "8", "9"],
        "body": ['fine, "so" fine', None, "dull\nline"],
        "when": ["NA", "", "2026-01-01"],
    }
)


def written(frame, path):
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_comes_back_with_label_and_probability(predict, tmp_path, ending):
    path = tmp_path / f"new.{ending}"
    written(FRAME, path)
    code, out, _ = predict(path.name, "--text-column", "body")
    assert code == 0
    table = pd.read_csv(io.StringIO(out), dtype=str, keep_default_na=False)
    assert list(table.columns) == ["id", "body", "when", "label", "probability"]
    assert table[["id", "body", "when"]].equals(FRAME.fillna(""))
    assert list(table["label"]) == ["good", "", "bad"]
    # Twice fine: (2/5)^2 against (1/5)^2.
    assert [float(p or "nan") for p in table["probability"]] == pytest.approx(
        [4 / 5, float("nan"), 2 / 3], nan_ok=True
    )


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_the_table_goes_to_a_file(predict, tmp_path, ending):
    written(FRAME, tmp_path / "new.csv")
    target = tmp_path / f"labelled.{ending}"
    target.write_text("older")
    assert predict("new.csv", "--text-column", "body", "--output", target) == (
        0,
        "",
        "new.csv: 3 rows stand on 4 lines: quoted texts hold line breaks\n",
    )
    code, out, _ = predict(target.name, "--text-column", "body")
    assert code == 0
    again = pd.read_csv(io.StringIO(out), dtype=str, keep_default_na=False)
    # The table has these two columns by now.
    assert list(again.columns[-2:]) == ["predicted_label", "predicted_probability"]
    assert list(again["label"]) == list(again["predicted_label"]) == ["good", "", "bad"]
    assert {path.name for path in tmp_path.iterdir()} == {target.name, "new.csv"}


def test_lines_go_to_a_file_as_well(predict, tmp_path):
    predict("-", "--output", "out.csv", stdin=b"fine\n\ndull\n")
    table = pd.read_csv(tmp_path / "out.csv", keep_default_na=False, dtype=str)
    assert list(table["text"]) == ["fine", "", "dull"]
    assert list(table["label"]) == ["good", "", "bad"]


def test_the_input_may_be_the_output(predict, tmp_path):
    written(FRAME, tmp_path / "new.csv")
    assert predict("new.csv", "--text-column", "body", "--output", "new.csv")[0] == 0
    assert list(pd.read_csv(tmp_path / "new.csv")["label"].fillna("")) == ["good", "", "bad"]


@pytest.mark.parametrize(
    ("content", "arguments", "expected"),
    [
        ("a,b\nfine,x\n", [], "no column 'text'; it has: a, b (name them with --text-column)"),
        ("text,a,a\nfine,x,y\n", [], "several columns 'a'; rename all but one"),
        ("text\n", [], "has a header and no rows"),
        ("", [], "is empty"),
        (
            "text,label,predicted_label\nfine,a,b\n",
            [],
            "has the columns label and predicted_label already; rename one",
        ),
        ("text,a\nfine,x\nfine,x,y\n", [], "line 3 has 3 fields, and its header has 2"),
        ("text\nfine\n", ["--output", "out.xlsx"], "unknown file ending '.xlsx'"),
        ("text\nfine\n", ["--output", "no/out.csv"], "no such folder: no"),
        ("text\nfine\n", ["--output", "folder.csv"], "is a folder"),
        ("text\nfine\n", ["--output", "out.csv", "--json"], "leave out one of them"),
    ],
)
def test_tables_that_cannot_be(predict, tmp_path, content, arguments, expected):
    (tmp_path / "new.csv").write_text(content)
    (tmp_path / "folder.csv").mkdir()
    code, out, err = predict("new.csv", *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert expected in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder.csv", "new.csv"]


def test_damaged_rows_may_be_left_out(predict, tmp_path):
    (tmp_path / "new.csv").write_bytes(b"text,a\nfine,x\nd\xfcll,x\ndull,x\n")
    assert "line 3" in predict("new.csv")[2]
    code, out, err = predict("new.csv", "--skip-bad-rows")
    assert (code, [line[:6] for line in out.splitlines()]) == (0, ["text,a", "fine,x", "dull,x"])
    assert "left out 1 row that cannot be read" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a full disk for everybody")
@pytest.mark.parametrize(
    ("ending", "code", "expected"),
    [
        ("fine > /dev/full", 2, "error: the output cannot be written: the disk is full"),
        ("many.csv > /dev/full", 2, "error: the output cannot be written: the disk is full"),
        ("many.csv | head -1; exit ${PIPESTATUS[0]}", 0, ""),
        ("- <&-", 2, "error: nothing to label"),
    ],
)
def test_outputs_and_inputs_that_end_early(runs, tmp_path, ending, code, expected):
    written(pd.DataFrame({"text": ["fine"] * 20_000}), tmp_path / "many.csv")
    command = f"{Path(sys.executable).parent}/bakeoff predict mine --runs {runs} {ending}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == code
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == bool(expected)


MOMENT = datetime.datetime(2026, 1, 31, 12, 0, 0, 123456)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_large_integers_and_times_come_back_as_they_are(predict, tmp_path, ending):
    given = pa.table(
        {
            "text": ["fine", "dull"],
            "id": pa.array([2**60 + 1, None]),
            "hash": pa.array([2**63 + 1, None], pa.uint64()),
            "at": [MOMENT, None],
            "until": [datetime.datetime(9999, 12, 31), None],
            "day": [MOMENT.date(), None],
            "seen": [[MOMENT], None],
        }
    )
    parquet.write_table(given, tmp_path / "new.parquet")
    assert predict("new.parquet", "--output", f"out.{ending}")[0] == 0
    path = tmp_path / f"out.{ending}"
    if ending == "parquet":
        found = parquet.read_table(path)
        assert found.select(given.column_names[1:]).equals(given.select(given.column_names[1:]))
        return
    if ending == "csv":
        rows = pd.read_csv(path, dtype=str, keep_default_na=False).to_dict("records")
        at, until, missing = "2026-01-31 12:00:00.123456", "9999-12-31", ""
        rows[0]["id"], rows[0]["hash"] = int(rows[0]["id"]), int(rows[0]["hash"])
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        at, until, missing = "2026-01-31T12:00:00.123456", "9999-12-31T00:00:00", None
        assert rows[0]["seen"] == [at]
    assert (rows[0]["id"], rows[0]["hash"]) == (2**60 + 1, 2**63 + 1)
    assert (rows[0]["at"], rows[0]["until"], rows[0]["day"]) == (at, until, "2026-01-31")
    assert {rows[1][name] for name in ("id", "hash", "at", "until", "day")} == {missing}


def test_large_integers_beside_images_keep_their_digits(tmp_path):
    columns = {"image": [b"PNG", b"PNG"], "id": [2**60 + 1, None]}
    parquet.write_table(pa.table(columns), tmp_path / "new.parquet")
    dataset = {"modality": "image", "columns": {"input": "image"}}
    inputs = image_inputs(str(tmp_path / "new.parquet"), dataset)
    assert inputs.content == columns["image"]
    assert inputs.table["id"].tolist() == columns["id"]
