"""What is taken from a person's data, and what a person is asked about."""

import itertools
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from bakeoff.data.columns import Columns
from bakeoff.data.recognise import SIDE, recognise
from bakeoff.errors import UserError

WORDS = ["printer", "screen", "password", "invoice", "mail", "server", "slow", "broken", "again"]


def texts(n, start=0, words=6):
    """Different texts."""
    chosen = itertools.islice(itertools.permutations(WORDS, words), start, start + 7 * n, 7)
    return [" ".join(text) for text in chosen]


def cycle(values, n=60):
    return list(itertools.islice(itertools.cycle(values), n))


def written(folder, name="data.csv", /, **columns):
    path = folder / name
    frame = pd.DataFrame(columns)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return str(path)


TIMES = [f"2026-03-{day % 28 + 1:02}T10:00:00" for day in range(60)]
ONE_READING = {
    "a ticket": (
        {"id": range(60), "at": TIMES, "body": texts(60), "kind": cycle("xyz")},
        ("body", "kind"),
    ),
    "the usual names": (
        {"subject": texts(60), "text": texts(60, 9), "label": cycle("ab"), "other": cycle("ab")},
        ("text", "label"),
    ),
    "names in another case": (
        {"Text": texts(60), "Label": cycle("ab"), "source": cycle("xy")},
        ("Text", "Label"),
    ),
    "stars": ({"review": texts(60), "stars": cycle([1, 2, 3, 4, 5])}, ("review", "stars")),
    "classes with gaps, which are floats": (
        {"review": texts(60), "sentiment": cycle([1.0, 0.0, None])},
        ("review", "sentiment"),
    ),
    "names of people": (
        {"name": [f"anna{chr(97 + n % 26)}{chr(107 + n // 26)}" for n in range(60)]}
        | {"country": cycle(["FR", "DE"])},
        ("name", "country"),
    ),
    "no spaces": (
        {
            "内容": [f"这个电影真的很好看我喜欢{chr(0x4E00 + n)}" for n in range(60)],
            "类": cycle("好坏"),
        },
        ("内容", "类"),
    ),
    "an address": (
        {"url": [f"https://x.org/a-b/{n}?c=d" for n in range(60)], "title": texts(60)}
        | {"news": cycle([True, False])},
        ("title", "news"),
    ),
    "authors": (
        {"author": [f"user{n // 2}" for n in range(60)], "quote": texts(60), "y": cycle("01")},
        ("quote", "y"),
    ),
    "a share": (
        {"comment": texts(60), "toxicity": np.linspace(0, 1, 60), "toxic": cycle([0, 1])},
        ("comment", "toxic"),
    ),
    "mostly empty": (
        {"comment": texts(60), "note": ["a word or two"] + [None] * 59, "kind": cycle("ab")}
        | {"flag": ["x", "y"] + [None] * 58},
        ("comment", "kind"),
    ),
    "missing labels": ({"words": texts(60), "kind": cycle(["a", "b", None])}, ("words", "kind")),
    "long names of classes": (
        {"complaint": texts(60), "product": cycle(["a credit or prepaid card", "a student loan"])},
        ("complaint", "product"),
    ),
}


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
@pytest.mark.parametrize("name", ONE_READING)
def test_where_one_reading_is_possible_it_is_taken(tmp_path, name, ending):
    columns, expected = ONE_READING[name]
    found = recognise(written(tmp_path, f"data.{ending}", **columns))
    assert (found.modality, found.input_column, found.label_column) == ("text", *expected)
    assert f"texts are in column {expected[0]!r}, labels in {expected[1]!r}" in found.said
    assert "--text-column and --label-column" in found.said


