import sys

import numpy as np
import pandas as pd
import pytest

import bakeoff.cli
from bakeoff.artifacts import read_manifest
from bakeoff.data.prepare import prepare
from bakeoff.errors import UserError

WORDS = [f"w{n}" for n in range(500)]


@pytest.fixture
def table():
    """600 rows of 60 users, a day a row in six; two classes."""
    rng = np.random.default_rng(0)
    n = np.arange(600)
    return pd.DataFrame(
        {
            "text": [" ".join(rng.choice(WORDS, 12)) for _ in n],
            "label": np.where(rng.random(600) < 0.4, "a", "b"),
            "user": [f"u{k}" for k in rng.integers(60, size=600)],
            "day": [f"2024-{1 + k // 50:02d}-{1 + k % 25:02d}" for k in n],
            "part": np.array(["train", "val", "TEST"])[np.minimum(n % 5, 2)],
        }
    )


def prepared(root, table, **settings):
    """Each side's rows with all their columns, and the facts."""
    path = root / "x.parquet"
    table.to_parquet(path)
    settings = {"split": "0.7:0.1:0.2", "seed": 0, **settings}
    prepare(root / "d", root / "t", source=str(path), **settings)
    sides = {
        name: table.loc[pd.read_parquet(root / folder / f"{name}.parquet")["id"]]
        for name, folder in {"train": "d", "validation": "d", "test": "t"}.items()
    }
    return sides, read_manifest(root / "d")["facts"]


def test_a_user_is_on_one_side_only(tmp_path, table):
    sides, facts = prepared(tmp_path, table, group_column="user")
    users = [set(side["user"]) for side in sides.values()]
    assert sum(map(len, users)) == len(set.union(*users)) == 60
    assert facts["groups"] == {
        "column": "user",
        **{name: len(found) for name, found in zip(sides, users, strict=True)},
    }
    assert abs(facts["sizes"]["test"] - 120) < 12
    assert any("no group of column 'user' is on two sides" in line for line in facts["remarks"])


def test_what_users_share_draws_them_together(tmp_path, table):
    """A text that two users wrote may not be on two sides, nor may their other rows."""
    table.loc[[5, 300], "text"] = "the very same words that two users happened to write down"
    table.loc[[5, 300], "user"] = ["u1", "u2"]
    for seed in range(3):
        sides, _ = prepared(tmp_path, table, group_column="user", seed=seed)
        assert sum(bool({"u1", "u2"} & set(side["user"])) for side in sides.values()) == 1


def test_the_past_trains_and_copies_of_the_future_take_no_part(tmp_path, table):
    table.loc[[0, 599], "text"] = "once and for all the same"
    sides, facts = prepared(tmp_path, table, time_column="day")
    assert max(sides["train"]["day"]) < min(sides["validation"]["day"])
    assert max(sides["validation"]["day"]) < min(sides["test"]["day"])
    assert 0 not in sides["train"].index
    assert 599 in sides["test"].index
    assert facts["duplicates"]["copies_left_out"] == 1
    assert facts["times"]["train"] == [min(sides["train"]["day"]), max(sides["train"]["day"])]
    assert facts["times"]["test"][1] == "2024-12-25"
    assert set(pd.read_parquet(tmp_path / "d" / "train.parquet")) == {"id", "text", "label"}


def test_a_validation_of_copies_of_the_future_is_explained(tmp_path):
    n = np.arange(28)
    table = pd.DataFrame({"text": [f"text number {k}" for k in n], "label": n % 2, "day": n})
    table.loc[20:23, "text"] = table.loc[24:27, "text"].to_list()
    with pytest.raises(UserError, match="'day' every validation row is a copy of a test row"):
        prepared(tmp_path, table, time_column="day", split="20:4:4")
    sides, _ = prepared(tmp_path, table, time_column="day", split="18:6:4")
    assert set(sides["validation"]["day"]) == {18, 19}


def test_a_column_of_splits_is_taken_as_it_is(tmp_path, table):
    sides, facts = prepared(tmp_path, table, split_column="part")
    assert {name: set(side["part"]) for name, side in sides.items()} == {
        "train": {"train"},
        "validation": {"val"},
        "test": {"TEST"},
    }
    assert facts["sizes"] == {"train": 120, "validation": 120, "test": 360}
    assert facts["split_column"] == "part"


