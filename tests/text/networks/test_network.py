import os
import re
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy

from bakeoff.data.splits import Split
from bakeoff.predictors import load
from bakeoff.text.configs import TextNetwork
from bakeoff.text.networks.batches import Batch
from bakeoff.text.networks.network import TextClassifier
from bakeoff.text.networks.tasks import TextClassification
from bakeoff.text.networks.training import train_text_network
from bakeoff.text.networks.vocabulary import Encoded
from bakeoff.text.preprocessing import PREPROCESSINGS
from bakeoff.training import keeper
from bakeoff.training.settings import TrainingSettings, to_dict
from bakeoff.training.trained import write_trained

FAST = TrainingSettings(epochs=3, least_steps=0, batch_size=16, learning_rate=0.01)
SMALL = TextNetwork(encoder="lstm", hidden=8, bidirectional=True, max_tokens=40, training=FAST)
CONFIGS = {
    "rnn": replace(SMALL, encoder="rnn", bidirectional=False),
    "lstm-2": replace(SMALL, bidirectional=False, layers=2),
    "bilstm": replace(SMALL, dense=8),
    "last": replace(SMALL, pooling="last", bidirectional=False, keep="head"),
    "glove": replace(SMALL, vectors="glove-6b-50d", dense=8),
    "frozen": replace(SMALL, vectors="glove-6b-50d", freeze_vectors=True),
    "word2vec": replace(SMALL, vectors="word2vec", embedding_dim=16),
    "cnn": replace(SMALL, encoder="cnn"),
    "disturbed": replace(SMALL, disturbance=0.02),
    "frozen and disturbed": replace(
        SMALL, vectors="glove-6b-50d", freeze_vectors=True, disturbance=0.02
    ),
    "bag": replace(SMALL, encoder="bag"),
    "transformer": replace(SMALL, encoder="transformer"),
}
MEMORIZE = TrainingSettings(
    epochs=40, batch_size=5, learning_rate=0.01, patience=40, schedule="constant"
)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    torch.use_deterministic_algorithms(False)


def split(frame, classes=("bad", "good")):
    labels = [classes.index(stars) for stars in frame["stars"]]
    return Split(np.arange(len(frame)), frame["review"].tolist(), np.array(labels), list(classes))


@pytest.fixture(scope="module")
def reviews(reviews_csv):
    frame = pd.read_csv(reviews_csv).sample(frac=1, random_state=0)
    return split(frame[:120]), split(frame[120:180])


def train(config, reviews, seed=0, threads=1, **rest):
    return train_text_network("some", to_dict(config), *reviews, seed=seed, threads=threads, **rest)


def test_a_saved_network_keeps_the_steps_that_it_learned_with(reviews, tmp_path, monkeypatch):
    trained = train(replace(CONFIGS["bag"], preprocessing="default,+stem-porter"), reviews)
    write_trained(trained, tmp_path / "model", ["bad", "good"], reviews[1])
    (older,) = tmp_path.glob("*/preprocessing.json")
    inputs = reviews[1].inputs
    before = load(tmp_path / "model").probabilities(inputs)
    monkeypatch.setitem(PREPROCESSINGS, "default", ("lowercase",))
    assert np.array_equal(load(tmp_path / "model").probabilities(inputs), before)
    # Models of before have the name alone.
    older.unlink()
    assert not np.array_equal(load(tmp_path / "model").probabilities(inputs), before)


def test_who_predicts_keeps_its_own_threads(reviews, tmp_path):
    trained = train(CONFIGS["bag"], reviews, threads=1)
    write_trained(trained, tmp_path / "model", ["bad", "good"], reviews[1])
    torch.set_num_threads(2)
    load(tmp_path / "model").probabilities(["fine"])
    assert torch.get_num_threads() == 2


def weights(trained, folder):
    folder.mkdir()
    trained.save(folder)
    return load_file(folder / "weights.safetensors")


