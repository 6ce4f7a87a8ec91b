from dataclasses import replace

import pandas as pd
import pytest

from bakeoff.data.cleaning import clean
from bakeoff.data.sources import Source
from bakeoff.errors import UserError


def source(texts, labels, **settings):
    frame = pd.DataFrame({"text": texts, "label": labels})
    return Source(frame, "films", "films.csv", "body", "stars", **settings)


def numbered(labels):
    return source([f"film {n}" for n in range(len(labels))], labels)


def test_texts_are_trimmed_and_composed_and_otherwise_left_alone():
    texts = ["  Cafe\u0301 \n", "A <br /> B  C", "\tplain", "ﬁne"]
    rows = clean(source(texts, ["a", "b", "a", "b"]))
    assert rows.frame["text"].tolist() == ["Café", "A <br /> B  C", "plain", "ﬁne"]
    assert rows.frame["id"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("labels", "classes", "indices"),
    [
        (["good", "bad ", "bad", " good"], ["bad", "good"], [1, 0, 0, 1]),
        ([10.0, 2.0, 2.0, 10.0], ["2", "10"], [1, 0, 0, 1]),
        (["10", "-1", "2.5", "-1", "10", "2.5", "10", "10", "10"], ["-1", "2.5", "10"], None),
        (["1.0", "0.0", "0.0", "1.0"], ["0", "1"], [1, 0, 0, 1]),
        (["3.0", "3.1", "3.1", "3.0"], ["3.0", "3.1"], [0, 1, 1, 0]),
        ([True, False, True, False], ["False", "True"], [1, 0, 1, 0]),
        (["NA", "x", "NA", "1"] * 3, ["1", "NA", "x"], [1, 2, 1, 0] * 3),
    ],
)
def test_labels_become_indices_of_ordered_classes(labels, classes, indices):
    rows = clean(numbered(labels))
    assert rows.classes == classes
    if indices:
        assert rows.frame["label"].tolist() == indices


def test_a_named_set_names_its_classes():
    rows = clean(source(["a", "b", "c", "d"], [0, 1, 1, 0], classes=["negative", "positive"]))
    assert rows.classes == ["negative", "positive"]
    assert rows.frame["label"].tolist() == [0, 1, 1, 0]


def test_duplicates_differ_in_case_spaces_and_line_breaks_only():
    texts = ["A fine film", "a  FINE\nfilm", "a fine<br />film", "A fine film!", "Poor", "poor"]
    rows = clean(source(texts, ["good", "good", "bad", "good", "bad", "bad"]))
    assert rows.groups.tolist() == [0, 0, 0, 1, 2, 2]
    assert rows.facts["duplicates"] == {
        "groups": 2,
        "surplus_rows": 3,
        "groups_with_conflicting_labels": 1,
    }


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_rows_without_label_are_refused_or_left_out(nothing):
    found = source(["a", "b", "c", "d", "e"], ["x", nothing, "y", "x", "y"])
    with pytest.raises(UserError) as caught:
        clean(found)
    assert str(caught.value) == (
        "films.csv: 1 row has no label in column 'stars' (row 2); "
        "mend them, or leave them out with --skip-bad-rows"
    )
    rows = clean(found, skip_bad_rows=True)
    assert rows.frame["id"].tolist() == [0, 2, 3, 4]
    assert rows.facts["dropped"] == {"no label": 1}


@pytest.mark.parametrize("nothing", [None, float("nan"), "", " \n\t", "\u3000"])
def test_rows_without_text_are_refused_or_left_out(nothing):
    found = source(["a", "b", nothing, nothing, "e", "f"], ["x", "y"] * 3)
    with pytest.raises(UserError, match=r"2 rows have no text in column 'body' \(row 3, 4\)"):
        clean(found)
    rows = clean(found, skip_bad_rows=True)
    assert rows.frame["id"].tolist() == [0, 1, 4, 5]
    assert rows.facts["dropped"] == {"no text": 2}


def test_a_row_without_both_counts_once():
    found = source(["a", "", "c", "d", " "], ["x", None, "y", "x", "y"])
    assert clean(found, skip_bad_rows=True).facts["dropped"] == {"no label": 1, "no text": 1}


def test_of_many_bad_rows_the_first_are_named():
    found = numbered([None] * 7 + ["a", "b"])
    with pytest.raises(UserError, match=r"7 rows have no label .* \(row 1, 2, 3, 4, 5, …\)"):
        clean(found)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["x"] * 9, "films.csv: column 'stars' holds the single class 'x'; .*--label-column"),
        ([1.5, 2.5, 3.5, 4.5] * 2, "column 'stars' has 4 different values in 8 rows, too many"),
        (list(range(1001)) * 2, "column 'stars' has 1001 different values in 2002 rows"),
    ],
)
def test_labels_that_are_no_classes_are_explained(labels, message):
    with pytest.raises(UserError, match=message):
        clean(numbered(labels))


def test_two_classes_are_classes_however_few_the_rows():
    assert clean(numbered(["a", "b"])).classes == ["a", "b"]


def test_classes_may_be_many():
    assert len(clean(numbered(list(range(1500)) * 3)).classes) == 1500


def test_nothing_left_is_explained():
    with pytest.raises(UserError, match="'stars': no rows are left"):
        clean(numbered([None, None]), skip_bad_rows=True)


def test_a_class_is_one_however_its_name_is_composed():
    rows = clean(numbered(["cafe\u0301", "caf\u00e9", "bar", "bar"]))
    assert rows.classes == ["bar", "caf\u00e9"]
    assert rows.frame["label"].tolist() == [1, 1, 0, 0]


def test_classes_that_differ_in_case_or_spaces_only_are_said_with_their_rows():
    labels = ["Spam", "ham", "spam", "spam", "not ham", "notham", "ham", "ｓpam"] * 3
    ending = "differ in case, spaces or invisible marks only; are they one?"
    assert clean(numbered(labels)).facts["remarks"] == [
        f"classes 'Spam' (3 rows) and 'spam' (6 rows) and 'ｓpam' (3 rows) {ending}",
        f"classes 'not ham' (3 rows) and 'notham' (3 rows) {ending}",
    ]


def test_classes_that_differ_in_what_cannot_be_seen_are_said_so_that_it_can():
    (remark,) = clean(numbered(["ham", "ham\u200b", "spam"] * 3)).facts["remarks"]
    assert remark.startswith("classes 'ham' (3 rows) and 'ham\\u200b' (3 rows) differ in")


def test_rows_that_could_not_be_read_are_left_out_and_counted():
    found = replace(numbered(["a", "b", None, "b", "a"]), bad={2: "not UTF-8"}, remarks=["said"])
    rows = clean(found)
    assert rows.frame["id"].tolist() == [0, 1, 3, 4]
    assert rows.facts["dropped"] == {"not UTF-8": 1}
    assert rows.facts["remarks"] == ["said"]


def test_more_than_a_thousand_classes_are_classes():
    assert len(clean(numbered(list(range(1500)) * 4)).classes) == 1500