def test_near_copies_are_kept_together_and_counted(tmp_path, table):
    for n in range(0, 200, 2):
        table.loc[n + 1, "text"] = f"{table.loc[n, 'text'].upper()}! https://a.b/{n}"
    sides, facts = prepared(tmp_path, table)
    side = {row: name for name, rows in sides.items() for row in rows.index}
    assert all(side[n] == side[n + 1] for n in range(0, 200, 2))
    assert facts["near_copies"] == {"rows": 200, "groups": 100, "apart": 0}
    assert facts["duplicates"]["groups"] == 0
    assert "200 texts are near copies" in facts["remarks"][0]
    assert facts["sizes"] == {"train": 420, "validation": 60, "test": 120}


def test_near_copies_that_are_nearly_everything_are_said_and_not_kept_together(tmp_path, table):
    table["text"] = [
        f"the number of this text, out of all there are here, is {n}" for n in range(600)
    ]
    sides, facts = prepared(tmp_path, table)
    assert {name: len(side) for name, side in sides.items()} == facts["sizes"]
    assert facts["sizes"] == {"train": 420, "validation": 60, "test": 120}
    assert facts["near_copies"]["rows"] == 600
    assert facts["near_copies"]["apart"] > 500
    assert "too many to keep together: " in facts["remarks"][0]


def test_nine_texts_are_split_as_near_as_can_be_and_that_is_said(tmp_path):
    names = ["red", "green", "blue", "one", "two", "three", "dog", "cat", "cow"]
    table = pd.DataFrame({"text": names * 111, "label": ["a", "b", "a"] * 333})
    sides, facts = prepared(tmp_path, table)
    texts = [set(side["text"]) for side in sides.values()]
    assert sum(map(len, texts)) == 9
    sizes = ":".join(map(str, facts["sizes"].values()))
    assert f"the split is {sizes} instead of 699:100:200" in " ".join(facts["remarks"])


def test_the_command_divides_by_columns_and_says_so(tmp_path, table, monkeypatch, capsys):
    table.to_csv(tmp_path / "x.csv", index=False)
    options = ["--data", str(tmp_path / "x.csv"), "--output", str(tmp_path)]
    command = ["bakeoff", "data", "prepare", *options, "--group-column", "user"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as ended:
        bakeoff.cli.main()
    assert not ended.value.code
    assert "no group of column 'user' is on two sides: train " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"group_column": "nobody"}, "no column 'nobody'.*name them with --group-column"),
        ({"time_column": "user"}, "no time in column 'user'"),
        ({"time_column": "day", "group_column": "user"}, "contradict each other"),
        ({"time_column": "day", "split_column": "part"}, "contradict each other"),
        (
            {"split_column": "part", "group_column": "user"},
            "groups of column 'user' are on several .* as 'u",
        ),
        ({"split_column": "only"}, "names rows of train only"),
    ],
)
def test_columns_that_cannot_divide_are_explained(tmp_path, table, settings, message):
    with pytest.raises(UserError, match=message):
        prepared(tmp_path, table.assign(only="train"), **settings)
    assert not (tmp_path / "d").exists()


def test_a_set_without_columns_is_explained(tmp_path):
    with pytest.raises(UserError, match="imdb-25k has no further columns, and --group-column"):
        prepare(
            tmp_path / "d",
            tmp_path / "t",
            source="imdb-25k",
            split="0.7:0.1:0.2",
            seed=0,
            group_column="user",
        )


@pytest.mark.parametrize("role", ["group", "time", "split"])
def test_pictures_of_a_parquet_are_divided_by_its_columns(tmp_path, role, encoded_images):
    n = np.arange(80)
    table = pd.DataFrame(
        {
            "image": encoded_images(80),
            "label": np.where(n % 2, "cat", "dog"),
            "group": [f"patient {k // 4}" for k in n],
            "time": 2000 + n // 4,
            "side": np.array(["training", "valid", "test"])[n // 30],
        }
    )
    column = {"split": "side"}.get(role, role)
    settings = {f"{role}_column": column, "modality": "image"}
    sides, facts = prepared(tmp_path, table, split="0.6:0.2:0.2", **settings)
    values = [set(side[column]) for side in sides.values()]
    assert sum(map(len, values)) == len(set.union(*values))
    if role == "time":
        assert max(values[0]) < min(values[1])
        assert max(values[1]) < min(values[2])
        assert facts["times"]["test"][1] == "2019"
