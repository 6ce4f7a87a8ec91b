"""A first look says what a run would, before anything trains."""

import pandas as pd
import pytest
from PIL import Image

from bakeoff.artifacts import read_manifest
from bakeoff.data.columns import Columns
from bakeoff.data.look import look
from bakeoff.data.prepare import prepare
from bakeoff.errors import UserError

ANY = Columns("", "")


def reviews(n=60):
    """Texts of 4 words each, no two of them alike."""
    texts = [f"film{n} kind{n % 12} set{n // 12} end{n}" for n in range(n)]
    return pd.DataFrame({"text": texts, "label": ["good", "bad", "good"] * (n // 3)})


def looked(folder, frame, columns=ANY, **settings):
    path = folder / "reviews.csv"
    frame.to_csv(path, index=False)
    return look(str(path), columns, **settings)


def test_counts_lengths_languages_and_the_split(tmp_path):
    frame = reviews()
    frame.loc[0, "text"] = "ein einziger langer Satz mit genau neun Worten hier"
    frame.loc[1, "text"] = "Да"
    facts = looked(tmp_path, frame)
    assert facts["rows"] == facts["usable"] == 60
    assert facts["classes"] == {"bad": 20, "good": 40}
    assert facts["lengths"]["words"] == {"least": 1, "median": 4, "95 %": 4, "most": 9}
    assert facts["lengths"]["characters"]["least"] == 2
    assert facts["languages"]["German"] == 1 / 60
    assert sum(facts["languages"].values()) == pytest.approx(1)
    assert facts["split"] == {"train": 42, "validation": 6, "test": 12}
    assert facts["refusals"] == []
    assert facts["columns"] == {"input": "text", "label": "label"}


def test_copies_and_near_copies_are_those_that_prepare_finds(tmp_path):
    frame = reviews()
    frame.loc[57:, "text"] = [frame.text[0], frame.text[3].upper(), frame.text[4]]
    frame.loc[56, "text"] = f"{frame.text[9]} https://x.org"
    facts = looked(tmp_path, frame)
    prepare(
        tmp_path / "d",
        tmp_path / "t",
        source=str(tmp_path / "reviews.csv"),
        split="0.7:0.1:0.2",
        seed=0,
    )
    made = read_manifest(tmp_path / "d")["facts"]
    assert facts["duplicates"] == made["duplicates"]
    assert facts["duplicates"]["surplus_rows"] == 3
    assert facts["near_copies"]["rows"] == made["near_copies"]["rows"] == 2
    assert facts["split"] == made["sizes"]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"label": {3: None}}, "1 row has no label in column 'label' (row 4); mend them"),
        ({"text": {3: " "}}, "1 row has no text in column 'text' (row 4)"),
        ({"label": {3: "odd"}}, "class 'odd' has 1 of 60 rows, too few for a split of"),
        ({"label": dict.fromkeys(range(60), "good")}, "holds the single class 'good'"),
    ],
    ids=["no label", "no text", "one row", "one class"],
)
def test_a_refusal_is_what_prepare_says(tmp_path, change, line):
    frame = reviews()
    for column, values in change.items():
        for row, value in values.items():
            frame.loc[row, column] = value
    facts = looked(tmp_path, frame)
    assert line in facts["refusals"][0]
    with pytest.raises(UserError) as refused:
        prepare(
            tmp_path / "d",
            tmp_path / "t",
            source=str(tmp_path / "reviews.csv"),
            split="0.7:0.1:0.2",
            seed=0,
        )
    assert str(refused.value) == facts["refusals"][0]


def test_a_class_that_a_sample_of_the_rows_leaves_out_is_refused(tmp_path):
    frame = reviews()
    frame.loc[:9, "label"] = "rare"
    looked(tmp_path, frame)
    facts = look(str(tmp_path / "reviews.csv"), ANY, limits={"text": 20, "image": 2})
    assert "only 20 of 60 rows take part; raise --limit (0: all)" in facts["refusals"][0]
    assert look(str(tmp_path / "reviews.csv"), ANY, limits={"text": 60})["refusals"] == []


def test_all_reasons_for_refusal_are_counted_at_once(tmp_path):
    frame = reviews()
    frame.loc[3, "label"] = None
    frame.loc[[4, 5], "text"] = ""
    frame.loc[6, "label"] = "odd"
    facts = looked(tmp_path, frame)
    assert facts["left_out"] == {"no label": 1, "no text": 2}
    assert facts["rows"] == 60
    assert facts["usable"] == 57
    assert len(facts["refusals"]) == 2
    assert "class 'odd'" in facts["refusals"][1]


def test_what_cannot_be_read_at_all_is_a_refusal_without_figures(tmp_path):
    path = tmp_path / "aclImdb.tar.gz"
    path.write_bytes(b"\x1f\x8b and no more")
    facts = look(str(path), ANY)
    assert "cannot be read as the IMDB archive" in facts["refusals"][0]
    assert facts["rows"] is None


def test_pictures(tmp_path):
    for number in range(40):
        path = tmp_path / "pets" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (10 + number % 3, 8), (number * 6, 0, 255 - number)).save(path)
    facts = look(str(tmp_path / "pets"), ANY)
    assert facts["classes"] == {"a": 20, "b": 20}
    assert facts["sizes"]["width"] == {"least": 10, "median": 11, "95 %": 12, "most": 12}
    assert facts["sizes"]["height"]["most"] == 8
    assert "brought to 64×64" in facts["said"]
    assert facts["refusals"] == []
    (tmp_path / "pets" / "a" / "broken.png").write_bytes(b"no picture")
    facts = look(str(tmp_path / "pets"), ANY)
    assert sum(facts["left_out"].values()) == 1
    assert "a/broken.png" in facts["refusals"][0]
