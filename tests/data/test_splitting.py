import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bakeoff.data.splitting import SplitSpec, split_rows
from bakeoff.errors import UserError


@pytest.mark.parametrize(
    ("text", "rows", "limit", "sizes"),
    [
        ("0.7:0.1:0.2", 25000, 0, (17500, 2500, 5000)),
        ("0.7:0.1:0.2", 25000, 6000, (4200, 600, 1200)),
        ("0.7:0.1:0.2", 600, 6000, (420, 60, 120)),
        ("0.5:0.25:0.25", 11, 0, (5, 3, 3)),
        ("36000:4000:10000", 50000, 0, (36000, 4000, 10000)),
        ("1e1:2:3", 15, 0, (10, 2, 3)),
    ],
)
def test_sizes(text, rows, limit, sizes):
    assert SplitSpec.parse(text).sizes(rows, limit) == sizes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "give three numbers"),
        ("0.7:0.3", "give three numbers"),
        ("a:b:c", "give three numbers"),
        ("0.9:0.1:0", "give three numbers"),
        ("-1:1:1", "give three numbers"),
        ("nan:1:1", "give three numbers"),
        ("inf:1:1", "give three numbers"),
        ("10.5:2:3", "whole numbers of rows"),
        ("0.7:0.2:0.2", r"the shares sum to 1\.1, not to 1"),
        ("100:0.1:0.2", "the shares sum to"),
    ],
)
def test_other_splits_are_explained(text, message):
    with pytest.raises(UserError, match=message) as caught:
        SplitSpec.parse(text)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "rows", "said"),
    [
        (
            "80:10:10",
            5000,
            "the split asks for 100 of 5,000 rows, as sizes are rows: percentages "
            "are written as shares, 0.8:0.1:0.1",
        ),
        ("80:10:10", 100, None),
        ("80:15:15", 5000, None),
        ("0.8:0.1:0.1", 5000, None),
    ],
)
def test_sizes_that_look_like_percentages_are_said_to_be_rows(text, rows, said):
    assert SplitSpec.parse(text).remarks(rows) == ([said] if said else [])


def test_more_rows_than_there_are():
    spec = SplitSpec.parse("36000:4000:10000")
    with pytest.raises(UserError, match=r"asks for 50,000 rows .*, and the data has 25,000"):
        spec.sizes(25000)
    with pytest.raises(UserError, match="at most 6,000 of 50,000 are used; raise the limit"):
        spec.sizes(50000, 6000)


def split(labels, sizes, groups=None, seed=0):
    labels = np.asarray(labels)
    groups = np.arange(len(labels)) if groups is None else np.asarray(groups)
    classes = [f"class {n}" for n in range(labels.max() + 1)]
    return split_rows(labels, groups, classes, sizes, seed)