@pytest.mark.parametrize("name", CONFIGS)
def test_a_saved_network_predicts_as_it_did(name, reviews, tmp_path):
    trained = train(CONFIGS[name], reviews)
    assert trained.kind == "text-network"
    assert len(trained.history) == 3
    probabilities = trained.validation_probabilities
    assert probabilities.shape == (60, 2)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(60))
    write_trained(trained, tmp_path / "model", ["bad", "good"], reviews[1])
    loaded = load(tmp_path / "model")
    assert loaded.classes == ["bad", "good"]
    assert loaded.probabilities(reviews[1].inputs) == pytest.approx(probabilities, abs=1e-6)


@pytest.mark.parametrize("name", ["rnn", "bilstm", "last", "cnn", "bag", "transformer"])
@pytest.mark.parametrize("threads", [1, 2])
def test_company_and_order_do_not_change_a_probability(name, threads, reviews, tmp_path):
    write_trained(
        train(CONFIGS[name], reviews, threads=threads), tmp_path / "m", ["bad", "good"], reviews[1]
    )
    predictor = load(tmp_path / "m")
    texts = ["Fine.", "", *reviews[1].inputs[:40]]
    together = predictor.probabilities(texts)
    assert predictor.probabilities(texts[::-1])[::-1] == pytest.approx(together, abs=1e-6)
    alone = np.concatenate([predictor.probabilities([text]) for text in texts])
    assert alone == pytest.approx(together, abs=1e-6)


