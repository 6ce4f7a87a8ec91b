import datetime

import pandas as pd
import pytest

from bakeoff.data.places import read_places
from bakeoff.errors import UserError


def read(role, values, skip=False):
    frame = pd.DataFrame({role: values})
    found, bad = read_places("x.csv", frame, {role: "col"}, "--skip-bad-rows", skip)
    return found[role].tolist(), bad


@pytest.mark.parametrize(
    "values",
    [
        ["3", "10", "-2.5"],
        [3, 10, -2.5],
        ["2024-01-31", "2024-11-01", "2023-12-31T23:59:59Z"],
        ["2024-05", "2024-11", "2023"],
        ["2024-01-01T01:00:00+02:00", "2024-01-01T00:30:00+00:00", "2023-12-31T22:00:00Z"],
        [datetime.date(2024, 1, 31), datetime.date(2024, 11, 1), datetime.date(1960, 1, 1)],
        pd.to_datetime(["2024-01-31", "2024-11-01", "2023-01-01"]),
        ["2024-01-31", "9999-12-31", "0001-01-01"],
        ["2024-01-31 00:00:00.1", "9999-12-31 23:59:59.9999999", "2024-01-31"],
        ["2024-01-31", "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+02:00"],
        [datetime.datetime(2024, 1, 31), datetime.date(9999, 12, 31), datetime.date(1, 1, 1)],
        pd.Series(["2024-01-31", "9999-12-31", "0001-01-01"]).astype("datetime64[s]"),
    ],
)
def test_times_are_ordered_as_numbers_and_dates_are(values):
    found, bad = read("time", values)
    assert found[2] < found[0] < found[1]
    assert not bad


def test_splits_have_many_spellings():
    given = ["train", " Training ", "TRAIN", "val", "valid", "Validation", "test", "TEST"]
    assert read("split", given)[0] == ["train"] * 3 + ["validation"] * 3 + ["test"] * 2


def test_groups_are_texts_however_they_are_typed():
    assert read("group", ["caf\u00e9 ", "cafe\u0301", "b"])[0] == ["caf\u00e9", "caf\u00e9", "b"]
    assert read("group", [1.0, 2.0, 1.0])[0] == ["1", "2", "1"]


@pytest.mark.parametrize(
    ("role", "values", "message"),
    [
        (
            "time",
            ["1", "31/12/2024", "2", None],
            r"2 rows have no time .*2: '31/12/2024', 4\); times are n",
        ),
        ("split", ["train", "holdout"], "1 row has no split in column 'col' .*2: 'holdout'"),
        ("group", ["a", " ", None], r"2 rows have no group in column 'col' \(row 2, 3\)"),
    ],
)
def test_what_is_none_is_refused_or_left_out(role, values, message):
    with pytest.raises(UserError, match=message) as caught:
        read(role, values)
    assert "--skip-bad-rows" in str(caught.value)
    lacking = [n for n, value in enumerate(values) if value in (None, " ", "holdout", "31/12/2024")]
    assert read(role, values, skip=True)[1] == dict.fromkeys(lacking, f"no {role}")
