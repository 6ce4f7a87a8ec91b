import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from bakeoff.data.columns import Columns
from bakeoff.data.files import read_table, read_whole_table
from bakeoff.errors import UserError

BODIES = ['A "fine", naïve film', "two\nlines", "plain"]
STARS = ["NA", "5", "NA"]
CSV = 'id,body,stars\n1,"A ""fine"", naïve film",NA\n2,"two\nlines",5\n3,plain,NA\n'
JSONL = "\n\n".join(
    json.dumps({"body": b, "stars": s, "id": 1}) for b, s in zip(BODIES, STARS, strict=True)
)


def as_parquet(frame):
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


IMAGES = as_parquet(pd.DataFrame({"label": [1], "scan": [{"bytes": b"PNG", "path": "1.png"}]}))
PARQUET = as_parquet(pd.DataFrame({"stars": STARS, "body": BODIES}, index=[7, 8, 9]))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("reviews.csv", CSV.encode()),
        ("reviews.CSV", CSV.replace("\n", "\r\n").replace("two\r\n", "two\n").encode()),
        ("mark.csv", b"\xef\xbb\xbf" + CSV.encode()),
        (
            "reviews.tsv",
            b'body\tstars\n"A ""fine"", na\xc3\xafve film"\tNA\n"two\nlines"\t5\nplain\tNA',
        ),
        ("reviews.jsonl", JSONL.encode()),
        ("mark.jsonl", b"\xef\xbb\xbf" + JSONL.encode()),
        ("reviews.parquet", PARQUET),
    ],
)
def test_formats(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    frame = read_table(str(tmp_path / name), Columns("body", "stars")).frame
    assert frame.columns.tolist() == ["text", "label"]
    assert frame.index.tolist() == [0, 1, 2]
    assert frame["text"].tolist() == BODIES
    assert frame["label"].tolist() == STARS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b"text,label\na,1\n,0\nc,\n"),
        ("x.jsonl", b'{"text": "a", "label": 1}\n{"text": null, "label": 0}\n{"text": "c"}\n'),
        (
            "x.parquet",
            as_parquet(
                pd.DataFrame({"text": ["a", None, "c"], "label": [1, 0, None]}).convert_dtypes()
            ),
        ),
    ],
)
def test_missing_values_stay_missing(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    frame = read_table(str(tmp_path / name), Columns()).frame
    assert [text if isinstance(text, str) else None for text in frame["text"]] == ["a", None, "c"]
    assert frame["label"].isna().tolist() == [False, False, True]
    assert [str(label).removesuffix(".0") for label in frame["label"][:2]] == ["1", "0"]


@pytest.mark.parametrize(
    ("features", "labels"),
    [
        ({"label": {"names": ["bad", "good"]}, "text": {"dtype": "string"}}, ["good", "bad", None]),
        ({"other": {"names": ["bad", "good"]}}, [1, 0, -1]),
        ([], [1, 0, -1]),
    ],
)
def test_labels_of_parquet_are_called_as_hugging_face_calls_them(tmp_path, features, labels):
    table = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]})
    known = {"huggingface": json.dumps({"info": {"features": features}})}
    parquet.write_table(table.replace_schema_metadata(known), tmp_path / "x.parquet")
    frame = read_table(str(tmp_path / "x.parquet"), Columns()).frame
    assert frame["label"].astype(object).where(frame["label"].notna(), None).tolist() == labels


def test_labels_of_csv_stay_as_they_are_written(tmp_path):
    (tmp_path / "x.csv").write_text("text,label\na,01\nb,NA\nc,1.50\n")
    frame = read_table(str(tmp_path / "x.csv"), Columns()).frame
    assert frame["label"].tolist() == ["01", "NA", "1.50"]


def invalid_text_in_parquet():
    offsets, letters = np.array([0, 1, 2], "int32"), b"a\xff"
    texts = pa.Array.from_buffers(
        pa.string(), 2, [None, pa.py_buffer(offsets), pa.py_buffer(letters)]
    )
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"text": texts, "label": [0, 1]}), buffer)
    return buffer.getvalue()