@pytest.mark.parametrize("name", ["bilstm", "rnn", "bag", "word2vec"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_seed_gives_the_same_weights_bit_for_bit(name, threads, reviews, tmp_path):
    first, again, other = (
        weights(train(CONFIGS[name], reviews, seed, threads), tmp_path / str(number))
        for number, seed in enumerate([1, 1, 2])
    )
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["embedding.weight"], other["embedding.weight"])


@pytest.mark.parametrize("name", ["rnn", "bilstm", "glove", "cnn", "bag", "transformer"])
def test_twenty_reviews_are_learned_by_heart(name, reviews):
    few = Split(
        *(part[:20] for part in (reviews[0].ids, reviews[0].inputs)),
        reviews[0].labels[:20],
        ["bad", "good"],
    )
    config = replace(
        CONFIGS[name],
        dropout=0.0,
        word_dropout=0.0,
        min_count=1,
        training=MEMORIZE,
    )
    trained = train(config, (few, few))
    assert (trained.validation_probabilities.argmax(axis=1) == few.labels).all()


def test_any_number_of_classes():
    classes = ["war", "love", "space"]
    texts = ["tank army"] * 12 + ["kiss heart"] * 12 + ["alien ship"] * 12
    labels = np.repeat([0, 1, 2], 12)
    genres = Split(np.arange(36), texts, labels, classes)
    config = replace(SMALL, training=MEMORIZE)
    trained = train(config, (genres, genres))
    assert trained.validation_probabilities.shape == (36, 3)
    assert (trained.validation_probabilities.argmax(axis=1) == labels).all()


def test_the_vocabulary_knows_training_words_alone(reviews, tmp_path):
    training, validation = reviews
    marked = replace(validation, inputs=[f"zyzzyva zyzzyva {text}" for text in validation.inputs])
    trained = train(SMALL, (training, marked))
    weights(trained, tmp_path / "m")
    words = pd.read_parquet(tmp_path / "m" / "vocabulary.parquet")["word"].tolist()
    assert "zyzzyva" not in words
    assert "film" in words
    assert trained.facts["vocabulary"] == len(words)


@pytest.mark.parametrize("name", ["bilstm", "word2vec", "bag"])
def test_only_the_choice_of_an_epoch_looks_at_validation(name, reviews, tmp_path):
    training, validation = reviews
    # With a single epoch there is nothing to choose, so validation can change nothing at all.
    config = replace(CONFIGS[name], training=replace(FAST, epochs=1))
    other = replace(validation, inputs=["zyzzyva " * 9] * 60, labels=1 - validation.labels)
    seen = weights(train(config, (training, validation)), tmp_path / "a")
    unseen = weights(train(config, (training, other)), tmp_path / "b")
    assert all(torch.equal(seen[key], unseen[key]) for key in seen)


def test_pretrained_vectors_are_reported_and_frozen_ones_stay(reviews, tmp_path):
    trained = train(CONFIGS["frozen"], reviews)
    table = weights(trained, tmp_path / "m")["embedding.weight"]
    words = pd.read_parquet(tmp_path / "m" / "vocabulary.parquet")["word"].tolist()
    # First numbers of "the" in glove.6B.50d.txt.
    assert table[2 + words.index("the"), :3].tolist() == pytest.approx([0.418, 0.24968, -0.41242])
    assert 0.5 < trained.facts["vectors_cover_words"] <= 1
    assert 0.5 < trained.facts["vectors_cover_tokens"] <= 1
    # They are needed to predict, and count as those of a probe's frozen encoder do.
    assert trained.parameters > table.numel()
    assert sum(layer["parameters"] for layer in trained.layers) == trained.parameters


def test_facts_and_layers(reviews):
    trained = train(CONFIGS["bilstm"], reviews, threads=2)
    assert 1 <= trained.facts["best_epoch"] <= 3
    assert trained.facts["tokens_per_second"] > 0
    # Reviews of IMDB with at most 40 tokens are rare.
    assert trained.facts["cut_texts"] > 0.9
    assert [(layer["type"], layer["output_shape"]) for layer in trained.layers] == [
        ("Embedding", "(batch, tokens, 64)"),
        ("LSTM", "(batch, tokens, 8)"),
        ("LSTM", "(batch, tokens, 8)"),
        ("Linear", "(batch, 8)"),
        ("ReLU", "(batch, 8)"),
        ("Linear", "(batch, 2)"),
    ]
    assert sum(layer["parameters"] for layer in trained.layers) == trained.parameters


def test_pooling_by_hand():
    class States(torch.nn.Module):
        width = 1

        def forward(self, embedded, mask, tokens):
            return tokens.unsqueeze(-1).float()

    for pooling, expected in [("max+mean", [[3.0, 2.0], [-1.0, -1.0]]), ("last", [[2.0], [-1.0]])]:
        config = TextNetwork(encoder="bag", pooling=pooling)
        model = TextClassifier(config, 10, 4, 2).eval()
        model.encoder, model.head = States(), torch.nn.Identity()
        model.embedding = torch.nn.Identity()
        pooled = model(torch.tensor([[1, 3, 2], [-1, 7, 7]]), torch.tensor([3, 1]))
        assert pooled.tolist() == expected


def test_half_of_a_disturbed_loss_is_the_worst_within_reach():
    """The other half is the loss as it is; padding moves nowhere; the gradient is that of both."""
    torch.manual_seed(0)
    config = TextNetwork(encoder="bag", pooling="mean", word_dropout=0, dropout=0, disturbance=0.1)
    model = TextClassifier(config, 20, 8, 2).train()
    tokens, lengths = torch.tensor([[3, 4, 5], [6, 7, 0]]), torch.tensor([3, 2])
    labels = torch.tensor([0, 1])

    def loss(embedded):
        return cross_entropy(model(tokens, lengths, embedded), labels)

    embedded = model.embedding(tokens).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(embedded), embedded)
    assert not gradient[1, 2].any()
    norms = embedded.detach()[0].norm(), embedded.detach()[1, :2].norm()
    ways = gradient[0] / gradient[0].norm(), gradient[1] / gradient[1].norm()
    noise = 0.1 * torch.stack([norm * way for norm, way in zip(norms, ways, strict=True)])
    expected = (loss(model.embedding(tokens)) + loss(model.embedding(tokens) + noise)) / 2
    expected.backward()
    gradients = [parameter.grad.to_dense() for parameter in model.parameters()]
    model.zero_grad()

    task = TextClassification(config, 0, *[(Encoded(np.zeros(0), np.zeros(0)), labels)] * 2)
    outcome = task.objective(model, Batch(tokens, lengths, labels))
    outcome.loss.backward()
    assert outcome.loss.item() == pytest.approx(expected.item(), rel=1e-6)
    for parameter, gradient in zip(model.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad.to_dense(), gradient)
    model.eval()
    plain = task.objective(model, Batch(tokens, lengths, labels)).loss
    assert plain.item() == pytest.approx(loss(None).item())


