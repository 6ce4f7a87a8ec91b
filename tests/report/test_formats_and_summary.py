import doctest

import pytest

from bakeoff import formats
from bakeoff.report import summary
from bakeoff.report.plots import embedding_maps


def test_doctests() -> None:
    assert doctest.testmod(formats).attempted > 10
    assert doctest.testmod(formats).failed == 0
    assert doctest.testmod(summary).failed == 0


def row(
    model: str, accuracy: float, seconds: float, half: float = 0.01, front: bool = True
) -> dict:
    return {
        "model": model,
        "kind": "baseline" if model == "largest-class" else "linear",
        "accuracy": accuracy,
        "accuracy_low": accuracy - half,
        "accuracy_high": accuracy + half,
        "train_seconds": seconds,
        "front": front,
    }


OTHER_WAY = {"better": "worse", "worse": "better", "undecided": "undecided"}


def results(
    *rows: dict,
    verdict: str = "better",
    turned: bool = False,
    baseline: float = 0.5,
    above: str = "better",
    counts: tuple[int, int] = (900, 880),
) -> dict:
    """Of models that "a" was compared with, always with the same verdict on it; `above` is how it
    stands to the baseline.
    """
    others = {row["model"]: verdict for row in rows if row["model"] != "a"}
    others["largest-class"] = above
    return {
        "metric": "accuracy",
        "classes": ["ham", "spam"],
        "leaderboard": [*rows, row("largest-class", baseline, 0.0)],
        "winner": {"model": "a", "reason": "a is best."},
        "comparisons": [
            {"first": other, "second": "a", "verdict": OTHER_WAY[found]}
            if turned
            else {"first": "a", "second": other, "verdict": found}
            for other, found in others.items()
        ],
        "dataset": {
            "modality": "text",
            "sizes": {"test": 5000},
            "class_counts": {"train": dict(zip(("ham", "spam"), counts, strict=True))},
        },
    }


def plain(sentence: str) -> str:
    return sentence.replace("\u202f", " ")


def test_a_clear_winner_is_said_to_win() -> None:
    answer = summary.answer(results(row("a", 0.9, 62), row("b", 0.8, 3)))
    assert plain(answer) == (
        "a wins: it classifies 90.0 % of 5,000 test texts correctly "
        "(95 % interval 89.0 to 91.0 %) after 62 s of training."
    )


def test_of_equals_the_much_cheaper_one_leads() -> None:
    rows = row("a", 0.9, 62), row("b", 0.895, 3)
    answer = plain(summary.answer(results(*rows, verdict="undecided")))
    assert answer == (
        "b is as good as a (90.0 %, 62 s), best on validation, at 1/21 of its training time, as "
        "far as this test can tell: it classifies 89.5 % of 5,000 test texts correctly (95 % "
        "interval 88.5 to 90.5 %) after 3.0 s of training."
    )


@pytest.mark.parametrize("seconds", [40, 62, 100])
def test_equals_that_cost_about_the_same_are_no_clear_winner(seconds: float) -> None:
    rows = row("a", 0.9, 62), row("b", 0.895, seconds)
    answer = plain(summary.answer(results(*rows, verdict="undecided")))
    assert answer.startswith("No clear winner: a, best on validation, classifies 90.0 %")
    assert f"cannot tell it from b (89.5 %, {plain(formats.duration(seconds))})." in answer


@pytest.mark.parametrize("turned", [False, True])
def test_the_comparison_decides_whichever_model_it_names_first(turned: bool) -> None:
    rows = row("a", 0.9, 62), row("b", 0.895, 50), row("other", 0.8, 50)
    for verdict, said in (
        ("better", "a wins"),
        ("undecided", "No clear winner"),
        ("worse", "a, best on validation"),
    ):
        told = summary.answer(results(*rows, verdict=verdict, turned=turned))
        assert told.startswith(said)


def test_many_rivals_are_counted_and_the_cheapest_leads() -> None:
    rivals = [row(name, 0.899, s) for name, s in (("b", 9), ("c", 4), ("d", 70), ("e", 80))]
    answer = plain(summary.answer(results(row("a", 0.9, 62), *rivals, verdict="undecided")))
    assert answer.startswith("c is as good as a (90.0 %, 62 s), best on validation, at 1/16 of")
    assert answer.endswith("Nor can the test tell a from 3 other models.")


def test_a_model_that_beats_the_chosen_one_on_test_is_named() -> None:
    answer = summary.answer(results(row("b", 0.95, 5), row("a", 0.9, 62), verdict="worse"))
    assert "on the test split b (95.0" in answer
    assert "did clearly better" in answer


