"""Text networks that two processes train together, against one."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from together import Together

from bakeoff.data.splits import Split
from bakeoff.text.configs import TextNetwork
from bakeoff.text.networks.training import train_text_network
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.workers import ALONE, Group

FAST = TrainingSettings(epochs=2, least_steps=0, batch_size=16, learning_rate=0.01, patience=9)
PLAIN = TextNetwork(
    encoder="rnn", hidden=8, max_tokens=40, dropout=0.0, word_dropout=0.0, training=FAST
)
CONFIGS = {
    "bag": replace(PLAIN, encoder="bag"),
    "rnn": PLAIN,
    "disturbed bilstm": replace(PLAIN, encoder="lstm", bidirectional=True, disturbance=0.02),
    "cnn": replace(PLAIN, encoder="cnn"),
    "transformer": replace(PLAIN, encoder="transformer"),
    "by F1": replace(PLAIN, training=replace(FAST, metric="macro-f1")),
}


def trained(config, splits, workers):
    model = train_text_network("some", to_dict(config), *splits, seed=0, threads=1, workers=workers)
    history = [{k: v for k, v in r.items() if k != "seconds"} for r in model.history]
    return history, model.validation_probabilities


def trained_in_group(config, splits):
    return trained(config, splits, Group())


@pytest.fixture(scope="module")
def together():
    pair = Together()
    yield pair
    pair.close()


@pytest.fixture(scope="module")
def splits(reviews_csv):
    frame = pd.read_csv(reviews_csv).sample(frac=1, random_state=0)

    def split(part):
        labels = (part["stars"] == "good").to_numpy("int64")
        return Split(np.arange(len(part)), part["review"].tolist(), labels, ["bad", "good"])

    # The last batch of 113 has one text: a worker's share of it is empty.
    return split(frame[:113]), split(frame[113:150])


@pytest.mark.parametrize("name", CONFIGS)
def test_two_workers_learn_what_one_does(name, splits, together):
    (first, ours), (second, theirs) = together(trained_in_group, CONFIGS[name], splits)
    assert first == second
    assert np.array_equal(ours, theirs)
    alone, probabilities = trained(CONFIGS[name], splits, ALONE)
    for one, two in zip(first, alone, strict=True):
        assert one == pytest.approx(two, rel=1e-3)
    assert ours == pytest.approx(probabilities, abs=1e-3)


def test_workers_with_dropout_stay_alike_and_repeat(splits, together):
    config = replace(PLAIN, dropout=0.5, word_dropout=0.2)
    (first, _), (second, _) = together(trained_in_group, config, splits)
    assert first == second
    assert together(trained_in_group, config, splits)[0][0] == first
