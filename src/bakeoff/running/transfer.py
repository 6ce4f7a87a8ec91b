"""Scoring the trained models of a run on other labelled data than they come from."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np

from bakeoff.artifacts import lacks, read_manifest, write_json
from bakeoff.data.characters import normalised
from bakeoff.data.cleaning import Rows, duplicate_key
from bakeoff.data.columns import Columns
from bakeoff.data.decoding import pixel_key
from bakeoff.data.depth import as_learned
from bakeoff.data.near_copies import near_copies
from bakeoff.data.prepare import read_rows
from bakeoff.data.sources import fingerprint, location
from bakeoff.data.splits import Split, read_split
from bakeoff.data.splitting import sample_by_class
from bakeoff.errors import UserError
from bakeoff.evaluation.baseline import KIND
from bakeoff.evaluation.compare import mean_rates, mean_scores
from bakeoff.evaluation.evaluate import checked
from bakeoff.evaluation.metrics import classification_metrics
from bakeoff.evaluation.scores import ACCURACY, Metric, get_metric
from bakeoff.locks import alone
from bakeoff.report import write_report
from bakeoff.running.runs import RunFolder, gone, model_folder, trainings
from bakeoff.running.store import in_store

Watch = Callable[[str, float | None], None]
_NAMED = 10


def transfer(
    run: RunFolder,
    source: str,
    *,
    models: Sequence[str] = (),
    limit: int = 0,
    input_column: str = "",
    label_column: str = "",
    skip_bad: bool = False,
    class_level: int = 0,
    watch: Watch = lambda *_: None,
) -> dict[str, Any]:
    """Score a run's models on other labelled texts or images, and add the result to the run.

    What the run's training and validation splits hold, or hold nearly, is left out: nothing scored
    was seen before. Images are resized and cropped to the size of the run's.

    Args:
        run: a finished run; its results.json gets the result under "transfer", in place of an
            earlier one on the same data, and its report is drawn again.
        source: a named set, a path or an fsspec URL.
        models: names of models of the run; none means all.
        limit: rows used at most, sampled by class; 0 uses all.
        input_column: the column with the text or the encoded image; "" is called as the run's.
        label_column: the column with the label; "" as well.
        skip_bad: leave out rows that cannot be used, such as those without a label, instead of
            refusing the data.
        class_level: at which level of a folder's folders the classes are; 0 finds it.
        watch: called with a training's name and None before it is scored, then with its accuracy.

    Returns:
        data (the name), path, fingerprint, created, metric (the run's, or accuracy where that
        means nothing on these rows), classes, absent (those that no scored row has), available
        (rows of the data), dropped (rows that cannot be used), seen (rows left out because the run
        knew them or near copies of them), rows (scored), leaderboard (means over trainings, best by
        the metric first; `own` is its value on the run's test split, `difference` what was lost or
        won) and sentence. Where classes are absent, precision, recall and F1 are means over the
        others.

    Raises:
        UserError: the run has not finished, lacks a model, or knows not all classes of the data;
            or the data cannot be used.
    """
    results = run.results
    modality = results["dataset"]["modality"]
    own = {row["model"]: row for row in results["leaderboard"] if row["kind"] != KIND}
    folders = {
        name: [model_folder(run, training) for training in trainings(results, name)]
        for name in dict.fromkeys(models or own)
    }
    image = results["dataset"].get("image")
    size = image and (image["width"], image["height"])
    called = results["dataset"]["columns"]
    columns = Columns(input_column or called["input"], label_column or called["label"])
    found, rows = read_rows(
        source, modality, columns, size, skip_bad, class_level, comparable=False
    )
    if image:
        rows = _as_learned(rows, image, source)
    available = len(found.frame)
    classes = [normalised(name) for name in results["classes"]]
    labels = _labels(rows, classes, source, found.label_column)
    unseen = np.flatnonzero(~_known(rows, _learned(run)))
    if not len(unseen):
        raise UserError(
            f"{source}: the run was trained on every one of its {modality}s; name other data with "
            "--data"
        )
    used = unseen
    if 0 < limit < len(unseen):
        used = unseen[sample_by_class(labels[unseen], limit, np.random.default_rng(0))]
    entry: dict[str, Any] = {
        "data": found.name,
        "path": location(source),
        "fingerprint": fingerprint(source),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "classes": results["classes"],
        "absent": [
            name for number, name in enumerate(results["classes"]) if number not in labels[used]
        ],
        "available": available,
        "dropped": available - len(labels),
        "seen": len(labels) - len(unseen),
        "rows": len(used),
    }
    ids = rows.frame["id"].to_numpy()
    split = Split(ids, rows.inputs(), labels, results["classes"], modality)
    if len(used) < len(labels):
        split = split.part(used)
    metric = get_metric(results["metric"])
    if np.isnan(metric.rows(split.labels, np.eye(len(classes))[split.labels]).mean()):
        metric = ACCURACY
    entry["metric"] = metric.name
    board = []
    for name, of_model in folders.items():
        scores = _score(of_model, split, metric, bool(entry["absent"]), watch)
        before = own[name][metric.key]
        difference = scores[metric.key] - before
        board.append({"model": name, **scores, "own": before, "difference": difference})
    entry["leaderboard"] = sorted(board, key=lambda row: -metric.merit(row[metric.key]))
    entry["sentence"] = _sentence(entry, metric, results["winner"]["model"], f"{modality}s")
    _add(run, entry)
    return entry


def _as_learned(rows: Rows, image: Mapping[str, Any], source: str) -> Rows:
    """Images with the range of values of the run's, and keys that tell whether it knew them."""
    assert rows.pixels is not None
    pixels = as_learned(rows.pixels, image, f"{source}: images")
    keys = rows.keys if pixels is rows.pixels else [pixel_key(one) for one in pixels]
    return replace(rows, pixels=pixels, keys=keys)