def test_one_model_wins_against_nobody() -> None:
    assert summary.answer(results(row("a", 0.9, 62))).startswith("a classifies 90.0")


@pytest.mark.parametrize("above", ["undecided", "worse"])
def test_a_winner_that_is_not_above_the_largest_class_is_said_to_be_of_no_use(above: str) -> None:
    rows = row("a", 0.945, 62), row("b", 0.945, 3)
    found = results(*rows, verdict="undecided", above=above, baseline=0.945, counts=(945, 55))
    assert plain(summary.answer(found)) == (
        "No model is shown to be of use: a, best on validation, classifies 94.5 % of 5,000 test "
        "texts correctly (95 % interval 93.5 to 95.5 %) after 62 s of training, which is not "
        "clearly better than the 94.5 % of always naming the largest class, “ham”."
    )


def test_an_equal_that_may_be_no_better_than_the_largest_class_does_not_lead() -> None:
    rows = row("a", 0.9, 62), row("b", 0.88, 3, half=0.04)
    answer = summary.answer(results(*rows, verdict="undecided", baseline=0.85))
    assert answer.startswith("No clear winner: a")


def test_unequal_classes_get_a_hint() -> None:
    assert summary.hint(results(row("a", 0.9, 62))) == ""
    unequal = results(row("a", 0.95, 62), counts=(866, 134))
    assert plain(summary.hint(unequal)).startswith(
        "Classes are unequal (“ham” has 86.6 % of the training texts, “spam” 13.4 %)"
    )
    assert summary.hint(unequal | {"metric": "macro-f1"}) == ""


def test_other_metrics_are_named_and_written_in_their_own_way() -> None:
    rows = [row("a", 0.9, 62), row("b", 0.8, 3), row("largest-class", 0.5, 0)]
    for one in rows:
        for end in ("", "_low", "_high"):
            one[f"macro_f1{end}"] = one.pop(f"accuracy{end}")
    found = results(row("a", 0.9, 62), row("b", 0.8, 3))
    assert plain(summary.answer(found | {"metric": "macro-f1", "leaderboard": rows})) == (
        "a wins: it has a test macro F1 of 0.900 on 5,000 texts (95 % interval 0.890 to 0.910) "
        "after 62 s of training."
    )


def test_the_outcome_for_machines_says_what_people_read() -> None:
    found = results(row("a", 0.9, 62), row("b", 0.8, 3))
    outcome = summary.outcome(found)
    assert outcome["verdict"] == summary.answer(found)
    assert outcome["leaderboard"] == found["leaderboard"]
    assert outcome["comparisons"] == found["comparisons"]
    assert (outcome["winner"]["model"], outcome["metric"]) == ("a", "accuracy")


def test_the_front_is_shown_cheapest_first() -> None:
    rows = [row("slow", 0.9, 60), row("beaten", 0.79, 3, front=False), row("fast", 0.8, 2)]
    assert [r["model"] for r in summary.pareto_front(rows)] == ["fast", "slow"]


def test_a_comparison_is_a_sentence_with_its_interval_and_both_p_values() -> None:
    found = results(row("a", 0.9, 1.0), row("b", 0.88, 1.0))
    pair = found["comparisons"][0] | {"difference": 0.02, "low": 0.011, "high": 0.029}
    assert plain(summary.comparison_sentence(found, pair | {"p": 0.0004, "holm_p": 0.0412})) == (
        "a is better than b in test accuracy: +2.0 percentage points, 95 % interval +1.1 to +2.9, "
        "on the same texts (McNemar p < 0.001; corrected for all comparisons 0.041)."
    )


def test_who_is_worth_the_time_is_a_sentence() -> None:
    found = results(row("a", 0.9, 9.0), row("b", 0.88, 1.0), row("c", 0.5, 2.0, front=False))
    assert summary.worth(found).startswith(
        "Worth their training time are largest-class, b, a: no model"
    )


def test_a_map_names_every_class_as_it_is_called() -> None:
    """Also what matplotlib takes for a formula, or leaves out of legends."""
    classes = ["a^$b_$", "$5-$10", "_other", "$a_{$"]
    points = [{"x": n, "y": -n, "class": n} for n in range(4)]
    for drawn in embedding_maps("resnet18", {"tsne": points, "pca": points}, classes):
        assert all(f">{name}</text>" in drawn for name in classes)
