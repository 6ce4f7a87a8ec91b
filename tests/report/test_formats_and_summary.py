import copy
import doctest

import pytest

from bakeoff import formats
from bakeoff.report import summary


def test_doctests() -> None:
    assert doctest.testmod(formats).attempted > 10
    assert doctest.testmod(formats).failed == 0
    assert doctest.testmod(summary).failed == 0


def row(model: str, accuracy: float, seconds: float, half: float = 0.01) -> dict:
    return {
        "model": model,
        "accuracy": accuracy,
        "accuracy_low": accuracy - half,
        "accuracy_high": accuracy + half,
        "train_seconds": seconds,
    }


def results(*rows: dict, verdict: str = "better", turned: bool = False) -> dict:
    """Of models that "a" was compared with, always with the same verdict on it."""
    others = [row["model"] for row in rows if row["model"] != "a"]
    other_way = {"better": "worse", "worse": "better", "undecided": "undecided"}
    return {
        "leaderboard": list(rows),
        "winner": {"model": "a"},
        "comparisons": [
            {"first": other, "second": "a", "verdict": other_way[verdict]}
            if turned
            else {"first": "a", "second": other, "verdict": verdict}
            for other in others
        ],
        "dataset": {"modality": "text", "sizes": {"test": 5000}},
    }


def plain(sentence: str) -> str:
    return sentence.replace("\u202f", " ")


def test_a_clear_winner_is_said_to_win() -> None:
    answer = summary.answer(results(row("a", 0.9, 62), row("b", 0.8, 3)))
    assert plain(answer) == (
        "a wins: it classifies 90.0 % of 5,000 test texts correctly "
        "(95 % interval 89.0 to 91.0 %) after 62 s of training."
    )


def test_models_that_the_test_cannot_tell_apart_are_no_clear_winner() -> None:
    rows = row("a", 0.9, 62), row("b", 0.895, 3)
    answer = plain(summary.answer(results(*rows, verdict="undecided")))
    assert answer.startswith("No clear winner: a, best on validation, classifies 90.0 %")
    assert answer.endswith("cannot tell it from b (89.5 %, 3.0 s).")


@pytest.mark.parametrize("turned", [False, True])
def test_the_comparison_decides_whichever_model_it_names_first(turned: bool) -> None:
    rows = row("a", 0.9, 62), row("b", 0.895, 3), row("other", 0.8, 3)
    for verdict, said in (
        ("better", "a wins"),
        ("undecided", "No clear winner"),
        ("worse", "a, best on validation"),
    ):
        told = summary.answer(results(*rows, verdict=verdict, turned=turned))
        assert told.startswith(said)


def test_many_rivals_are_counted_and_the_cheapest_named() -> None:
    rivals = [row(name, 0.899, seconds) for name, seconds in (("b", 9), ("c", 4), ("d", 70))]
    answer = plain(summary.answer(results(row("a", 0.9, 62), *rivals, verdict="undecided")))
    assert (
        "cannot tell it from 3 other models. The cheapest of them is c (89.9 %, 4.0 s)." in answer
    )


def test_a_model_that_beats_the_chosen_one_on_test_is_named() -> None:
    answer = summary.answer(results(row("b", 0.95, 5), row("a", 0.9, 62), verdict="worse"))
    assert "on the test split b (95.0" in answer
    assert "did clearly better" in answer


def test_one_model_wins_against_nobody() -> None:
    assert summary.answer(results(row("a", 0.9, 62))).startswith("a classifies 90.0")


def test_pareto_front_by_hand() -> None:
    rows = [row("slow", 0.9, 60), row("fast", 0.8, 2), row("beaten", 0.79, 3), row("mid", 0.85, 9)]
    assert [r["model"] for r in summary.pareto_front(rows)] == ["fast", "mid", "slow"]


def test_equal_twins_share_the_front_as_one() -> None:
    twins = [row("a", 0.9, 5), row("b", 0.9, 5)]
    assert len(summary.pareto_front(copy.deepcopy(twins))) == 1
