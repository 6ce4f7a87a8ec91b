"""Seconds an epoch, tokens a second and validation accuracy of the report's networks: ours against
plain Keras (reference.py), on the same training and validation rows, tokens, number of words and
threads, one after the other in turn. And the report's classical models against plain scikit-learn.

An epoch is training and validation. The first one of each training is left out of both sides'
figures: Keras traces and compiles its graph in it. Medians over the others are compared; a further
round trains again with the next seed.

python3.11 -m venv .venv.reference
.venv.reference/bin/pip install -r benchmarks/reference-requirements.txt
.venv/bin/python benchmarks/training.py [--data imdb-25k] [--limit 6000] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from record import record

from bakeoff.data.prepare import prepare
from bakeoff.data.splits import Split, read_split
from bakeoff.text.configs import TextNetwork
from bakeoff.text.preprocessing import parse, preprocess_all
from bakeoff.text.registry import MODELS

HERE = Path(__file__).parent
NETWORKS = ("rnn-64", "lstm-1", "bilstm")
CLASSICAL = ("nb-counts", "nb-tfidf", "tree-tfidf")
VOCABULARY = 30_000
"""Indices of words, those of padding and of unknown words included."""
EMBEDDING_DIMS = {"rnn-64": 64, "lstm-1": 256, "bilstm": 256}
"""The report's, by its layer tables."""


def our_config(network: str, tokens: int, batch_size: int, epochs: int) -> TextNetwork:
    """The network of the registry, with the reference's words, tokens, batches and epochs."""
    config = MODELS[f"{network}@report"]
    assert isinstance(config, TextNetwork)
    return replace(
        config,
        embedding_dim=EMBEDDING_DIMS[network],
        max_tokens=tokens,
        max_vocabulary=VOCABULARY - 2,
        min_count=1,
        training=replace(
            config.training,
            batch_size=batch_size,
            epochs=epochs,
            least_steps=0,
            patience=epochs,
            learning_rate=1e-3,
        ),
    )


def ours(
    network: str, config: TextNetwork, splits: list[Split], *, seed: int, threads: int
) -> dict[str, Any]:
    """Seconds and validation accuracy of each epoch."""
    from bakeoff.text.networks.training import train_text_network
    from bakeoff.training.settings import to_dict

    trained = train_text_network(network, to_dict(config), *splits, seed=seed, threads=threads)
    return {
        "parameters": trained.parameters,
        "batch_size": config.training.batch_size,
        "seconds": [epoch["seconds"] for epoch in trained.history],
        "validation_accuracy": [epoch["validation_accuracy"] for epoch in trained.history],
    }


