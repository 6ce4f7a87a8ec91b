"""Training rows whose label is most likely wrong, listed and, where asked for, left out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from bakeoff.artifacts import new_artifact, read_manifest
from bakeoff.data.exhibits import exhibit
from bakeoff.data.splits import Split, read_split
from bakeoff.errors import UserError
from bakeoff.text.classical.models import train_alone
from bakeoff.text.configs import LinearText

FOLDS = 5
LISTED = 50
"""Suspects described in the manifest; suspects.parquet has them all."""
MOST_LEFT_OUT = 0.2
"""Share of the training rows of a class that may be left out: a model knows a class of few rows too
little to tell its rare examples from its errors."""

JUDGE = LinearText(method="logistic-regression", weighting="tfidf", ngrams=1, strength=3.0)


def audit(dataset: Path, audited: Path, *, drop: bool, seed: int) -> None:
    """Find likely label errors in the training split by confident learning.

    Out-of-fold probabilities of a linear model on the training split alone are compared with the
    given labels (Northcutt, Jiang & Chuang 2021; the library cleanlab). Validation and test are
    not looked at, and never changed.

    Args:
        dataset: a "dataset" artifact.
        audited: where the same dataset goes, its manifest with the suspects, most likely first.
        drop: leave the suspects out of the training split, of each class `MOST_LEFT_OUT` of its
            rows at most, the most likely first.
        seed: fixes the folds.
    """
    import pandas as pd

    train = read_split(dataset, "train")
    # A class with fewer rows than folds may be missing from one: nobody could judge it.
    judged = np.flatnonzero(np.bincount(train.labels)[train.labels] >= FOLDS)
    known, labels = np.unique(train.labels[judged], return_inverse=True)
    probabilities = np.zeros((len(train.labels), len(train.classes)))
    suspects, remarks = judged[:0], []
    if len(known) > 1:
        rows = replace(train.part(judged), labels=labels, classes=[train.classes[c] for c in known])
        try:
            found = out_of_fold(rows, seed)
        except UserError as error:  # Nothing that a person chose is wrong.
            remarks = [f"no label was looked at: {str(error).partition(';')[0]}"]
        else:
            probabilities[judged[:, None], known] = found
            suspects = judged[label_issues(labels, found)]
    settings = {"drop": drop, "seed": seed, "folds": FOLDS}
    with new_artifact(audited, "dataset", settings=settings, inputs={"dataset": dataset}) as (
        out,
        facts,
    ):
        frame = pd.read_parquet(dataset / "train.parquet")
        listed = frame.iloc[suspects].assign(
            suggested=probabilities[suspects].argmax(axis=1),
            probability=probabilities[suspects].max(axis=1),
        )
        listed.to_parquet(out / "suspects.parquet", index=False)
        left_out = suspects[_among_first(train.labels, suspects)] if drop else suspects[:0]
        kept = frame.drop(index=frame.index[left_out])
        kept.to_parquet(out / "train.parquet", index=False)
        (out / "validation.parquet").write_bytes((dataset / "validation.parquet").read_bytes())
        facts.update(read_manifest(dataset)["facts"])
        facts["remarks"] = [*facts.get("remarks", ()), *remarks]
        facts["label_noise"] = {
            "suspects": len(suspects),
            "rows": len(frame),
            "dropped": drop,
            "left_out": len(left_out),
            "classes": _by_class(train, suspects, left_out),
            "listed": [
                {
                    "id": int(train.ids[row]),
                    "label": train.classes[train.labels[row]],
                    "suggested": train.classes[probabilities[row].argmax()],
                    "probability": float(probabilities[row].max()),
                    "text": exhibit(train.inputs, row),
                }
                for row in suspects[:LISTED]
            ],
        }
        if drop:
            counts = np.bincount(kept["label"], minlength=len(train.classes)).tolist()
            facts["sizes"] = {**facts["sizes"], "train": len(kept)}
            facts["class_counts"] = {
                **facts["class_counts"],
                "train": dict(zip(train.classes, counts, strict=True)),
            }


def _among_first(labels: np.ndarray, suspects: np.ndarray) -> np.ndarray:
    """Which suspects are among the first of their class that may be left out: bool, as `suspects`.

    Args:
        labels: of all rows.
        suspects: rows, the most likely first.
    """
    most = (np.bincount(labels) * MOST_LEFT_OUT).astype(int)
    of_class = labels[suspects]
    earlier = np.array([(of_class[:n] == label).sum() for n, label in enumerate(of_class)], int)
    return earlier < most[of_class]


def _by_class(
    train: Split, suspects: np.ndarray, left_out: np.ndarray
) -> dict[str, dict[str, int]]:
    """Class → rows, suspects and rows left out, of the classes that have suspects."""
    columns = {"rows": train.labels}
    columns |= {"suspects": train.labels[suspects], "left_out": train.labels[left_out]}
    counts = {k: np.bincount(v, minlength=len(train.classes)) for k, v in columns.items()}
    return {
        name: {column: int(count[number]) for column, count in counts.items()}
        for number, name in enumerate(train.classes)
        if counts["suspects"][number]
    }


def out_of_fold(train: Split, seed: int) -> np.ndarray:
    """Probabilities of each row from a model that was not trained on it.

    Returns:
        Shape (rows, classes).
    """
    fold = _folds(train.labels, seed)
    probabilities = np.empty((len(train.labels), len(train.classes)))
    for part in range(FOLDS):
        inside, outside = np.flatnonzero(fold == part), np.flatnonzero(fold != part)
        trained = train_alone("judge", JUDGE, train.part(outside), train.part(inside), seed)
        probabilities[inside] = trained.validation_probabilities
    return probabilities


def _folds(labels: np.ndarray, seed: int) -> np.ndarray:
    """The part each row is in: every class is spread evenly over the parts."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    fold = np.empty(len(labels), dtype=int)
    fold[by_class] = np.arange(len(labels)) % FOLDS
    return fold


def label_issues(labels: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Indices of the rows confident learning suspects, least self-confident first."""
    from cleanlab.filter import find_label_issues

    return find_label_issues(
        labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
    )
