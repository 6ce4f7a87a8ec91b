"""Words a second that a BiLSTM trains on, on a GPU where there is one: ours against a plain loop
with PyTorch's parts as its tutorials have them (dense embedding, nn.LSTM both ways on packed
sequences, fused Adam), on the same texts, batches and widths, side by side in turn, each in a
process of its own.

.venv/bin/python benchmarks/tokens.py [--steps 200] [--batch-size 64] [--rounds 3]
"""

from __future__ import annotations

import argparse
import copy
import statistics
from collections.abc import Iterator

import torch
from record import record
from sides import device_name, in_turn, rate
from together import bilstm
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bakeoff.text.networks.network import TextClassifier
from bakeoff.training.device import device, set_up_process
from bakeoff.training.optimization import Optimizers
from bakeoff.training.workers import ALONE

WARM_UP = 10
"""Steps before the clock starts."""
SIDES = ("plain fp32", "plain bf16", "ours fp32", "ours bf16")


class Plain(nn.Module):
    """A BiLSTM as wide as one of ours, by PyTorch's own parts."""

    def __init__(self, ours: TextClassifier) -> None:
        super().__init__()
        words, width = ours.embedding.weight.shape
        hidden = ours.encoder.width // 2  # type: ignore[operator]
        self.embedding = nn.Embedding(words, width, padding_idx=0)
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        self.head = copy.deepcopy(ours.head)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(
            self.embedding(tokens), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, padding_value=-torch.inf
        )
        highest = states.amax(dim=1)
        mean = states.masked_fill(states == -torch.inf, 0.0).sum(dim=1) / lengths.unsqueeze(1)
        return self.head(torch.cat([highest, mean], dim=-1))


def trained(side: str, steps: int, batch_size: int, threads: int) -> Iterator[Tensor]:
    """Train step by step; yields the words of each."""
    set_up_process(0, threads)
    who, precision = side.split()
    network, task, settings = bilstm(ALONE, steps, batch_size, precision)  # type: ignore[arg-type]
    network.to(device()).train()
    optimizers = Optimizers(network, settings, total_steps=steps)
    plain = Plain(network).to(device()).train()
    adam = torch.optim.Adam(plain.parameters(), lr=settings.learning_rate, fused=True)
    for batch in task.training_batches(1):
        if who == "ours":
            task.objective(network, batch).loss.backward()
            optimizers.step()
        else:
            with torch.autocast(device().type, torch.bfloat16, enabled=precision == "bf16"):
                logits = plain(batch.tokens, batch.lengths)
            loss = nn.functional.cross_entropy(logits.float(), batch.labels)
            adam.zero_grad()
            loss.backward()
            adam.step()
        yield batch.lengths.sum()


def words_a_second(side: str, options: argparse.Namespace) -> float:
    """Of one side, over the steps after the first few."""
    training = trained(side, options.steps + WARM_UP, options.batch_size, options.threads)
    return rate(training, WARM_UP, options.steps)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--steps", type=int, default=60, help="measured steps a round and side")
    add("--batch-size", type=int, default=64)
    add("--rounds", type=int, default=3)
    add("--threads", type=int, default=2)
    options = parser.parse_args()
    found = in_turn(SIDES, options.rounds, "words", words_a_second, options)
    medians = {side: statistics.median(figures) for side, figures in found.items()}
    record(
        "tokens",
        options.rounds,
        settings=vars(options),
        device=device_name(),
        words_a_second=found,
        medians=medians,
        ours_times_as_fast=medians["ours bf16"] / max(medians["plain fp32"], medians["plain bf16"]),
    )


if __name__ == "__main__":
    main()