def two_columns_of_one_name():
    buffer, column = io.BytesIO(), pa.array(["a", "b"])
    names = ["text", "label", "label"]
    parquet.write_table(pa.Table.from_arrays([column] * 3, names=names), buffer)
    return buffer.getvalue()


TWICE = two_columns_of_one_name()


def damaged(content):
    """The same with zeros in the metadata at the end."""
    return content[:-200] + bytes(100) + content[-100:]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.csv", b"", "is empty"),
        ("x.csv", b"\xef\xbb\xbf \r\n", "is empty"),
        ("x.csv", b"sep=,\n\n", "is empty"),
        ("x.csv", b'""', "is empty"),
        ("x.csv", b'sep=,\n""\n""\n', "is empty"),
        ("x.csv", b"text,label\n", "has a header and no rows"),
        ("x.csv", b"body, label\na,1\n", "has no column 'text'; it has: body, label"),
        ("x.csv", b"text\na\n", "has no column 'label'; it has: text"),
        ("x.csv", b"text,label\nfine\nfine, or so,1\n", "line 3 has 3 fields.*quotes"),
        ("x.csv", b"text,label\nfine, or so,1\n", "line 2 has 3 fields, and its header has 2"),
        ("x.csv", b'text,label\na,1\n"b,c,0\n', "on line 3 is never closed; .*double"),
        ("x.csv", b'text,label\n"a" b, c,1\nd,1\n', "on line 2 ends within a text; .*double"),
        ("x.csv", b"text,label\na,1\nb\xe9b,0\n", r"not UTF-8 \(line 3\); .*iconv -f WINDOWS"),
        ("x.csv", b"\xef\xbb\xbftext,label\na,1\n\xe9,0\n", r"not UTF-8 \(line 3\)"),
        ("x.jsonl", b'{"text": "\xe9", "label": 1}', r"not UTF-8 \(line 1\)"),
        ("x.tsv", "text\tlabel\na\t1".encode("utf-16")[:-1], "UTF-16 and damaged at byte 28"),
        ("x.csv", b"text,label,label\na,1,2\n", "several columns 'label'; it has: text, label, la"),
        ("x.tsv", b"text\tlabel\tlabel\na\t1\t2\n", "several columns 'label'"),
        ("x.jsonl", b'{"text": "a", "label": 1, "label": 2}', "line 1 has several columns 'label'"),
        ("x.parquet", TWICE, "several columns 'label'; it has: text, label, label"),
        ("x.jsonl", b'{"text": "a", "label": 1}\n{"text": "a"', "line 2 is no JSON"),
        ("x.jsonl", b'["a", 1]', "line 1 is no JSON object"),
        ("x.jsonl", b'\n{"text": "\\uD83D", "label": 1}', "line 2 holds half a character .*ud83d"),
        ("x.jsonl", b'{"body": "a"}', "has no column 'text'; it has: body"),
        ("x.parquet", b"PAR1 and no more", "is no Parquet file, or a damaged one"),
        ("x.parquet", PARQUET[:200], "is no Parquet file, or a damaged one"),
        ("x.parquet", damaged(PARQUET), "is no Parquet file, or a damaged one"),
        ("x.parquet", invalid_text_in_parquet(), "damaged one: .*UTF8"),
        ("x.parquet", PARQUET, r"has no column 'text'; it has: stars, body.*--label-column\)$"),
        ("x.parquet", IMAGES, r"has no column 'text'; .*; for images: --image-column scan\)$"),
        ("x.xlsx", b"PK", r"unknown file ending '\.xlsx'; known are \.csv, \.tsv"),
    ],
)
def test_bad_files_are_explained(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        read_table(str(path), Columns())
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def read(path, content, columns=Columns(), **settings):  # noqa: B008
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    table = read_table(str(path), columns, **settings)
    return table.frame["text"].tolist(), table.frame["label"].tolist(), table


@pytest.mark.parametrize("first", ["text", "label"])
@pytest.mark.parametrize("ending", ["csv", "tsv"])
@pytest.mark.parametrize("marked", [(1,), (1, 5), (1, 5, 6), (0, 9)])
@pytest.mark.parametrize("closed", [False, True])
def test_a_quotation_mark_at_the_start_of_a_text_swallows_no_rows(
    tmp_path, first, ending, marked, closed
):
    """As UCI's SMS Spam Collection has it; the second mark may stand at the end of its text."""
    sign = {"csv": ",", "tsv": "\t"}[ending]
    texts = [f"text {n}" for n in range(10)]
    for place in marked:
        texts[place] = f'{texts[place]}"' if closed and place == marked[-1] else f'"{texts[place]}'
    pairs = [(text, "ham" if n % 3 else "spam") for n, text in enumerate(texts)]
    rows = [sign.join(pair if first == "text" else pair[::-1]) for pair in pairs]
    header = sign.join(["text", "label"] if first == "text" else ["label", "text"])
    found, labels, table = read(tmp_path / f"x.{ending}", "\n".join([header, *rows]) + "\n")
    assert labels == [label for _, label in pairs]
    assert found == texts
    assert table.remarks == [] or "every line is a row" in table.remarks[0]


@pytest.mark.parametrize("between", ["\n\n", "\n \n", "\r\n\r\n"])
def test_blank_lines_between_rows_let_a_quotation_mark_swallow_none(tmp_path, between):
    rows = [f"{'ham' if n % 3 else 'spam'}\ttext {n}" for n in range(9)]
    rows[2], rows[6] = 'ham\t"text 2', 'spam\ttext 6"'
    found, _, table = read(tmp_path / "x.tsv", between.join(["label\ttext", *rows]))
    assert found == [row.split("\t")[1] for row in rows]
    assert table.remarks == ["quotation marks are part of texts: every line is a row"]


def test_without_labels_tabs_tell_rows_that_a_quotation_mark_would_join(tmp_path):
    (tmp_path / "x.tsv").write_text('id\ttext\n1\t"good\n2\tbad\n3\tbad"\n')
    table = read_whole_table(str(tmp_path / "x.tsv"), "text")
    assert table.frame["text"].tolist() == ['"good', "bad", 'bad"']
    (tmp_path / "x.csv").write_text('id,text\n1,"good, it is\nfine, indeed"\n2,bad\n')
    table = read_whole_table(str(tmp_path / "x.csv"), "text")
    assert table.frame["text"].tolist() == ["good, it is\nfine, indeed", "bad"]


def test_quoted_texts_keep_their_lines_and_separators_and_the_count_is_said(tmp_path):
    texts = ["Hello, world\nbye", 'say ""hi""'.replace('""', '"'), "a,b", "one\n\ntwo", "1", "2"]
    lines = [f'"{text.replace(chr(34), chr(34) * 2)}",{n % 2}' for n, text in enumerate(texts)]
    found, labels, table = read(tmp_path / "x.csv", "\r\n".join(["text,label", *lines]))
    assert found == texts
    assert labels == ["0", "1"] * 3
    assert table.remarks == ["6 rows stand on 8 lines: quoted texts hold line breaks"]


def test_rows_that_marks_join_where_other_lines_are_no_rows_are_refused(tmp_path):
    rows = ['ham,"so', "spam,buy", 'ham,it"', 'ham,"two', 'lines"', "ham,x", "spam,y"]
    with pytest.raises(UserError, match=r"mark on line 2 is closed on line 4.* looks like rows"):
        read(tmp_path / "x.csv", "\n".join(["label,text", *rows]))


def test_marks_inside_texts_may_be_escaped_by_backslashes(tmp_path):
    found, _, _ = read(tmp_path / "x.csv", 'text,label\n"say \\"hi\\", Jo",1\nb,0\n')
    assert found == ['say "hi", Jo', "b"]


@pytest.mark.parametrize(
    ("name", "sign", "said"),
    [("x.csv", "\t", "tabs"), ("x.csv", ";", "semicolons"), ("x.tsv", ",", "commas")],
)
def test_another_separator_than_the_ending_promises_is_recognised_and_said(
    tmp_path, name, sign, said
):
    rows = [["id", "text", "label"], ["1", "fine, indeed" if sign != "," else "fine", "a"]]
    found, labels, table = read(tmp_path / name, "\n".join(sign.join(row) for row in rows))
    assert (found, labels) == ([rows[1][1]], ["a"])
    assert table.remarks == [f"columns are separated by {said}"]
    with pytest.raises(UserError, match="no column 'body'; it has: id, text, label "):
        read_table(str(tmp_path / name), Columns("body"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_utf_16_is_recognised_with_and_without_its_mark(tmp_path, encoding, name):
    text = "text,label\nbeau été,a\nпривет,b\n"
    if name == "x.jsonl":
        text = '{"text": "beau été", "label": "a"}\n{"text": "привет", "label": "b"}\n'
    found, labels, table = read(tmp_path / name, text.encode(encoding))
    assert (found, labels) == (["beau été", "привет"], ["a", "b"])
    assert table.remarks == [f"read as {encoding[:6].upper()}"]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_damaged_bytes_are_named_by_line_and_may_be_left_out(tmp_path, name):
    rows = [f"text {n} é".encode() for n in range(9)]
    rows[2], rows[7] = b"text \xff", b"te\xc3xt"
    if name == "x.csv":
        content = b"text,label\n" + b"".join(row + b",a\n" for row in rows)
        lines = "4, 9"
    else:
        content = b"".join(b'{"text": "' + row + b'", "label": "a"}\n' for row in rows)
        lines = "3, 8"
    with pytest.raises(UserError, match=rf"\(2 lines: {lines}\); mend") as caught:
        read(tmp_path / name, content)
    # Converting the whole file would spoil its other lines.
    assert "iconv" not in str(caught.value)
    found, _, table = read(tmp_path / name, content, skip_bad=True)
    assert table.bad == {2: "not UTF-8", 7: "not UTF-8"}
    assert found[8] == "text 8 é"


@pytest.mark.parametrize(
    ("text", "encoding", "said"),
    [
        ("déjà vu, señor", "cp1252", "-f WINDOWS-1252 -t"),
        ("хороший фильм", "cp1251", "-f NAME -t UTF-8, such as WINDOWS-1251 of Cyrillic"),
        ("面白い映画です", "shift_jis", "-f NAME -t"),
    ],
)
def test_the_advice_for_another_encoding_would_not_spoil_the_file(tmp_path, text, encoding, said):
    rows = "".join(f'"{text} {n}",{n % 2}\n' for n in range(9))
    with pytest.raises(UserError, match="9 lines: 2, 3, 4, 5, 6, …") as caught:
        read(tmp_path / "x.csv", f"text,label\n{rows}".encode(encoding))
    assert said in str(caught.value)


def test_damage_in_a_column_that_nobody_reads_does_not_matter(tmp_path):
    found, _, _ = read(tmp_path / "x.csv", b"text,label,note\na,1,\xff\nb,0,ok\n")
    assert found == ["a", "b"]


@pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;", "\nsep=;"])
def test_a_line_that_tells_excel_the_separator_is_no_header(tmp_path, line):
    content = f"{line}\ntext;label\nfine, so;a\n"
    assert read(tmp_path / "x.csv", content)[:2] == (["fine, so"], ["a"])


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.jsonl", "x.parquet"])
def test_spaces_around_names_of_columns_do_not_count(tmp_path, name):
    def written(names):
        if name == "x.parquet":
            return as_parquet(pd.DataFrame([["a", "1"], ["b", "0"]], columns=names))
        if name == "x.jsonl":
            rows = [f'{{"{names[0]}": "{t}", "{names[1]}": "{v}"}}\n' for t, v in ("a1", "b0")]
            return "".join(rows)
        sign = "," if name == "x.csv" else "\t"
        return "".join(f"{sign.join(row)}\n" for row in (names, "a1", "b0"))

    for column in ("label", " label"):
        found = read(tmp_path / name, written(["text ", " label"]), Columns("text", column))
        assert found[:2] == (["a", "b"], ["1", "0"])
    with pytest.raises(UserError, match="several columns 'label'"):
        read(tmp_path / name, written(["label", " label"]), Columns("label", "label"))


def test_columns_are_found_however_their_names_are_composed(tmp_path):
    decomposed, composed = "e\u0301tat", "\u00e9tat"
    content = f"text,{decomposed}\na,1\n"
    assert read(tmp_path / "x.csv", content, Columns("text", composed))[1] == ["1"]
    assert read(tmp_path / "x.csv", content, Columns("text", decomposed))[1] == ["1"]


def test_long_rows_and_broken_json_may_be_left_out(tmp_path):
    content = "text,label\nfine\nfine, or so,1\na,1,\n"
    _, labels, table = read(tmp_path / "x.csv", content, skip_bad=True)
    assert table.bad == {1: "too many fields"}
    assert labels[2] == "1"
    content = '{"text": "a", "label": "x"}\n{"text": "b"'
    assert read(tmp_path / "x.jsonl", content, skip_bad=True)[2].bad == {1: "no JSON"}


TWO = ["fine", "poor"]


@pytest.mark.parametrize(
    ("column", "values", "kind"),
    [
        ("text", pa.array([["a"], ["b", "c"]]), "lists instead of texts"),
        ("text", pa.array([None, b"fine"]), "binary values instead of texts"),
        ("text", pa.array([b"fine", b"poor"], pa.binary(4)), "binary values instead of texts"),
        ("text", pa.array([{"en": "a"}, {"en": "b"}]), "structs instead of texts"),
        ("text", pa.array([1, 2]), "values of the type int instead of texts"),
        ("label", pa.array([[0], [1]]), "lists instead of labels"),
        ("label", pa.array([b"good", b"bad"]), "binary values instead of labels"),
        ("label", pa.array([{"stars": 1}, {"stars": 5}]), "structs instead of labels"),
    ],
)
def test_columns_that_hold_no_texts_or_labels_are_explained(tmp_path, column, values, kind):
    path = tmp_path / "x.parquet"
    parquet.write_table(pa.table({"text": TWO, "label": TWO, column: values}), path)
    row = 1 if values[0].is_valid else 2
    with pytest.raises(UserError) as caught:
        read_table(str(path), Columns())
    assert str(caught.value) == (
        f"{path}: column '{column}' holds {kind} (row {row}); convert it, or name another column "
        f"with --{column}-column"
    )


def test_a_list_in_one_line_of_jsonl_is_explained(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a", "label": 1}\n{"text": ["b", "c"], "label": 0}\n')
    with pytest.raises(UserError, match=r"column 'text' holds lists .* \(row 2\)"):
        read_table(str(path), Columns())


@pytest.mark.parametrize(
    "labels",
    [
        pa.array([1, 2]),
        pa.array([0.5, 1.5]),
        pa.array([True, False]),
        pa.array(TWO).cast("large_string"),
    ],
)
def test_labels_may_be_numbers_and_texts_of_any_string_type(tmp_path, labels):
    path = tmp_path / "x.parquet"
    for texts in (pa.array(TWO), pa.array(TWO).dictionary_encode(), pa.array(TWO, "large_string")):
        parquet.write_table(pa.table({"text": texts, "label": labels}), path)
        frame = read_table(str(path), Columns()).frame
        assert frame["text"].tolist() == TWO
        assert frame["label"].tolist() == labels.to_pylist()


def test_a_pair_of_surrogates_is_a_character(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"text": "\\ud83d\\ude00", "label": 1}')
    assert read_table(str(tmp_path / "x.jsonl"), Columns()).frame["text"].tolist() == ["😀"]


def test_a_folder_in_place_of_a_file(tmp_path):
    (tmp_path / "x.csv").mkdir()
    with pytest.raises(UserError, match=r"cannot read .*x\.csv: Is a directory"):
        read_table(str(tmp_path / "x.csv"), Columns())


@pytest.mark.parametrize(
    ("name", "content"), [("r.csv", CSV.encode()), ("deep/r.parquet", PARQUET)]
)
def test_s3(bucket, name, content):
    bucket.pipe(f"reviews/{name}", content)
    frame = read_table(f"s3://reviews/{name}", Columns("body", "stars")).frame
    assert frame["text"].tolist() == BODIES


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("s3://reviews/none.csv", "there is no such file"),
        ("s3://no-bucket/r.csv", ".*bucket does not exist"),
        ("http://127.0.0.1:9/r.csv", "Cannot connect"),
        ("gopher://host/r.csv", "Protocol not known: gopher"),
    ],
)
def test_remote_refusals_are_one_line(address, reason):
    advice = "check the address and the credentials"
    with pytest.raises(UserError, match=f"cannot read {address}: {reason}.*; {advice}") as caught:
        read_table(address, Columns())
    assert "\n" not in str(caught.value)


def test_s3_without_valid_credentials(bucket, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/none")
    bucket.clear_instance_cache()
    with pytest.raises(UserError, match="Unable to locate credentials; check"):
        read_table("s3://reviews/r.csv", Columns())


QUOTED = [f'"good film {n}","{"pos" if n % 2 else "neg"}"' for n in range(8)]


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ('"he said "hi" there","pos"', 'opens on line 6 ends within a text; .*double those .*""'),
        ('"two\nlines, "hi"\nand more","pos"', "opens on line 6 ends within a text"),
        ('"good film,"pos"', "opens on line 6 ends within a text"),
        ('"good film","pos', "opens on line 6 ends within a text"),
        ('a\rb,"pos"', "the row on line 6 holds a carriage return outside quotation marks; remove"),
    ],
)
@pytest.mark.parametrize("header", ["text,label", '"text","label"'])
@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "semicolons.csv"])
def test_a_stray_mark_among_marks_that_enclose_makes_one_row_bad(tmp_path, name, header, odd, said):
    content = "\n".join([header, *QUOTED[:4], odd, *QUOTED[4:]])
    sign = {"x.csv": ",", "x.tsv": "\t", "semicolons.csv": ";"}[name]
    content = content.replace(",", sign)
    with pytest.raises(UserError, match=f"is malformed: .*{said}.* with --skip-bad-rows$"):
        read(tmp_path / name, content)
    found, labels, table = read(tmp_path / name, content, skip_bad=True)
    assert table.bad == {4: "malformed"}
    assert found[:4] + found[5:] == [f"good film {n}" for n in range(8)]
    assert labels[:4] + labels[5:] == ["neg", "pos"] * 4


