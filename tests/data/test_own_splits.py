import numpy as np
import pytest

from bakeoff.data.own_splits import by_time, own_splits, pools
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
    return found.tolist(), left_out


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


def divided(times, split="0.6:0.2:0.2", limit=0, seed=0):
    times = np.array(times, float)
    own = by_time(times, np.arange(len(times)) % 2, SplitSpec.parse(split), limit, seed)
    return {name: sorted(times[own == name].tolist()) for name in ("train", "validation", "test")}


def test_the_past_trains_and_the_future_tests():
    shuffled = np.random.default_rng(0).permutation(20)
    assert divided(shuffled) == {
        "train": list(range(12)),
        "validation": list(range(12, 16)),
        "test": list(range(16, 20)),
    }


def test_rows_of_one_time_are_on_one_side_and_sizes_as_near_as_can_be():
    times = [1] * 7 + [2] * 7 + [3] * 2 + [4] * 3 + [5]
    # 12 rows would end within the 2s: 14 is nearer than 7. 16 is where the 3s end.
    assert {name: len(rows) for name, rows in divided(times).items()} == {
        "train": 14,
        "validation": 2,
        "test": 4,
    }


def test_a_limit_samples_all_times_by_class():
    found = divided(range(1000), limit=100)
    assert {name: len(rows) for name, rows in found.items()} == {
        "train": 60,
        "validation": 20,
        "test": 20,
    }
    assert max(found["train"]) < min(found["validation"]) < max(found["validation"])
    assert max(found["validation"]) < min(found["test"])
    assert found["train"][0] < 100 < 900 < found["test"][-1]
    assert sum(sum(time % 2 for time in rows) for rows in found.values()) == 50


def test_too_few_times_are_explained():
    with pytest.raises(UserError, match="holds 2 different ones, and three sides need three"):
        divided([1] * 10 + [2] * 10)
