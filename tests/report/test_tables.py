import io
from typing import Any

import pytest
from rich.console import Console

from bakeoff.report.markdown import write_markdown
from bakeoff.report.terminal import (
    dataset_table,
    leaderboard_table,
    models_table,
    runs_table,
    settings_table,
    show_json,
    show_table,
    text_of,
    transfer_table,
)
from bakeoff.studies import STUDIES
from bakeoff.training.settings import to_dict


def printed(results: dict, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(leaderboard_table(results))
    return stream.getvalue().replace("\u202f", " ").splitlines()


def test_terminal_shows_a_line_a_model_and_marks_the_chosen_one(two_classes: dict) -> None:
    lines = printed(two_classes, 120)
    for row in two_classes["leaderboard"]:
        line = next(line for line in lines if f" {row['model']} " in line)
        assert f"{100 * row['accuracy']:.1f} %" in line
        assert line.startswith("★") == (row["model"] == "bilstm-glove")


def test_terminal_fits_eighty_columns(two_classes: dict) -> None:
    lines = printed(two_classes, 80)
    assert max(map(len, lines)) <= 80
    assert "…" not in "\n".join(lines)


def test_transfer_table_sets_other_data_beside_the_own_test_split(
    full_study: dict, capsys: Any
) -> None:
    entry = full_study["transfer"][0]
    show_table(transfer_table(entry))
    lines = capsys.readouterr().out.replace("\u202f", " ").splitlines()
    assert max(map(len, lines)) <= 80
    for row, line in zip(entry["leaderboard"], lines[2:], strict=True):
        name, accuracy, _, _, own, _, difference, _ = line.split()
        assert name == row["model"]
        assert accuracy == f"{100 * row['accuracy']:.1f}"
        assert own == f"{100 * row['own']:.1f}"
        assert difference == "−15.5"


def test_models_table_says_what_a_model_is_and_where_it_takes_part() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(models_table(STUDIES["sentiment"].overview))
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    nbsvm = next(line for line in lines if line.startswith("nbsvm "))
    assert "An SVM on naive Bayes' weights" in nbsvm
    assert nbsvm.rstrip().endswith("quick, full, paper, all")


@pytest.mark.parametrize("study", STUDIES)
def test_every_model_has_a_sentence(study: str) -> None:
    known = STUDIES[study]
    assert known.sentences.keys() == known.models.keys()
    assert all(text[0].isupper() or "@" in name for name, text in known.sentences.items())
    assert all(text.endswith(".") for text in known.sentences.values())


def test_settings_have_the_names_that_set_takes(capsys: Any) -> None:
    show_table(settings_table(to_dict(STUDIES["sentiment"].models["rnn-64"])))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["hidden", "64"] in lines
    assert ["max_vocabulary", "30000"] in lines
    assert ["training.learning_rate", "0.002"] in lines
    assert ["vectors", "–"] in lines


def test_dataset_table_counts_classes_by_split(two_classes: dict, capsys: Any) -> None:
    show_table(dataset_table(two_classes["dataset"]))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["class", "train", "validation", "test"]
    assert lines[2] == ["negative", "8,750", "1,250", "2,500"]
    assert lines[4] == ["all", "17,500", "2,500", "5,000"]


def test_a_long_table_is_not_cut_in_a_pipe(two_classes: dict, capsys: Any) -> None:
    show_table(leaderboard_table(two_classes))
    assert "…" not in capsys.readouterr().out


def test_json_keeps_every_character(capsys: Any) -> None:
    show_json({"text": "Für 2 €"})
    assert capsys.readouterr().out == '{\n  "text": "Für 2 €"\n}\n'


def test_markdown_is_one_table_with_the_answer_above(two_classes: dict) -> None:
    lines = write_markdown(two_classes).replace("\u202f", " ").splitlines()
    assert lines[0].startswith("**logreg-tfidf is as good as bilstm-glove")
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 7
    assert {line.count("|") for line in table} == {9}
    assert table[2].startswith("| **bilstm-glove** | 89.")


def test_a_score_that_is_no_accuracy_is_named() -> None:
    row: dict[str, Any] = {
        "run": "20260501-120000-text-quick",
        "data": "a.csv",
        "status": "finished",
    }
    row |= {"bytes": 1_000_000, "age": 60.0, "score": 0.5}
    rows = [row | {"metric": "accuracy"}, row | {"metric": "macro-f1"}]
    lines = text_of(runs_table(rows)).splitlines()
    assert " 50.0\u202f% " in lines[2]
    assert "macro-f1" in lines[3]
    assert "macro-f1" not in lines[2]
    assert max(map(len, lines)) <= 80