ASKED = {
    "two texts": (
        {"subject": texts(60), "body": texts(60, 9), "kind": cycle("ab")},
        "the texts may be in any of the columns 'subject', 'body'; name one with --text-column",
    ),
    "two labels": (
        {"body": texts(60), "kind": cycle("ab"), "priority": cycle("xyz")},
        "the labels may be in any of the columns 'kind', 'priority'; name one with --label-column",
    ),
    "no label": (
        {"body": texts(60), "share": np.linspace(0, 1, 60)},
        "no column 'label', and none that must be the labels; it has: body, share",
    ),
    "no text": (
        {"id": range(60), "kind": cycle("ab")},
        "no column 'text', and none that must be the texts; it has: id, kind",
    ),
    "names of pictures": (
        {"photo": [f"cat_{n:04}.jpg" for n in range(60)], "kind": cycle("ab")},
        "column 'photo' names pictures, such as cat_0000.jpg, and holds none: give the folder",
    ),
    **{
        what: ({"what": values, "kind": cycle("ab")}, "none that must be the texts")
        for what, values in {
            "files": [f"report-{chr(97 + n % 26)}{chr(97 + n // 26)}.pdf" for n in range(60)],
            "users": [f"user{n}" for n in range(60)],
            "phones": [f"+49 170 {n:07}" for n in range(60)],
            "hours": [f"{n % 24}:{n:02}:05" for n in range(60)],
            "prices": [f"{n},50 €" for n in range(60)],
            "plates": [f"B-XY {n:04}" for n in range(60)],
        }.items()
    },
    "label alone": ({"n": [1, 2], "label": ["a", "a"]}, "no column 'text'"),
    "splits are no classes": (
        {"body": texts(60), "fold": cycle(["train", "test"])},
        "none that must be the labels",
    ),
    "times are no classes": (
        {"body": texts(60), "day": cycle(["2026-01-01", "2026-01-02"])},
        "none that must be the labels",
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_elsewhere_a_person_is_asked_in_a_line(tmp_path, name):
    columns, line = ASKED[name]
    path = written(tmp_path, **columns)
    with pytest.raises(UserError) as refused:
        recognise(path)
    assert str(refused.value).startswith(path)
    assert line in str(refused.value)


def test_what_a_person_names_is_taken_and_the_rest_found(tmp_path):
    columns = {"subject": texts(60), "body": texts(60, 9), "kind": cycle("ab"), "x": cycle("cd")}
    path = written(tmp_path, **columns)
    found = recognise(path, columns=Columns("body", "x"))
    assert (found.input_column, found.label_column) == ("body", "x")
    with pytest.raises(UserError, match="no column 'bdy'; it has: subject, body, kind, x"):
        recognise(path, columns=Columns("bdy", ""))
    path = written(tmp_path, a=texts(60), b=cycle("ab"), c=cycle("xy"))
    found = recognise(path, "text", Columns("", "c"))
    assert (found.input_column, found.label_column) == ("a", "c")
    assert found.said.endswith("others: --text-column")
    # A group is neither text nor class.
    grouped = written(tmp_path, text=texts(60), a=cycle("ab"), patient=cycle("xyz"))
    assert recognise(grouped, columns=Columns("", "", group="patient")).label_column == "a"


def test_both_columns_named_the_file_is_not_read():
    found = recognise("s3://nowhere/reviews.csv", "text", Columns("body", "stars"))
    assert (found.input_column, found.label_column, found.said) == ("body", "stars", "")


@pytest.mark.parametrize(
    "kinds",
    [
        ["load test", "smoke test"],
        ["A/B test", "load test", "dev"],
        ["test", "load test"],
        ["pre-train", "fine-train", "night train"],
    ],
)
def test_classes_that_end_like_splits_are_classes(tmp_path, kinds):
    found = recognise(written(tmp_path, words=texts(60), kind=cycle(kinds)))
    assert found.label_column == "kind"


@pytest.mark.parametrize("parts", [["train", "dev"], ["seg_train", "seg_val", "seg_test"]])
def test_splits_may_have_one_prefix(tmp_path, parts):
    found = recognise(written(tmp_path, words=texts(60), kind=cycle("ab"), part=cycle(parts)))
    assert found.label_column == "kind"
    assert "'part' names splits" in found.said


def test_splits_are_told_of(tmp_path):
    path = written(
        tmp_path, words=texts(60), kind=cycle("ab"), part=cycle(["train", "dev", "test"])
    )
    assert recognise(path).said.endswith(
        "'part' names splits, which --split-column part takes over"
    )


def test_a_file_without_a_header_is_refused(tmp_path):
    path = tmp_path / "data.csv"
    rows = zip(cycle("01"), texts(60), strict=True)
    path.write_text("".join(f"{label},{text}\n" for label, text in rows))
    with pytest.raises(UserError, match="has no header: its first line, '0' and 'printer screen"):
        recognise(str(path))


def test_a_header_of_floats_is_a_row(tmp_path):
    path = tmp_path / "plain.csv"
    path.write_text("".join(f"{text},{n % 2}.0\n" for n, text in enumerate(texts(60))))
    with pytest.raises(UserError, match=r"has no header: its first line, '0.0' and"):
        recognise(str(path))


def test_names_of_classes_keep_to_one_line(tmp_path):
    kinds = cycle(["a\nb", "\x1b[31mred"])
    found = recognise(written(tmp_path, "data.parquet", body=texts(60), kind=kinds))
    assert found.said.isprintable()
    assert "'a\\nb'" in found.said


def test_a_column_is_not_both_texts_and_labels(tmp_path):
    columns = {"message": texts(60), "text": cycle(["spam", "ham"])}
    path = written(tmp_path, **columns)
    found = recognise(path, columns=Columns("", "text"))
    assert (found.input_column, found.label_column) == ("message", "text")
    with pytest.raises(UserError, match="column 'text' is named for both inputs and labels"):
        recognise(path, columns=Columns("text", "text"))


def test_labels_of_bytes_are_refused(tmp_path):
    path = written(tmp_path, "data.parquet", text=texts(60), label=cycle([b"a", b"b"]))
    with pytest.raises(UserError, match="'label' holds binary values instead of labels"):
        recognise(path, "text")
    path = written(tmp_path, "all.parquet", a=cycle([b"a", b"b"]), label=cycle([b"a", b"b"]))
    with pytest.raises(UserError, match="none that must be the texts; it has: a, label"):
        recognise(path, "text")


def test_columns_of_data_without_columns_are_refused(tmp_path):
    (tmp_path / "mails" / "spam").mkdir(parents=True)
    (tmp_path / "mails" / "spam" / "1.txt").write_text("win money now")
    for source in ("rotten-tomatoes", "digits", str(tmp_path / "mails")):
        for named in (Columns("stars", ""), Columns("", "stars")):
            with pytest.raises(UserError, match=r"no columns to choose from: .* names 'stars'$"):
                recognise(source, columns=named)


def test_short_texts_without_a_header_are_refused(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("".join(f"{text},{'ab'[n % 2]}\n" for n, text in enumerate(texts(60, words=4))))
    with pytest.raises(UserError, match="has no header: its first line, 'a' and 'printer screen"):
        recognise(str(path))


def test_columns_of_one_name_count_only_where_they_are_meant(tmp_path):
    path = tmp_path / "data.csv"
    lines = [f"{n},{text},{'ab'[n % 2]},{n}\n" for n, text in enumerate(texts(60))]
    path.write_text("id,text,label,id\n" + "".join(lines))
    assert recognise(str(path)).label_column == "label"
    path.write_text("label,text,kind,label\n" + "".join(lines))
    with pytest.raises(UserError, match="several columns 'label'; leave all but one out"):
        recognise(str(path))


def test_semicolons_separate_columns_too(tmp_path):
    path = tmp_path / "data.csv"
    lines = [f"{text};{'ab'[n % 2]}\n" for n, text in enumerate(texts(60))]
    path.write_text("words;kind\n" + "".join(lines))
    assert (recognise(str(path)).input_column, recognise(str(path)).label_column) == (
        "words",
        "kind",
    )


def pictures(folder, sizes):
    for number, size in enumerate(sizes):
        path = folder / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, (number, 0, 0)).save(path)
    return str(folder)


@pytest.mark.parametrize(
    ("sizes", "side"),
    [([(8, 8)] * 4, 0), ([(8, 8), (9, 9)] * 2, SIDE), ([(10, 8)] * 4, SIDE)],
    ids=["squares", "several sizes", "no squares"],
)
def test_a_folder_of_pictures(tmp_path, sizes, side):
    found = recognise(pictures(tmp_path / "pets", sizes))
    assert (found.modality, found.image_size) == ("image", side)
    assert ("--image-size" in found.said) == bool(side)


def test_a_folder_with_a_table_names_it(tmp_path):
    written(tmp_path, "reviews.csv", text=texts(3), label=list("aba"))
    with pytest.raises(
        UserError, match=r"without pictures; if reviews.csv in it is the data, give "
    ):
        recognise(str(tmp_path))


@pytest.mark.parametrize("ending", ["pgm", "jp2", "jfif"])
def test_pictures_of_every_kind_that_is_read_are_pictures(tmp_path, ending):
    kind = {"pgm": "ppm", "jp2": "jpeg2000", "jfif": "jpeg"}[ending]
    for number in range(4):
        path = tmp_path / f"s{number % 2}" / f"{number}.{ending}"
        path.parent.mkdir(exist_ok=True)
        Image.new("L", (8, 8), number).save(path, kind)
    written(tmp_path, "index.csv", name=["s0/0", "s1/1"], who=["s0", "s1"])
    assert recognise(str(tmp_path)).modality == "image"
    with pytest.raises(UserError, match="is one image"):
        recognise(str(path))


def test_a_folder_of_tables_is_no_data(tmp_path):
    for name in ("train.csv", "test.csv"):
        written(tmp_path, name, text=texts(3), label=list("aba"))
    with pytest.raises(
        UserError, match=r"is a folder of 2 tables \(test.csv, train.csv\); .*--split-"
    ):
        recognise(str(tmp_path))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([], "it holds nothing"),
        (["a.txt", "b.txt"], "its texts say no class"),
        (["a.xlsx", "b.xlsx", "c"], "it holds files of .xlsx, no ending"),
    ],
)
def test_a_folder_without_classes_says_what_it_holds(tmp_path, files, said):
    for name in files:
        (tmp_path / name).write_text("something")
    with pytest.raises(UserError, match=rf"no class folders, as class/name.jpg or .*: {said}"):
        recognise(str(tmp_path))