def test_word_dropout_takes_whole_words():
    class Seen(torch.nn.Module):
        width = 32

        def forward(self, embedded, mask, tokens):
            self.embedded = embedded
            return embedded

    torch.manual_seed(0)
    config = TextNetwork(encoder="bag", word_dropout=0.25)
    model = TextClassifier(config, 50, 32, 2).train()
    model.encoder = Seen()
    torch.nn.init.ones_(model.embedding.weight)
    model(torch.ones(6, 20, dtype=torch.long), torch.full((6,), 20))
    kept = model.encoder.embedded != 0
    assert (kept.all(dim=2) == kept.any(dim=2)).all()
    assert 0.6 < kept.float().mean() < 0.9
    assert model.encoder.embedded.unique().tolist() == pytest.approx([0, 1 / 0.75])


def test_a_killed_training_goes_on_to_the_same_network(reviews_csv, tmp_path):
    def run(out, checkpoint, kill_after):
        arguments = [str(reviews_csv), str(tmp_path / out), str(tmp_path / checkpoint)]
        command = [sys.executable, __file__, *arguments, str(kill_after)]
        return subprocess.run(command, check=False, timeout=100).returncode

    assert run("unbroken", "a", 0) == 0
    assert run("resumed", "b", 2) == -signal.SIGKILL
    assert run("resumed", "b", 0) == 0
    unbroken, resumed = (
        load_file(tmp_path / name / "weights.safetensors") for name in ("unbroken", "resumed")
    )
    assert all(torch.equal(unbroken[name], resumed[name]) for name in unbroken)


def main(reviews: str, out: str, checkpoint: str, kill_after: str) -> None:
    class Killer:
        def start(self, **facts):
            pass

        step = start

        def epoch(self, record):
            if record["epoch"] == int(kill_after):
                os.kill(os.getpid(), signal.SIGKILL)

    keeper.CHECKPOINT_SHARE = float("inf")
    frame = pd.read_csv(reviews).sample(frac=1, random_state=0)
    trained = train(
        CONFIGS["bilstm"],
        (split(frame[:120]), split(frame[120:180])),
        threads=2,
        checkpoint=Path(checkpoint),
        observers=[Killer()],
    )
    write_trained(trained, Path(out), ["bad", "good"], split(frame[120:180]))
    assert to_dict(CONFIGS["bilstm"]) == trained.config


if __name__ == "__main__":
    main(*sys.argv[1:])


def test_training_time_holds_no_imports_of_torch():
    script = """
        import sys
        from dataclasses import replace
        import numpy as np
        from bakeoff.data.splits import Split
        from bakeoff.text.networks import training
        from bakeoff.text.registry import MODELS
        from bakeoff.training.settings import to_dict
        from bakeoff.training.workers import ALONE

        ready, before = training.set_up_process, set()
        training.set_up_process = lambda *given: (ready(*given), before.update(sys.modules))
        texts = [f"{'good' if n % 2 else 'bad'} film number {n}" for n in range(40)]
        split = Split(np.arange(40), texts, np.arange(40) % 2, ["bad", "good"], "text")
        config = MODELS["rnn-64"]
        config = replace(config, training=replace(config.training, epochs=1, least_steps=0))
        kwargs = {"seed": 0, "threads": 1, "workers": ALONE}
        training.train_text_network("rnn-64", to_dict(config), split, split, **kwargs)
        assert before
        print(*(set(sys.modules) - before))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=True
    )
    assert not re.findall(r"\b(?:torch\._dynamo|sympy)\S*", done.stdout)