@st.composite
def cases(draw):
    """Labels of 2 to 4 classes, sizes that may leave rows unused, and some repeated texts."""
    n = draw(st.integers(40, 120))
    labels = np.array(draw(st.lists(st.integers(0, draw(st.integers(1, 3))), min_size=n)))[:n]
    n = len(labels)
    validation, test = (draw(st.integers(n // 8, n // 4)) for _ in range(2))
    train = draw(st.integers(n // 4, n - validation - test))
    groups = np.arange(n)
    row = st.integers(0, n - 1)
    for copy, original in draw(st.lists(st.tuples(row, row), max_size=12)):
        groups[copy] = groups[original]
    return labels, groups, (train, validation, test), draw(st.integers(0, 999))


@settings(deadline=None, derandomize=True, max_examples=150)
@given(cases())
def test_what_every_split_keeps(case):
    labels, groups, sizes, seed = case
    counts = np.bincount(labels)
    try:
        parts = split(labels, sizes, groups, seed)
    except UserError:
        assume(False)
    assert tuple(len(part) for part in parts.values()) == sizes

    rows = np.concatenate(list(parts.values()))
    assert len(set(rows)) == len(rows)

    side = np.full(len(labels), -1)
    for number, part in enumerate(parts.values()):
        side[part] = number
    for group in np.unique(groups):
        assert len(set(side[groups == group])) == 1

    for part, size in zip(parts.values(), sizes, strict=True):
        exact = counts * size / len(labels)
        assert np.abs(np.bincount(labels[part], minlength=len(counts)) - exact).max() < 1

    again = split(labels, sizes, groups, seed)
    assert all(np.array_equal(parts[name], again[name]) for name in parts)
    try:
        other = split(labels, sizes, groups, seed + 1)
    except UserError:
        assume(False)
    assert any(not np.array_equal(parts[name], other[name]) for name in parts)


def test_balance_where_rounding_each_part_alone_goes_wrong():
    # The third class would train 8 rows, though its share is 5.9.
    labels = np.repeat([0, 1, 2, 3], [11, 11, 11, 6])
    counts = np.bincount(labels[split(labels, (21, 6, 6))["train"]])
    assert np.abs(counts - np.array([11, 11, 11, 6]) * 21 / 39).max() < 1


def test_rows_are_shuffled():
    train = split([0, 1] * 50, (70, 10, 20))["train"]
    assert train.tolist() != sorted(train)


@pytest.mark.parametrize("seed", range(10))
def test_a_large_group_finds_its_place_before_small_ones_take_it(seed):
    """Of 50 rows a class 35 train; 30 are one text, so six pairs must go around it."""
    groups = np.arange(100)
    groups[:60:2] = 0
    for row in range(60, 84, 4):
        groups[row + 2] = groups[row]
    parts = split([0, 1] * 50, (70, 10, 20), groups, seed)
    assert set(range(0, 60, 2)) <= set(parts["train"])


def test_a_group_larger_than_its_share_of_a_class_makes_sizes_as_near_as_can_be():
    """Of the first class 35 rows should train, and 40 are one text."""
    groups = np.arange(100)
    groups[:80:2] = 0
    parts = split([0, 1] * 50, (70, 10, 20), groups)
    assert set(range(0, 80, 2)) <= set(parts["train"])
    assert [np.bincount(np.array(part) % 2).tolist() for part in parts.values()] == [
        [41, 35],
        [3, 5],
        [6, 10],
    ]


@pytest.mark.parametrize("seed", range(5))
def test_few_distinct_texts_are_split_as_near_as_can_be(seed):
    """Nine texts in 1,000 rows: each class has one or more of them on every side."""
    groups = np.random.default_rng(seed).integers(9, size=1000)
    parts = split(groups % 2, (700, 100, 200), groups, seed)
    sides = [set(groups[part]) for part in parts.values()]
    assert sum(len(side) for side in sides) == len(set.union(*sides)) == 9
    assert all({group % 2 for group in side} == {0, 1} for side in sides)
    assert sum(len(part) for part in parts.values()) == 1000
    # Two texts a side at least, of about 111 rows each: no part can be nearer to 100.
    assert len(parts["validation"]) < 270
    assert len(parts["train"]) > 450


def test_users_of_many_rows_keep_sizes_and_balance_within_a_percent():
    rng = np.random.default_rng(0)
    users = rng.integers(400, size=20_000)
    labels = (rng.random(20_000) < 0.1 + 0.3 * (users % 3 == 0)).astype(int)
    parts = split(labels, (14_000, 2000, 4000), users)
    assert sum(len(set(users[part])) for part in parts.values()) == 400
    for part, size in zip(parts.values(), (14_000, 2000, 4000), strict=True):
        assert abs(len(part) - size) < 200
        assert abs(labels[part].mean() - labels.mean()) < 0.01


def test_groups_leave_rows_unused_where_fewer_are_asked_for():
    users = np.random.default_rng(0).integers(100, size=1000)
    parts = split(np.arange(1000) % 2, (70, 10, 20), users)
    assert abs(sum(len(part) for part in parts.values()) - 100) < 25


def test_a_class_in_two_groups_cannot_be_on_three_sides():
    groups = np.arange(100)
    groups[:50:2], groups[50::2] = 0, 1
    with pytest.raises(UserError, match=r"'class 0' is in 2 groups .* too few for 3 parts"):
        split([0, 1] * 50, (70, 10, 20), groups)


def test_many_classes_are_split_by_class():
    labels = np.arange(1200).repeat(10)
    parts = split(labels, (8400, 1200, 2400))
    assert (np.bincount(labels[parts["test"]]) == 2).all()


def test_a_limit_that_leaves_a_class_too_few_rows_is_named():
    labels = [0] * 980 + [1] * 20
    with pytest.raises(UserError, match=r"20 of 1,000 rows.* only 100 of 1,000 .* raise --limit"):
        split(labels, (70, 10, 20))


def test_a_class_too_small_for_every_part_is_explained():
    with pytest.raises(
        UserError, match="class 'class 1' has 2 of 20 rows, too few for a split of 14:3:3"
    ):
        split([0] * 18 + [1] * 2, (14, 3, 3))


def test_fewer_rows_than_classes_are_explained_by_their_number():
    with pytest.raises(
        UserError, match=r"3:1:1 has fewer rows .* classes, 2, .*only 5 of 60 rows .*raise --limit"
    ):
        split([0, 1] * 30, (3, 1, 1))