def reference(python: Path, dataset: Path, model: str, **options: int) -> dict[str, Any]:
    """What reference.py prints."""
    arguments = [f"--{name}={value}" for name, value in options.items()]
    command = [str(python), str(HERE / "reference.py"), str(dataset), model, *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with code {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout)


def compare_network(
    network: str,
    tokens: int,
    dataset: Path,
    splits: list[Split],
    real_tokens: int,
    options: argparse.Namespace,
) -> dict[str, Any]:
    """Train one network on all sides, in turn; a summary a side, and how much faster ours are."""
    sides: dict[str, list[dict[str, Any]]] = {}
    for seed in range(options.rounds):
        settings = {"seed": seed, "threads": options.threads}
        found = reference(
            options.reference_python,
            dataset,
            network,
            tokens=tokens,
            epochs=options.epochs,
            **settings,
        )
        if found["tokens"] != real_tokens:
            sys.exit(f"the reference has {found['tokens']:,} tokens an epoch, ours {real_tokens:,}")
        sides.setdefault("reference", []).append(found)
        for batch_size in options.batch_sizes:
            config = our_config(network, tokens, batch_size, options.epochs)
            trained = ours(network, config, splits, **settings)
            sides.setdefault(f"ours_batch_{batch_size}", []).append(trained)
    summaries = {name: _summary(rounds, real_tokens) for name, rounds in sides.items()}
    seconds = summaries["reference"]["seconds_an_epoch"]
    for name, summary in summaries.items():
        if name != "reference":
            summary["times_as_fast"] = seconds / summary["seconds_an_epoch"]
        _show(network, tokens, name, summary)
    return {
        "network": network,
        "tokens": tokens,
        "tokens_an_epoch": real_tokens,
        "reference_versions": sides["reference"][0]["versions"],
        **summaries,
    }


def _summary(rounds: list[dict[str, Any]], real_tokens: int) -> dict[str, Any]:
    seconds = statistics.median(s for found in rounds for s in found["seconds"][1:])
    return {
        "parameters": rounds[0]["parameters"],
        "batch_size": rounds[0]["batch_size"],
        "seconds_an_epoch": seconds,
        "tokens_a_second": real_tokens / seconds,
        "seconds_of_epochs": [found["seconds"] for found in rounds],
        "best_validation_accuracy": statistics.mean(
            max(found["validation_accuracy"]) for found in rounds
        ),
        "validation_accuracy_of_epochs": [found["validation_accuracy"] for found in rounds],
    }


def _show(network: str, tokens: int, name: str, summary: dict[str, Any]) -> None:
    faster = f"{summary['times_as_fast']:.2f} times as fast" if "times_as_fast" in summary else ""
    print(
        f"{network:7} {tokens:4} tokens  {name:14} {summary['seconds_an_epoch']:7.2f} s an epoch "
        f"{summary['tokens_a_second']:9,.0f} tokens a second, "
        f"accuracy {summary['best_validation_accuracy']:.3f}  {faster}",
        flush=True,
    )


def compare_classical(
    dataset: Path, splits: list[Split], options: argparse.Namespace
) -> dict[str, Any]:
    """All classical models of the report, seconds from raw texts to validation accuracy."""
    from bakeoff.text.classical.models import train_classical

    plain = reference(options.reference_python, dataset, "classical", seed=0)
    seconds = plain["cleaning_seconds"] + sum(m["seconds"] for m in plain["models"].values())
    started = time.perf_counter()
    lineup = {name: MODELS[f"{name}@report"] for name in CLASSICAL}
    accuracies = {
        trained.name: float(
            (trained.validation_probabilities.argmax(axis=1) == splits[1].labels).mean()
        )
        for trained in train_classical(lineup, splits[0], splits[1], 0)  # type: ignore[arg-type]
    }
    our_seconds = time.perf_counter() - started
    print(f"classical models: reference {seconds:.2f} s, ours {our_seconds:.2f} s", flush=True)
    return {
        "reference": {**plain, "seconds": seconds},
        "ours": {"seconds": our_seconds, "validation_accuracy": accuracies},
        "times_as_fast": seconds / our_seconds,
    }


def _count_tokens(texts: list[str], tokens: int) -> int:
    return sum(min(len(text.split()), tokens) for text in texts)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data", default="imdb-25k", help="named set or file")
    add("--limit", type=int, default=6_000, help="reviews, sampled by class")
    add("--split", default="0.6:0.2:0.2", help="train:validation:test; test stays unused")
    add("--networks", default=",".join(NETWORKS), help="names separated by commas")
    add("--tokens", type=_numbers, default="64,256", help="lengths that reviews are cut to")
    add("--batch-sizes", type=_numbers, default="32,64", help="ours; the reference has 32")
    add("--epochs", type=int, default=3, help="at least 2")
    add("--rounds", type=int, default=1, help="trainings a side, each with its own seed")
    add("--threads", type=int, default=2, help="of both sides")
    add(
        "--reference-python",
        type=Path,
        default=Path(".venv.reference/bin/python"),
        metavar="PATH",
        help="of the environment with tensorflow-cpu",
    )
    options = parser.parse_args()
    if options.epochs < 2:
        sys.exit("--epochs must be 2 at least: the first one is not counted")
    if not options.reference_python.exists():
        sys.exit(
            f"no {options.reference_python}: make it with `python3.11 -m venv .venv.reference && "
            ".venv.reference/bin/pip install -r benchmarks/reference-requirements.txt`"
        )
    return options


def main() -> None:
    options = _options()
    # As `bakeoff run` sets it for its steps; read once, when torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        dataset = Path(scratch) / "dataset"
        prepare(
            dataset,
            Path(scratch) / "test",
            source=options.data,
            split=options.split,
            seed=0,
            limit=options.limit,
        )
        splits = [read_split(dataset, name) for name in ("train", "validation")]
        texts = preprocess_all(splits[0].inputs, parse("report"))
        classical = compare_classical(dataset, splits, options)
        networks = [
            compare_network(network, tokens, dataset, splits, _count_tokens(texts, tokens), options)
            for tokens in options.tokens
            for network in options.networks.split(",")
        ]
    record(
        "training",
        n=options.rounds * (options.epochs - 1),
        source=options.data,
        train_reviews=len(splits[0].labels),
        validation_reviews=len(splits[1].labels),
        vocabulary=VOCABULARY,
        epochs=options.epochs,
        rounds=options.rounds,
        threads=options.threads,
        minutes=(time.monotonic() - started) / 60,
        classical=classical,
        networks=networks,
    )


if __name__ == "__main__":
    main()
