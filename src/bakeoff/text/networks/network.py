"""Networks over word indices: how they are built, saved, loaded and used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bakeoff.artifacts import read_json, write_json
from bakeoff.text.configs import TextNetwork, from_dict
from bakeoff.text.networks.batches import PREDICTION_BATCH, batch_of, sorted_rows
from bakeoff.text.networks.encoders import RECURRENT, build_encoder
from bakeoff.text.networks.vocabulary import Encoded, Vocabulary
from bakeoff.text.preprocessing import parse, preprocess_all
from bakeoff.training.device import autocast, computing_on, device, resolved

_STEPS = "preprocessing.json"


class TextClassifier(nn.Module):
    """Embedding → encoder → pooling over real tokens → dense head → logits (batch, classes).

    Embeddings have sparse gradients: a step costs what its batch's words cost.
    """

    def __init__(
        self, config: TextNetwork, vocabulary: int, embedding_dim: int, classes: int
    ) -> None:
        super().__init__()
        slower = config.precision == "auto" and config.encoder in RECURRENT
        self.precision = "fp32" if slower else resolved(config.precision)
        self._pooling, self._bidirectional = config.pooling, config.bidirectional
        self.embedding = nn.Embedding(vocabulary, embedding_dim, sparse=True)
        nn.init.normal_(self.embedding.weight, std=0.1)
        self.embedding.weight.requires_grad = not config.freeze_vectors
        self.word_dropout = nn.Dropout1d(config.word_dropout)
        self.encoder = build_encoder(config, embedding_dim)
        width = cast(int, self.encoder.width) * (2 if config.pooling == "max+mean" else 1)
        head: list[nn.Module] = [nn.Dropout(config.dropout)]
        if config.dense:
            head += [nn.Linear(width, config.dense), nn.ReLU(), nn.Dropout(config.dropout)]
        self.head = nn.Sequential(*head, nn.Linear(config.dense or width, classes))

    def forward(self, tokens: Tensor, lengths: Tensor, embedded: Tensor | None = None) -> Tensor:
        """Logits.

        Args:
            tokens: word indices, (batch, tokens), padded on the right.
            lengths: real tokens of each text, (batch,).
            embedded: (batch, tokens, embedding_dim), where they are not the words' own embeddings.
        """
        if embedded is None:
            embedded = self.embedding(tokens)
        mask = real_tokens(tokens, lengths)
        # Dropout1d drops whole rows of its second axis: words. To drop single numbers instead would
        # cost a third of an epoch on a CPU.
        with autocast(self.precision):
            states = self.encoder(self.word_dropout(embedded), mask, tokens)
        return self.head(self._pool(states.float(), mask, lengths))

    def _pool(self, states: Tensor, mask: Tensor, lengths: Tensor) -> Tensor:
        if self._pooling == "last":
            ahead = states[torch.arange(len(states), device=states.device), lengths - 1]
            if not self._bidirectional:
                return ahead
            half = states.shape[2] // 2
            return torch.cat([ahead[:, :half], states[:, 0, half:]], dim=-1)
        padding = ~mask.unsqueeze(-1)
        mean = states.masked_fill(padding, 0.0).sum(dim=1) / lengths.unsqueeze(1)
        if self._pooling == "mean":
            return mean
        highest = states.masked_fill(padding, -torch.inf).amax(dim=1)
        return torch.cat([highest, mean], dim=-1)


def real_tokens(tokens: Tensor, lengths: Tensor) -> Tensor:
    """Where a text has words and not padding, bool, (batch, tokens)."""
    return torch.arange(tokens.shape[1], device=tokens.device) < lengths.unsqueeze(1)


class NetworkPredictor:
    """A trained network, ready to score texts."""

    def __init__(
        self,
        config: TextNetwork,
        steps: Sequence[str],
        vocabulary: Vocabulary,
        model: TextClassifier,
        classes: list[str],
        threads: int,
    ) -> None:
        """`steps` are those of the preprocessing; `threads` CPU threads score: the last bits of
        probabilities depend on their number.
        """
        self.classes = classes
        self._steps, self._threads = steps, threads
        self._config, self._vocabulary, self._model = config, vocabulary, model.to(device())

    def probabilities(self, inputs: Sequence[str]) -> np.ndarray:
        """Shape (texts, classes), float64; the same for a text whatever stands beside it."""
        texts = preprocess_all(inputs, self._steps)
        return self.probabilities_of(
            self._vocabulary.encode(texts, self._config.max_tokens, self._config.keep)
        )

    @torch.no_grad()
    def probabilities_of(self, encoded: Encoded) -> np.ndarray:
        """As `probabilities`, for texts that are encoded already."""
        self._model.eval()
        result = np.empty((len(encoded.lengths), len(self.classes)))
        with computing_on(self._threads):
            for rows in sorted_rows(encoded.lengths, PREDICTION_BATCH):
                batch = batch_of(encoded, rows)
                logits = self._model(batch.tokens, batch.lengths)
                result[rows] = logits.double().softmax(dim=1).cpu().numpy()
        return result

    def save(self, folder: Path) -> None:
        """Write weights.safetensors, vocabulary.parquet and the steps of the preprocessing, so that
        a later choice of names does not change it.
        """
        save_file(self._model.state_dict(), folder / "weights.safetensors")
        self._vocabulary.save(folder / "vocabulary.parquet")
        write_json(folder / _STEPS, list(self._steps))


def load_network(folder: Path, model: Mapping[str, Any]) -> NetworkPredictor:
    """The network of a model folder; `model` is its model.json."""
    config = cast(TextNetwork, from_dict(model["config"]))
    weights = load_file(folder / "weights.safetensors")
    rows, width = weights["embedding.weight"].shape
    network = TextClassifier(config, rows, width, len(model["classes"]))
    network.load_state_dict(weights)
    vocabulary = Vocabulary.load(folder / "vocabulary.parquet")
    threads = read_json(folder / "training.json")["threads"]
    # Older models have the name alone.
    kept = folder / _STEPS
    steps = read_json(kept) if kept.exists() else parse(config.preprocessing)
    return NetworkPredictor(config, steps, vocabulary, network, model["classes"], threads)
