"""What a person may type into the form of a run: the first step refuses it in one line."""

import pytest

from bakeoff.components.plan import plan
from bakeoff.data.splitting import SplitSpec

FORM = {
    "study": "sentiment",
    "graph": {"classical": "nb-counts, nb-tfidf", "networks": "rnn-64"},
    "models": "nb-counts, nb-tfidf, rnn-64",
    "data": "imdb-25k",
    "preset": "quick",
    "split": "0.7:0.1:0.2",
    "limit": 6000,
}
PICTURES = {
    "study": "resnet",
    "graph": {"networks": "resnet18"},
    "models": "resnet18",
    "data": "digits",
    "limit": 0,
}
WRONG = {
    "data": (
        *("", "imdb-26k", "digits", "reviews.csv", "./reviews.csv", "/data/reviews.csv"),
        *("s3://reviews", "s3://reviews/none.csv", "s3://nowhere/a.csv", "reviews"),
        *("s3://me:pw@reviews/a.csv", "s3://reviews/a.xlsx", "abc://reviews/a.csv"),
    ),
    "models": (
        *("nb-count", "nb-counts;nb-tfidf", "nb-counts rnn-64", "report", "all", "rnn-64"),
        *("nb-counts", "svm-tfidf, rnn-64", "NB-COUNTS, rnn-64", "resnet18", '["rnn-64"]'),
    ),
    "preset": ("", "fulll", "Quick", "quick ", "full, quick", "1", "none", "default", "-", "short"),
    "settings": (
        *("rnn-65.hidden=9", "rnn-64.hiden=9", "rnn-64.hidden=wide", "hidden", "hidden=0"),
        *("training.epochs=-1", "training.epochs=1.5", "training.epochs 8", "dropout=2", "="),
        *("training.epochs=8; hidden=64", "rnn-64=8", "training.learning_rate=nan"),
    ),
    "metric": ("", "acuracy", "f1", "Accuracy", "macro_f1", "loss", "auc ", "0", "all", "rmse"),
    "seed": (-1, -(10**9), 2**32, 2**40, 10**18),
    "seeds": (0, -1, -100, 1001, 10**6, 10**9, 2**32),
    "split": (
        *("", "7:2", "0.7:0.2:0.2", "70:10:20%", "a:b:c", "0.8,0.1,0.1", "0.8 0.1 0.1", "1:0:0"),
        *("-1:1:1", "0.9:0.05:0.04", "5000:1000:1000", "100.5:10:10", "nan:1:1", "inf:1:1", "80"),
        *("0.8:0.2", "0.7:0.1:0.1:0.1", "4000:1000:2000"),
    ),
    "limit": (-1, -6000, 1, 2, -(10**12)),
    "label_column": ("",),
    "split_column": ("part", "split", "0", "Part", " ", "train", "-", "?", "column", "x" * 99),
    "group_column": ("user", "split", "0", "User", "-", "none", "None", "?", "column", "x" * 99),
    "time_column": ("day", "date", "0", "Day", "-", "none", "None", "?", "column", "x" * 99),
    "image_size": (-1, -64, 1, 3, 4097, 10**6, 10**9),
    "class_level": (-1,),
}


def refused(capsys, **form):
    with pytest.raises(SystemExit) as ended:
        plan.python_func(**{**FORM, **form})
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert lines[-1].startswith("error: ")
    assert not [line for line in lines if "Traceback" in line]
    return lines[-1]


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG.items() for value in values],
    ids=lambda one: str(one)[:20],
)
def test_a_wrong_value_is_refused_in_one_line(field, value, capsys, bucket):
    bucket.pipe("reviews/a.xlsx", b"PK")
    line = refused(capsys, **{field: value})
    assert 30 < len(line) < 1000


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("data", value) for value in ("imdb-25k", "s3://reviews/a.csv", "fashion-mnists")),
        *(("image_size", value) for value in (-1, 3, 4097)),
        ("class_level", -1),
        *(("split_column", value) for value in ("part", "split")),
    ],
)
def test_a_wrong_value_for_images_is_refused_in_one_line(field, value, capsys, bucket):
    bucket.pipe("reviews/a.csv", b"text,label\na,b\n")
    refused(capsys, **{**PICTURES, field: value})


FILES = {
    "a.csv": b"body;stars\nfine;5\n",
    "a.tsv": b"body\tstars\nfine\t5\n",
    "utf16.csv": "body,stars\nfine,5\n".encode("utf-16"),
    "long16.csv": ("body,stars\n" + "fine,5\n" * 10**5).encode("utf-16"),
    "long.csv": b"body,stars\n" + b'"a quoted\nline",5\n' * 10**5,
    "bom.csv": b'\xef\xbb\xbf"body","stars"\nfine,5\n',
}
"""Name → content of a table with the columns body and stars."""


@pytest.fixture
def table(bucket, request):
    import pandas as pd

    frame = pd.DataFrame({"body": ["fine"], "stars": ["5"]})
    content = FILES[request.param] if request.param in FILES else frame.to_parquet()
    bucket.pipe(f"reviews/{request.param}", content)
    return f"s3://reviews/{request.param}"


@pytest.mark.parametrize("table", [*FILES, "a.parquet"], indirect=True)
@pytest.mark.parametrize("role", ["input", "label", "split", "group", "time"])
def test_a_column_that_a_file_does_not_have_is_refused_with_those_it_has(table, role, capsys):
    columns = {"input_column": "body", "label_column": "stars", "data": table}
    plan.python_func(**{**FORM, **columns})
    for name in ("Body", "column"):
        line = refused(capsys, **columns | {f"{role}_column": name})
        assert f"no column {name!r}; it has: body, stars" in line


def test_what_the_beginning_of_a_file_cannot_tell_is_left_to_its_reader(bucket):
    rows = b'{"text": "a"}\n{"text": "b", "label": "c"}\n'
    bucket.pipe("reviews/a.jsonl", rows)
    plan.python_func(**{**FORM, "data": "s3://reviews/a.jsonl"})


def test_a_file_of_this_machine_whose_version_is_known_is_not_read_again(tmp_path):
    data = str(tmp_path / "gone.csv")
    planned = plan.python_func(**{**FORM, "data": data, "versions": {data: "hash"}})
    assert planned[-1] == "hash"


def test_splits_that_fit_their_limit_are_taken():
    for split, limit in (("4000:1000:1000", 6000), ("0.8:0.1:0.1", 3), ("9:9:9", 0)):
        SplitSpec.parse(split).refuse_beyond(limit)
        plan.python_func(**{**FORM, "split": split, "limit": limit})
