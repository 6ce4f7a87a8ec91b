"""Neighbours, centroids and maps of embeddings on a circle, counted by hand."""

import json
from dataclasses import dataclass

import numpy as np
import pytest

from bakeoff.data.splits import Split
from bakeoff.evaluation import embeddings
from bakeoff.evaluation.embeddings import NEIGHBOURS, Embedder, embedding_facts


@dataclass
class Given:
    """A model whose embeddings are given."""

    known: np.ndarray
    labels: np.ndarray
    asked: np.ndarray

    def embeddings(self, inputs):
        assert len(inputs) == len(self.asked)
        return self.asked

    def reference(self, folder):
        assert folder == "folder"
        return self.known, self.labels


def at(*degrees, length=1.0):
    """Points of a circle, float32, (n, 2)."""
    angles = np.deg2rad(np.array(degrees, float))
    return (length * np.stack([np.cos(angles), np.sin(angles)], axis=1)).astype("float32")


def judged(known, labels, asked, truth, classes=("a", "b")):
    model = Given(known, np.array(labels), asked)
    assert isinstance(model, Embedder)
    inputs = np.zeros((len(truth), 4, 4, 1), "uint8")
    split = Split(np.arange(len(truth)), inputs, np.array(truth), list(classes), "image")
    facts = embedding_facts(model, "folder", split)
    json.dumps(facts, allow_nan=False)
    return facts


def test_nearer_neighbours_weigh_more():
    # From 0°, a lies 10° and 40° away, b 90°, 100° and 110°: cosines + 1 are 1.98 + 1.77 against
    # 1 + 0.83 + 0.66. Of the five, which all are asked, b has more and a weighs more.
    known, labels = at(10, -40, 90, 100, -110), [0, 0, 1, 1, 1]
    facts = judged(known, labels, at(0, 100, 5), [0, 1, 1])
    # At 100°, b weighs 1.98 + 2 + 0.13 against 1 + 0.23. The third is taken for a, wrongly.
    assert facts["knn"]["accuracy"] == pytest.approx(2 / 3)
    assert 0 <= facts["knn"]["low"] < 2 / 3 < facts["knn"]["high"] <= 1


def test_only_the_nearest_count():
    # NEIGHBOURS of class a around 0°, and many more of b just behind them.
    known = np.concatenate([at(*np.linspace(-9, 9, NEIGHBOURS)), at(*np.linspace(20, 60, 100))])
    labels = [0] * NEIGHBOURS + [1] * 100
    assert judged(known, labels, at(0, 1, 2), [0, 0, 0])["knn"]["accuracy"] == 1
    # With six fewer of a, six of b make up the number and are outvoted.
    fewer = judged(known[6:], labels[6:], at(0, 1, 2), [0, 0, 0])
    assert fewer["knn"]["accuracy"] == 1
    # With one of a alone, they are not.
    one = judged(known[NEIGHBOURS - 1 :], labels[NEIGHBOURS - 1 :], at(0, 1, 2), [0, 0, 0])
    assert one["knn"]["accuracy"] == 0


def test_the_nearest_class_mean_by_hand():
    # Means: a at 0° (of -80° and 80°), b at 180°, whatever their lengths.
    known, labels = at(-80, 80, 170, 190), [0, 0, 1, 1]
    facts = judged(known, labels, at(70, 100, -85), [0, 0, 0])
    assert facts["centroid"]["accuracy"] == pytest.approx(2 / 3)
    low, high = facts["centroid"]["low"], facts["centroid"]["high"]
    assert 0 <= low < 2 / 3 < high <= 1


def test_the_nearest_other_row_by_hand():
    # Nearest others: 0° ↔ 5°, 5° → 0°, 30° → 45°, 45° → 30°, 200° → 45° (155°; 0° is 160° away).
    asked, truth = at(0, 5, 30, 45, 200), [0, 0, 1, 0, 0]
    facts = judged(at(0, 90), [0, 1], asked, truth)
    # Right are 0°, 5° and 200°.
    found = facts["recall_at_1"]
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert 0 <= found["low"] < 3 / 5 < found["high"] <= 1


def test_lengths_say_nothing():
    rng = np.random.default_rng(0)
    known, asked = at(*rng.uniform(0, 360, 30)), at(*rng.uniform(0, 360, 20))
    labels, truth = rng.integers(0, 2, 30), rng.integers(0, 2, 20)
    long_known = known * rng.uniform(0.1, 90, (30, 1)).astype("float32")
    long_asked = asked * rng.uniform(0.1, 90, (20, 1)).astype("float32")
    facts, again = (
        judged(known, labels, asked, truth),
        judged(long_known, labels, long_asked, truth),
    )
    for name in ("knn", "centroid", "recall_at_1"):
        assert facts[name] == again[name]


def test_rows_are_judged_alike_in_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    known, asked = (rng.normal(size=(rows, 8)).astype("float32") for rows in (50, 23))
    labels, truth = rng.integers(0, 2, 50), rng.integers(0, 2, 23)
    whole = judged(known, labels, asked, truth)
    monkeypatch.setattr(embeddings, "_BLOCK", 5)
    assert judged(known, labels, asked, truth) == whole


def test_fewer_rows_than_neighbours():
    facts = judged(at(0, 90), [0, 1], at(10, 80, 20), [0, 1, 0])
    assert facts["knn"]["accuracy"] == facts["centroid"]["accuracy"] == 1


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 10])
def test_maps_of_few_rows(rows):
    rng = np.random.default_rng(0)
    asked = rng.normal(size=(rows, 128)).astype("float32")
    known = rng.normal(size=(9, 128)).astype("float32")
    maps = judged(known, np.arange(9) % 2, asked, np.arange(rows) % 2)["maps"]
    for name in ("pca", "tsne"):
        assert [point["class"] for point in maps[name]] == [row % 2 for row in range(rows)]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_embeddings_that_are_all_the_same_are_said_to_be(value):
    """A network that died still gets its row in the report."""
    asked = np.full((40, 16), value, "float32")
    facts = judged(asked[:10], np.arange(10) % 2, asked, np.arange(40) % 2)
    assert facts["knn"]["accuracy"] == 0.5
    assert {(point["x"], point["y"]) for point in facts["maps"]["tsne"]} == {(0, 0)}


def test_a_map_keeps_classes_apart_that_are_apart_and_repeats():
    rng = np.random.default_rng(0)
    truth = np.repeat([0, 1], 30)
    asked = rng.normal(size=(60, 32)) * 0.05
    asked[truth == 0, 0] += 1
    asked[truth == 1, 1] += 1
    asked = asked.astype("float32")
    maps = judged(asked, truth, asked, truth)["maps"]
    assert maps == judged(asked, truth, asked, truth)["maps"]
    for name in ("pca", "tsne"):
        points = np.array([[point["x"], point["y"]] for point in maps[name]])
        apart = np.linalg.norm(points[truth == 0].mean(axis=0) - points[truth == 1].mean(axis=0))
        spread = np.linalg.norm(points[truth == 0] - points[truth == 0].mean(axis=0), axis=1)
        assert apart > 3 * spread.mean(), name


def test_a_map_has_a_bounded_number_of_points(monkeypatch):
    monkeypatch.setattr("bakeoff.evaluation.embeddings.MAPPED", 25)
    angles = np.random.default_rng(0).uniform(0, 360, 40)
    facts = judged(at(0, 90), [0, 1], at(*angles), np.arange(40) % 2)
    assert len(facts["maps"]["pca"]) == len(facts["maps"]["tsne"]) == 25
