"""Scoring the trained models of a run on other labelled data than they come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bakeoff.artifacts import read_manifest, write_json
from bakeoff.data.cleaning import Rows, clean, duplicate_key
from bakeoff.data.sources import fingerprint, location, read_source
from bakeoff.data.splits import read_split
from bakeoff.errors import UserError
from bakeoff.evaluation.compare import mean_scores
from bakeoff.evaluation.evaluate import checked
from bakeoff.evaluation.metrics import classification_metrics
from bakeoff.report import write_report
from bakeoff.report.formats import percent, points
from bakeoff.running.runs import RunFolder, model_folder, moved, trainings

if TYPE_CHECKING:
    import pandas as pd

Watch = Callable[[str, float | None], None]
_NAMED = 10


def transfer(
    run: RunFolder,
    source: str,
    *,
    models: Sequence[str] = (),
    limit: int = 0,
    text_column: str = "text",
    label_column: str = "label",
    skip_bad_rows: bool = False,
    watch: Watch = lambda *_: None,
) -> dict[str, Any]:
    """Score a run's models on other labelled texts, and add the result to the run.

    Texts of the run's training and validation splits are left out: nothing scored was seen before.

    Args:
        run: a finished run; its results.json gets the result under "transfer", in place of an
            earlier one on the same data, and its report is drawn again.
        source: a named set, a path or an fsspec URL.
        models: names of models of the run; none means all.
        limit: rows used at most, sampled by class; 0 uses all.
        text_column: the column with the text.
        label_column: the column with the label.
        skip_bad_rows: leave out rows without text or label instead of refusing the data.
        watch: called with a training's name and None before it is scored, then with its accuracy.

    Returns:
        data (the name), path, fingerprint, created, classes, available (rows of the data), dropped
        (rows without text or label), seen (rows left out because the run knew them), rows (scored),
        leaderboard (means over trainings, best accuracy first; own_accuracy is that on the run's
        test split) and sentence.

    Raises:
        UserError: the run has not finished, lacks a model, or knows other classes than the data;
            or the data cannot be used.
    """
    results = run.results
    if results["dataset"]["modality"] != "text":
        raise UserError(
            f"run {run.path.name} classifies images; only runs on texts can be scored on other data"
        )
    own = {row["model"]: row["accuracy"] for row in results["leaderboard"]}
    folders = {
        name: [model_folder(run, training) for training in trainings(results, name)]
        for name in dict.fromkeys(models or own)
    }
    found = read_source(source, text_column, label_column)
    rows = clean(found, skip_bad_rows)
    frame = rows.frame.assign(label=_labels(rows, results["classes"], source, label_column))
    unseen = frame[~frame["text"].map(duplicate_key).isin(_known_texts(run))]
    if unseen.empty:
        raise UserError(
            f"{source}: the run was trained on every one of its texts; name other data with --data"
        )
    used = _sample(unseen, limit)
    entry: dict[str, Any] = {
        "data": found.name,
        "path": location(source),
        "fingerprint": fingerprint(source),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": results["classes"],
        "available": len(found.frame),
        "dropped": len(found.frame) - len(frame),
        "seen": len(frame) - len(unseen),
        "rows": len(used),
    }
    board = []
    for name, of_model in folders.items():
        scores = _score(of_model, used, results["classes"], watch)
        difference = scores["accuracy"] - own[name]
        board.append({"model": name, **scores, "own_accuracy": own[name], "difference": difference})
    entry["leaderboard"] = sorted(board, key=lambda row: -row["accuracy"])
    entry["sentence"] = _sentence(entry, results["winner"]["model"])
    _add(run, entry)
    return entry


def _labels(rows: Rows, classes: list[str], source: str, column: str) -> np.ndarray:
    """The rows' labels as indices into the run's classes, by name."""
    if set(rows.classes) != set(classes):
        raise UserError(
            f"{source}: its classes are {_named(rows.classes)}, but the run's are "
            f"{_named(classes)}; rename the labels in column {column!r} to the run's, or name "
            "another column with --label-column"
        )
    numbers = np.array([classes.index(name) for name in rows.classes])
    return numbers[rows.frame["label"].to_numpy()]


def _named(classes: Sequence[str]) -> str:
    return ", ".join(classes[:_NAMED]) + (", …" if len(classes) > _NAMED else "")


def _known_texts(run: RunFolder) -> set[str]:
    """The texts of the run's training and validation splits, as their duplicates have them."""
    if "comparison" not in run.facts:
        raise UserError(f"run {run.path.name} has not finished; run its command again")
    manifest = read_manifest(moved(run, run.facts["comparison"]), "comparison")
    dataset = moved(run, manifest["inputs"]["dataset"]["path"])
    return {
        duplicate_key(text)
        for name in ("train", "validation")
        for text in read_split(dataset, name).inputs
    }


