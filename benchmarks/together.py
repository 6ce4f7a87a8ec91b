"""A few dozen steps of a network by several processes: by the training loop of the package, and by
a plain loop with PyTorch's DistributedDataParallel on the same network, batches and threads.

torchrun starts the plain one: `torchrun --nproc-per-node 2 benchmarks/together.py NETWORK ...`;
benchmarks/workers.py compares the two.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, distributed, nn
from torch.nn.functional import cross_entropy

from bakeoff.text.configs import TextNetwork
from bakeoff.text.networks.network import TextClassifier
from bakeoff.text.networks.tasks import TextClassification
from bakeoff.text.networks.vocabulary import Encoded
from bakeoff.text.registry import MODELS
from bakeoff.training.device import set_up_process
from bakeoff.training.loop import fit
from bakeoff.training.optimization import Optimizers
from bakeoff.training.settings import Precision
from bakeoff.training.workers import ALONE, Group, Workers
from bakeoff.vision.configs import Pictures
from bakeoff.vision.network import ImageClassifier, Shape
from bakeoff.vision.registry import RESNETS
from bakeoff.vision.tasks import Classification

WARM_UP = 3
"""First steps, which are not timed."""


def bilstm(
    workers: Workers, steps: int, batch_size: int = 64, precision: Precision = "fp32"
) -> tuple[TextClassifier, Any, Any]:
    """Network, task and settings of the BiLSTM, at the size it has on the paper split, on random
    words; half of them are of the 500 most frequent, texts are as long as reviews. It learns from
    cross-entropy alone: to disturb embeddings, as the study does, would be a second pass.
    """
    known = MODELS["bilstm"]
    assert isinstance(known, TextNetwork)
    training = replace(known.training, batch_size=batch_size)
    config = replace(known, disturbance=0.0, precision=precision, training=training)
    rng = np.random.default_rng(0)
    rows = steps * config.training.batch_size
    lengths = np.minimum(rng.lognormal(5.2, 0.6, rows).astype(np.int64) + 5, config.max_tokens)
    many = rng.integers(2, config.max_vocabulary, lengths.sum())
    words = np.where(rng.random(lengths.sum()) < 0.5, rng.integers(2, 500, lengths.sum()), many)
    data = Encoded(words.astype(np.int32), lengths), rng.integers(0, 2, rows)
    held_out = Encoded(data[0].indices[: lengths[:4].sum()], lengths[:4]), data[1][:4]
    torch.manual_seed(0)
    network = TextClassifier(config, config.max_vocabulary + 2, config.embedding_dim, 2)
    return network, TextClassification(config, 0, data, held_out, workers), config.training


def resnet18(workers: Workers, steps: int) -> tuple[nn.Module, Any, Any]:
    """The same of ResNet-18 on pictures of noise, 96 pixels a side."""
    known = RESNETS["resnet18"]
    config = replace(known, pictures=Pictures(flip=True), precision="fp32")
    rng = np.random.default_rng(0)
    rows = steps * config.training.batch_size
    pictures = torch.from_numpy(rng.integers(0, 256, (rows, 96, 96, 3), np.uint8))
    labels = torch.from_numpy(rng.integers(0, 10, rows))
    torch.manual_seed(0)
    network = ImageClassifier(config, Shape(channels=3, size=96), 10)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    task = Classification(config, 0, (pictures, labels), (pictures[:4], labels[:4]), workers)
    return network, task, config.training


NETWORKS: dict[str, Callable[[Workers, int], tuple[nn.Module, Any, Any]]] = {
    "bilstm": bilstm,
    "resnet18": resnet18,
}


class Timed:
    """Batches of a task, and when each was asked for."""

    def __init__(self, task: Any) -> None:
        self._task = task
        self.times: list[float] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    def training_batches(self, epoch: int) -> Iterator[Any]:
        for batch in self._task.training_batches(epoch):
            self.times.append(time.perf_counter())
            yield batch
        self.times.append(time.perf_counter())

    def samples_per_second(self, batch_size: int) -> float:
        steps = len(self.times) - 1 - WARM_UP
        return steps * batch_size / (self.times[-1] - self.times[WARM_UP])


@dataclass(frozen=True)
class Ours:
    """Trains one epoch; worker 0 writes how fast, and when its first batch was asked for."""

    network: str
    steps: int
    threads: int
    out: Path

    def __call__(self, workers: Workers) -> None:
        set_up_process(0, self.threads)
        network, task, settings = NETWORKS[self.network](workers, self.steps)
        timed = Timed(task)
        settings = replace(settings, epochs=1, least_steps=0)
        began = time.time() - time.perf_counter()
        fit(network, timed, settings, seed=0, workers=workers)
        if workers.rank == 0:
            rate = timed.samples_per_second(settings.batch_size)
            facts = {"samples_per_second": rate, "first_step_at": began + timed.times[0]}
            self.out.write_text(json.dumps(facts))


def plain(network: str, steps: int, threads: int, out: Path) -> None:
    """The same by DistributedDataParallel, as its documentation shows it."""
    set_up_process(0, threads)
    if int(os.environ["WORLD_SIZE"]) > 1:
        distributed.init_process_group("gloo")
    workers: Workers = Group() if distributed.is_initialized() else ALONE
    model, task, settings = NETWORKS[network](workers, steps)
    shared = nn.parallel.DistributedDataParallel(model) if workers.count > 1 else model
    optimizers = Optimizers(model, settings, total_steps=steps)
    timed = Timed(task)
    shared.train()
    for batch in timed.training_batches(1):
        loss = cross_entropy(shared(*_inputs(batch)), _labels(batch))
        loss.backward()
        optimizers.step()
    if workers.rank == 0:
        rate = timed.samples_per_second(settings.batch_size)
        out.write_text(json.dumps({"samples_per_second": rate}))
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _inputs(batch: Any) -> tuple[Tensor, ...]:
    return (batch.inputs,) if hasattr(batch, "inputs") else (batch.tokens, batch.lengths)


def _labels(batch: Any) -> Tensor:
    return batch.labels


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    with suppress(KeyboardInterrupt):
        plain(**vars(parser.parse_args()))