def test_an_address_with_a_query_says_what_to_do():
    with pytest.raises(UserError, match=r"data.csv\?…: an address with a query is not read"):
        recognise("https://x.org/data.csv?download=1")


def test_encoded_images_in_a_column(tmp_path):
    path = tmp_path / "pets.parquet"
    content = (tmp_path / pictures(tmp_path / "p", [(8, 8)] * 2) / "a" / "0.png").read_bytes()
    columns = {"photo": [{"bytes": content, "path": ""}] * 60, "kind": cycle(["cat", "dog"])}
    parquet.write_table(pa.table(columns), path)
    found = recognise(str(path))
    assert (found.modality, found.input_column, found.label_column) == ("image", "photo", "kind")
    parquet.write_table(pa.table(columns | {"caption": texts(60)}), path)
    with pytest.raises(UserError, match=r"holds images \('photo'\) and texts \('caption'\)"):
        recognise(str(path))
    assert recognise(str(path), "text").input_column == "caption"
    assert recognise(str(path), "image").input_column == "photo"


@pytest.mark.parametrize(
    ("source", "modality"), [("digits", "image"), ("rotten-tomatoes", "text"), ("stl10", "image")]
)
def test_named_sets_are_known_and_not_read(source, modality):
    assert recognise(source).modality == modality
    assert recognise(source).said == ""