def test_a_stray_mark_in_the_header_is_refused(tmp_path):
    for skip in (False, True):
        with pytest.raises(UserError, match="opens on line 1 ends within a text"):
            read(tmp_path / "x.csv", "\n".join(['"te"xt","label"', *QUOTED]), skip_bad=skip)


def test_a_carriage_return_in_a_file_without_marks_is_a_part_of_its_text(tmp_path):
    assert read(tmp_path / "x.csv", "text,label\na\rb,1\nc,0\n")[:2] == (["a\rb", "c"], ["1", "0"])


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([2**60 + 1, 2**60 + 2, None]),
        pa.array([2**63 + 1, 2**63 + 2, None], pa.uint64()),
        pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array([2**60 + 1, 2**60 + 2])),
    ],
    ids=["signed", "unsigned", "categories"],
)
def test_large_integers_beside_missing_ones_keep_their_digits(tmp_path, ids):
    parquet.write_table(pa.table({"text": list("abc"), "label": ids}), tmp_path / "x.parquet")
    frame = read_table(str(tmp_path / "x.parquet"), Columns(group="label")).frame
    assert frame["label"].tolist() == frame["group"].tolist() == ids.to_pylist()


@pytest.mark.parametrize("nested", ['{"a":%s}', "[%s]"])
def test_json_that_is_nested_too_deeply_is_a_bad_row(tmp_path, nested):
    opening, closing = nested.split("%s")
    deep = opening * 100_000 + "1" + closing * 100_000
    content = f'{{"text": "a", "label": 1}}\n{{"text": "b", "label": 0, "meta": {deep}}}\n'
    with pytest.raises(UserError, match=r"line 2 is nested too deeply; leave that field out$"):
        read(tmp_path / "x.jsonl", content)
    assert read(tmp_path / "x.jsonl", content, skip_bad=True)[2].bad == {1: "no JSON"}
