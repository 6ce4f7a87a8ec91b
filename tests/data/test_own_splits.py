import numpy as np
import pytest

from bakeoff.data.own_splits import own_splits, pools
from bakeoff.data.splitting import SplitSpec
from bakeoff.errors import UserError

CLASSES = ["cat", "dog"]


@pytest.mark.parametrize(
    ("split", "own", "limit", "sizes"),
    [
        ("0.7:0.1:0.2", (80, 0, 40), 0, (70, 10, 40)),
        ("0.6:0.2:0.2", (80, 0, 40), 60, (30, 10, 20)),
        ("0.6:0.2:0.2", (80, 20, 40), 0, (80, 20, 40)),
        ("0.6:0.2:0.2", (80, 20, 40), 70, (40, 10, 20)),
        ("50:10:30", (80, 0, 40), 0, (50, 10, 30)),
        ("50:10:60", (80, 0, 40), 0, (50, 10, 40)),
        ("80:30:60", (80, 20, 40), 0, (80, 20, 40)),
    ],
)
def test_sizes_beside_own_splits(split, own, limit, sizes):
    assert SplitSpec.parse(split).sizes_beside(own, limit) == sizes


@pytest.mark.parametrize(
    ("split", "own", "limit", "message"),
    [
        ("75:10:9", (80, 0, 40), 0, "asks for 85 training rows, and the data has 80 beside its"),
        ("81:10:9", (80, 20, 40), 0, "asks for 81 training rows, and the data has 80 beside its"),
        ("50:10:60", (80, 0, 40), 99, r"asks for 100 rows \(50:10:40\), and at most 99 of 120 are"),
        (
            "0.7:0.1:0.2",
            (80, 0, 40),
            3,
            "split of 3 rows is 2:0:1, and every part needs one",
        ),
    ],
)
def test_more_than_there_is_is_refused(split, own, limit, message):
    with pytest.raises(UserError, match=message):
        SplitSpec.parse(split).sizes_beside(own, limit)


def ready(own, groups=None, labels=None):
    own = np.array(own)
    groups = np.arange(len(own)) if groups is None else np.array(groups)
    labels = np.tile([0, 1], len(own))[: len(own)] if labels is None else np.array(labels)
    found, left_out = own_splits(own, groups, labels, CLASSES)
    return (None if found is None else found.tolist()), left_out


def test_data_without_a_test_split_has_no_splits_of_its_own():
    assert ready([""] * 4) == (None, 0)
    assert ready(["train"] * 4) == (None, 0)


def test_validation_is_test_where_there_is_no_test():
    assert ready(["train", "train", "validation", "validation"]) == (
        ["train", "train", "test", "test"],
        0,
    )


def test_copies_of_later_splits_take_no_part():
    own = ["train"] * 3 + ["validation"] * 3 + ["test"] * 2 + ["train"]
    groups = [0, 1, 2, 1, 3, 4, 0, 3, 2]
    labels = [0, 1, 0, 0, 1, 1, 0, 1, 1]
    kept = ["", "", "train", "validation", "", "validation", "test", "test", "train"]
    assert ready(own, groups, labels) == (kept, 3)


@pytest.mark.parametrize(
    ("own", "groups", "labels", "message"),
    [
        (
            ["train", "test", "test"],
            None,
            [0, 0, 1],
            "'dog' is in the test split and not in the tr",
        ),
        (["train", "train", "test"], None, [0, 1, 0], "'dog' is in the training split and not in"),
        (
            ["train", "train", "test", "test"],
            [0, 1, 0, 2],
            [0, 1, 0, 1],
            "'cat' is in the test spl",
        ),
        (
            ["test", "test"],
            None,
            [0, 1],
            "'cat' is in the test split and not in the training split",
        ),
        (
            ["train", "test", "validation", "validation"],
            None,
            [0, 0, 0, 1],
            "'dog' is in the validation split and not in the training split",
        ),
        (
            ["train", "train", "validation", "test", "test"],
            None,
            [0, 1, 0, 0, 1],
            "'dog' is in the training split and not in the validation split",
        ),
        (
            ["train", "train", "test"],
            [0, 1, 1],
            [0, 1, 0],
            "'dog' is in neither the training nor the test split",
        ),
    ],
)
def test_a_class_that_one_side_lacks_is_explained(own, groups, labels, message):
    with pytest.raises(UserError, match=message):
        ready(own, groups, labels)


def test_pools_draw_each_part_from_where_it_belongs():
    own = np.array(["train"] * 8 + [""] + ["test"] * 4)
    drawn = pools(own, SplitSpec.parse("0.6:0.2:0.2"), 0)
    assert [(rows.tolist(), sizes) for rows, sizes in drawn] == [
        (list(range(8)), (6, 2, 0)),
        ([9, 10, 11, 12], (0, 0, 4)),
    ]
    own = np.array(["train"] * 6 + ["validation"] * 2 + [""] + ["test"] * 4)
    drawn = pools(own, SplitSpec.parse("4:1:3"), 0)
    assert [(rows.tolist(), sizes) for rows, sizes in drawn] == [
        ([0, 1, 2, 3, 4, 5], (4, 0, 0)),
        ([6, 7], (0, 1, 0)),
        ([9, 10, 11, 12], (0, 0, 3)),
    ]