def test_one_picture_is_no_data(tmp_path):
    pictures(tmp_path, [(8, 8)])
    with pytest.raises(UserError, match="is one image; give the folder"):
        recognise(str(tmp_path / "a" / "0.png"))


def test_jsonl_of_nested_values(tmp_path):
    path = tmp_path / "data.jsonl"
    rows = [
        {"body": text, "tags": ["a"], "user": {"name": "x"}, "kind": "ab"[n % 2]}
        for n, text in enumerate(texts(60))
    ]
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert recognise(str(path)).label_column == "kind"


def test_lists_and_structs_are_neither_texts_nor_labels(tmp_path):
    """As tokens, embeddings and tags stand in a Parquet file, some of them missing."""
    path = tmp_path / "data.parquet"
    columns = {
        "tokens": [text.split() for text in texts(60)],
        "embedding": [[0.5, float(n)] for n in range(60)],
        "tags": cycle([["a"], [], None]),
        "user": cycle([{"name": "x", "langs": ["de", "fr"]}, None]),
        "body": texts(60),
        "kind": cycle("ab"),
    }
    parquet.write_table(pa.table(columns), path)
    found = recognise(str(path))
    assert (found.input_column, found.label_column) == ("body", "kind")
    with pytest.raises(UserError, match="no column 'label', and none that must be the labels"):
        recognise(str(path), columns=Columns(input="kind", label="", group="body"))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_header_in_another_encoding_is_refused(name, tmp_path):
    (tmp_path / name).write_bytes(b"Gr\xf6\xdfe,text\n1,fine\n2,cold\n")
    said = "its header has bytes that are not UTF-8; mend them; .* iconv -f WINDOWS-1252"
    with pytest.raises(UserError, match=said):
        recognise(str(tmp_path / name))


def test_rows_that_cannot_be_read_say_nothing_of_columns(tmp_path):
    rows = [f"{text},{'ab'[n % 2]}\n" for n, text in enumerate(texts(60))]
    content = "".join(["text,label\n", *rows]).encode() + b"\xff\xfe,\xfd\n"
    (tmp_path / "a.csv").write_bytes(content)
    assert "labels in 'label' (a, b)" in recognise(str(tmp_path / "a.csv")).said