def _labels(rows: Rows, classes: list[str], source: str, column: str | None) -> np.ndarray:
    """The rows' labels, of a column or of folders, as indices into the run's classes, by name."""
    known = {name: number for number, name in enumerate(classes)}
    numbers = np.array([known.get(name, -1) for name in rows.classes])
    found = rows.frame["label"].to_numpy()
    labels: np.ndarray = numbers[found]
    unknown = [rows.classes[number] for number in np.unique(found[labels < 0])]
    if unknown:
        advice = (
            f"rename the labels in column {column!r} to the run's, leave such rows out, or name "
            "another column with --label-column"
            if column
            else "rename the folders of images to the run's classes, or leave such images out"
        )
        raise UserError(
            f"{source}: the run knows no class {_named(unknown)}, as {(labels < 0).sum():,} of "
            f"{len(labels):,} rows have it; the run's classes are {_named(classes)}; {advice}"
        )
    return labels


def _named(classes: Sequence[str]) -> str:
    more = len(classes) > _NAMED
    return ", ".join(classes[:_NAMED]) + (f" and {len(classes) - _NAMED:,} more" if more else "")


def _learned(run: RunFolder) -> list[Split]:
    """The run's training and validation split.

    Raises:
        UserError: they are not there.
    """
    if "comparison" not in run.facts:
        raise UserError(f"run {run.path.name} has not finished; run its command again")
    root = run.path.parent
    manifest = read_manifest(in_store(root, run.facts["comparison"]), "comparison")
    dataset = in_store(root, manifest["inputs"]["dataset"]["path"])
    if lacks(dataset, "train.", "validation."):
        raise gone(run, "the data that the run was trained on", dataset, "--data")
    return [read_split(dataset, name) for name in ("train", "validation")]