def _sample(frame: pd.DataFrame, limit: int) -> pd.DataFrame:
    """At most `limit` rows (0: all), every class with its share of them, rounded up or down."""
    if not 0 < limit < len(frame):
        return frame
    shuffled = frame.sample(frac=1, random_state=0).sort_values("label", kind="stable")
    return shuffled.iloc[((np.arange(limit) + 0.5) * len(frame) / limit).astype(int)]


def _score(
    folders: Sequence[Path], frame: pd.DataFrame, classes: list[str], watch: Watch
) -> dict[str, Any]:
    """Means over the trainings of one model."""
    from bakeoff.predictors import load

    texts, labels = frame["text"].tolist(), frame["label"].to_numpy()
    metrics, right = [], []
    for folder in folders:
        watch(folder.name, None)
        probabilities = checked(load(folder).probabilities(texts), folder.name)
        metrics.append(classification_metrics(labels, probabilities, classes))
        right.append(probabilities.argmax(axis=1) == labels)
        watch(folder.name, metrics[-1]["accuracy"])
    return {**mean_scores(metrics, np.stack(right, axis=1).astype(float)), "seeds": len(folders)}


def _sentence(entry: dict[str, Any], winner: str) -> str:
    """How accuracy changed, of the run's winner where it took part, and what was scored."""
    board = entry["leaderboard"]
    row = next((row for row in board if row["model"] == winner), board[0])
    change = f"{100 * abs(row['difference']):.1f}"
    verb = "fell" if row["difference"] < 0 else "rose"
    moved = "hardly moved" if change == "0.0" else f"{verb} by {change} points"
    said = (
        f"The accuracy of {row['model']} {moved}, from {percent(row['own_accuracy'])} on the run's "
        f"own test split to {percent(row['accuracy'])} on {entry['data']}"
    )
    if len(board) > 1:
        differences = [row["difference"] for row in board]
        said += (
            f"; over the {len(board)} models the difference is {points(min(differences))} to "
            f"{points(max(differences))} points"
        )
    if entry["rows"] == entry["available"]:
        return f"{said}. The whole set was used, and nothing was trained on it."
    left_out = [
        f"{entry[key]:,} {reason}"
        for key, reason in [
            ("dropped", "without text or label"),
            ("seen", "that the run was trained or validated on"),
        ]
        if entry[key]
    ]
    if left_out:
        said += f". Of its {entry['available']:,} rows, {' and '.join(left_out)} are left out"
    left = entry["available"] - entry["dropped"] - entry["seen"]
    if entry["rows"] < left:
        said += f". A sample by class of {entry['rows']:,} of {left:,} texts was used"
    return f"{said}. Nothing was trained on the texts used."


def _add(run: RunFolder, entry: dict[str, Any]) -> None:
    """Draw the report with the entry, then keep it: results.json never holds what failed."""
    results = run.results
    others = [one for one in results.get("transfer", ()) if one["path"] != entry["path"]]
    results["transfer"] = [*others, entry]
    write_report(results, run.report)
    write_json(run.path / "results.json", results)
