"""Agreement, accuracy by length and shared mistakes, counted by hand."""

from bakeoff.evaluation.errors import QUANTILES, SHARED, analyse_errors
from bakeoff.evaluation.predictions import read_evaluations


def analysed(workshop, models, labels, texts=None):
    workshop.test(labels, texts)
    found = read_evaluations([workshop.evaluation(name, given) for name, given in models.items()])
    return analyse_errors(found, workshop.classes, "text")


def test_agreement_by_hand(workshop):
    models = {"a": [0.9, 0.9, 0.1, 0.1], "b": [0.9, 0.1, 0.1, 0.1], "c": [0.1, 0.1, 0.9, 0.9]}
    agreement = analysed(workshop, models, [1, 1, 0, 0])["agreement"]
    assert agreement["models"] == ["a", "b", "c"]
    assert agreement["matrix"] == [[1, 0.75, 0], [0.75, 1, 0.25], [0, 0.25, 1]]


def test_accuracy_by_length(workshop):
    # Ten texts of 1 … 10 words; a is right on the five shortest only.
    texts = [" ".join(["word"] * (row + 1)) for row in range(10)]
    given = [0.9] * 5 + [0.1] * 5
    groups = analysed(workshop, {"a": given}, [1] * 10, texts)["by_length"]
    assert len(groups) == QUANTILES
    assert [(g["low"], g["high"], g["n"]) for g in groups] == [
        (1, 2, 2),
        (3, 4, 2),
        (5, 6, 2),
        (7, 8, 2),
        (9, 10, 2),
    ]
    assert [g["accuracy"]["a"] for g in groups] == [1, 1, 0.5, 0, 0]


def test_texts_of_equal_length_stay_together(workshop):
    texts = ["one"] * 7 + ["one two"] * 2 + ["one two three"]
    groups = analysed(workshop, {"a": [0.9] * 10}, [1] * 10, texts)["by_length"]
    assert [(g["low"], g["high"], g["n"]) for g in groups] == [(1, 1, 7), (2, 2, 2), (3, 3, 1)]
    same = analysed(workshop, {"a": [0.9] * 4}, [1] * 4, ["one"] * 4)["by_length"]
    assert [(g["low"], g["high"], g["n"]) for g in same] == [(1, 1, 4)]


def test_mistakes_that_all_share_come_surest_first(workshop):
    models = {"a": [0.4, 0.2, 0.9, 0.3], "b": [0.3, 0.1, 0.4, 0.9]}
    shared = analysed(workshop, models, [1, 1, 1, 1])["shared_mistakes"]
    assert [mistake["id"] for mistake in shared] == [1, 0]
    assert shared[0] == {
        "id": 1,
        "text": "text 1",
        "label": "positive",
        "predicted": "negative",
        "models": 2,
    }


def test_a_shared_mistake_of_images_is_shown_and_length_says_nothing(workshop):
    workshop.test([1, 1])
    found = read_evaluations([workshop.evaluation("a", [0.9, 0.2])])
    facts = analyse_errors(found, workshop.classes, "image")
    assert facts["by_length"] == []
    [mistake] = facts["shared_mistakes"]
    assert (mistake["id"], mistake["image"]) == (1, "text 1")
    assert "text" not in mistake


def test_without_shared_mistakes_there_are_none(workshop):
    models = {"a": [0.9, 0.4], "b": [0.1, 0.8]}
    assert analysed(workshop, models, [1, 1])["shared_mistakes"] == []


def test_only_some_are_listed(workshop):
    shared = analysed(workshop, {"a": [0.1] * 50}, [1] * 50)["shared_mistakes"]
    assert len(shared) == SHARED


def test_a_shared_mistake_is_never_called_right(workshop):
    # Both are wrong, but the true class z is first in the mean of their probabilities.
    workshop = workshop.beside("three", ["x", "y", "z"])
    workshop.test([2])
    arguments = {"validation": [[1, 0, 0]], "labels": [0]}
    folders = [
        workshop.evaluation("a", [[0.52, 0.0, 0.48]], **arguments),
        workshop.evaluation("b", [[0.0, 0.52, 0.48]], **arguments),
    ]
    found = read_evaluations(folders)
    shared = analyse_errors(found, workshop.classes, "text")["shared_mistakes"]
    assert shared[0]["label"] == "z"
    assert shared[0]["predicted"] in ("x", "y")