def _known(rows: Rows, learned: Sequence[Split]) -> np.ndarray:
    """Which rows are copies or near copies of what was learned, shape (rows,)."""
    keys: list[Hashable]
    if rows.pixels is None:
        before = [text for split in learned for text in split.inputs]
        keys = [duplicate_key(text) for text in before]
        inputs: Any = before + rows.inputs()
    else:
        keys = [pixel_key(one) for split in learned for one in split.inputs]
        parts = [*(split.inputs for split in learned), rows.pixels]
        channels = max(part.shape[3] for part in parts)
        inputs = np.concatenate([np.broadcast_to(p, (*p.shape[:3], channels)) for p in parts])
    number: dict[Hashable, int] = {}
    copies = [number.setdefault(key, len(number)) for key in [*keys, *rows.keys]]
    groups = near_copies(np.array(copies), inputs)
    return np.isin(groups[len(keys) :], groups[: len(keys)])


def _score(
    folders: Sequence[Path], split: Split, metric: Metric, lacks_classes: bool, watch: Watch
) -> dict[str, Any]:
    """Means over the trainings of one model."""
    from bakeoff.predictors import load

    metrics: list[dict[str, Any]] = []
    scores: dict[Metric, list[np.ndarray]] = {ACCURACY: [], metric: []}
    for folder in folders:
        watch(folder.name, None)
        probabilities = checked(load(folder).probabilities(split.inputs), folder.name)
        metrics.append(classification_metrics(split.labels, probabilities, split.classes))
        for score, values in scores.items():
            values.append(score.rows(split.labels, probabilities))
        watch(folder.name, metrics[-1]["accuracy"])
        if lacks_classes:
            metrics[-1] |= _means_over_present(metrics[-1]["per_class"])
    found: dict[str, Any] = {"seeds": len(folders), **mean_rates(metrics)}
    for score, values in scores.items():
        found |= mean_scores(metrics, np.stack(values, axis=1), split.labels, score)
    return found


def _means_over_present(per_class: Sequence[dict[str, Any]]) -> dict[str, float]:
    present = [row for row in per_class if row["support"]]
    return {key: mean(row[key] for row in present) for key in ("precision", "recall", "f1")}


def _sentence(entry: dict[str, Any], metric: Metric, winner: str, noun: str) -> str:
    """How the metric changed, of the run's winner where it took part, and what was scored."""
    board = entry["leaderboard"]
    row = next((row for row in board if row["model"] == winner), board[0])
    unit = " points" if metric.percent else ""
    change = metric.show_difference(abs(row["difference"])).lstrip("+")
    verb = "fell" if row["difference"] < 0 else "rose"
    moved = f"{verb} by {change}{unit}" if float(change) else "hardly moved"
    said = (
        f"The {metric.words} of {row['model']} {moved}, from {metric.show(row['own'])} on the "
        f"run's own test split to {metric.show(row[metric.key])} on {entry['data']}"
    )
    if len(board) > 1:
        differences = [row["difference"] for row in board]
        said += (
            f"; over the {len(board)} models the difference is "
            f"{metric.show_difference(min(differences))} to "
            f"{metric.show_difference(max(differences))}{unit}"
        )
    if entry["absent"]:
        said += f". No row has the class {_named(entry['absent'])}"
    if entry["rows"] == entry["available"]:
        return f"{said}. The whole set was used, and nothing was trained on it."
    left_out = [
        f"{entry[key]:,} {reason}"
        for key, reason in [
            ("dropped", "that cannot be used"),
            ("seen", "that the run was trained or validated on, or on near copies of,"),
        ]
        if entry[key]
    ]
    if left_out:
        said += f". Of its {entry['available']:,} rows, {' and '.join(left_out)} are left out"
    left = entry["available"] - entry["dropped"] - entry["seen"]
    if entry["rows"] < left:
        said += f". A sample by class of {entry['rows']:,} of {left:,} {noun} was used"
    return f"{said}. Nothing was trained on the {noun} used."


def _add(run: RunFolder, entry: dict[str, Any]) -> None:
    """Draw the report with the entry, then keep it: results.json never holds what failed, and
    everything of two that end together.
    """
    with alone(run.path / ".adding", waiting=lambda: None):
        results = run.results
        others = [one for one in results.get("transfer", ()) if one["path"] != entry["path"]]
        results["transfer"] = [*others, entry]
        write_report(results, run.report)
        write_json(run.path / "results.json", results)
