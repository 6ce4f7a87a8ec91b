"""Encoders: embedded words to a state for each word. Padding never changes a real word's state."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.text.configs import HEADS, TextNetwork

RECURRENT: dict[str, type[nn.RNN] | type[nn.LSTM]] = {"rnn": nn.RNN, "lstm": nn.LSTM}
"""Encoders that read word by word → their layers."""


def build_encoder(config: TextNetwork, embedding_dim: int) -> nn.Module:
    """The encoder a configuration names.

    Every encoder maps embedded words (batch, tokens, embedding_dim), their mask (batch, tokens)
    and their indices (batch, tokens) to states (batch, tokens, encoder.width).
    """
    if config.encoder in RECURRENT:
        return Recurrent(config, embedding_dim)
    if config.encoder == "cnn":
        return Convolutions(embedding_dim, config.hidden)
    if config.encoder == "bag":
        return Bag(embedding_dim)
    return Transformer(embedding_dim, config.hidden, config.layers, config.dropout)


class Recurrent(nn.Module):
    """Elman RNN (1990) or LSTM (Hochreiter & Schmidhuber 1997), one or two ways.

    The backward direction is a forward network over each text reversed in place: on a CPU that is
    several times as fast as packed sequences, and padding stays on the right.
    """

    def __init__(self, config: TextNetwork, embedding_dim: int) -> None:
        super().__init__()
        cell = RECURRENT[config.encoder]
        ways = 2 if config.bidirectional else 1
        self.forwards, self.backwards = nn.ModuleList(), nn.ModuleList()
        below = embedding_dim
        for width in config.widths:
            self.forwards.append(cell(below, width, batch_first=True))
            if config.bidirectional:
                self.backwards.append(cell(below, width, batch_first=True))
            below = ways * width
        self.width = below
        for name, parameter in self.named_parameters():
            if "weight_hh" in name:
                for gate in parameter.data.chunk(parameter.shape[0] // parameter.shape[1]):
                    nn.init.orthogonal_(gate)
            if config.encoder == "lstm" and "bias_ih" in name:
                # Remember by default (Jozefowicz et al. 2015).
                parameter.data.chunk(4)[1].fill_(1.0)

    def forward(self, embedded: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        states = embedded
        if not self.backwards:
            for forwards in self.forwards:
                states = forwards(states)[0]
            return states
        mirror = _mirror(mask)
        for forwards, backwards in zip(self.forwards, self.backwards, strict=True):
            back = backwards(_rearrange(states, mirror))[0]
            states = torch.cat([forwards(states)[0], _rearrange(back, mirror)], dim=-1)
        return states


def _mirror(mask: Tensor) -> Tensor:
    """Which word of the batch, (batch · tokens), takes each place when every text is reversed and
    its padding left where it is.
    """
    positions = torch.arange(mask.shape[1], device=mask.device).expand_as(mask)
    reverse = mask.sum(dim=1, keepdim=True) - 1 - positions
    starts = torch.arange(len(mask), device=mask.device).unsqueeze(1) * mask.shape[1]
    return (starts + torch.where(mask, reverse, positions)).flatten()


def _rearrange(states: Tensor, places: Tensor) -> Tensor:
    return states.flatten(0, 1).index_select(0, places).view_as(states)


class Convolutions(nn.Module):
    """Filters over 3, 4 and 5 words with ReLU (Kim 2014)."""

    SIZES = (3, 4, 5)

    def __init__(self, embedding_dim: int, filters: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv1d(embedding_dim, filters, size) for size in self.SIZES
        )
        self.width = filters * len(self.SIZES)

    def forward(self, embedded: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        words = (embedded * mask.unsqueeze(-1)).transpose(1, 2)
        states = [
            F.relu(convolution(F.pad(words, ((size - 1) // 2, size // 2))))
            for size, convolution in zip(self.SIZES, self.convolutions, strict=True)
        ]
        return torch.cat(states, dim=1).transpose(1, 2)


class Bag(nn.Module):
    """A word together with the pair it begins: pooling makes them a bag (Joulin et al. 2017)."""

    BUCKETS = 1 << 18
    """Pairs share this many vectors by their hash."""

    def __init__(self, embedding_dim: int) -> None:
        super().__init__()
        self.pairs = nn.Embedding(self.BUCKETS, embedding_dim, sparse=True)
        nn.init.zeros_(self.pairs.weight)
        self.width = embedding_dim

    def forward(self, embedded: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        following = F.pad(tokens[:, 1:], (0, 1))
        hashed = (tokens * 1_000_003 + following) % self.BUCKETS
        return embedded + self.pairs(hashed)


class Transformer(nn.Module):
    """Pre-norm encoder (Vaswani et al. 2017; Xiong et al. 2020) with sinusoidal positions."""

    def __init__(self, embedding_dim: int, width: int, layers: int, dropout: float) -> None:
        super().__init__()
        self.width = width
        # Normed, so that positions do not drown the small vectors of untrained words.
        self.project = nn.Sequential(nn.Linear(embedding_dim, width), nn.LayerNorm(width))
        layer = nn.TransformerEncoderLayer(
            width, HEADS, 4 * width, dropout, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, embedded: Tensor, mask: Tensor, tokens: Tensor) -> Tensor:
        words = self.project(embedded)
        words = words + _positions(words.shape[1], self.width).to(words)
        return self.norm(self.layers(words, src_key_padding_mask=~mask))


def _positions(tokens: int, width: int) -> Tensor:
    """Sines and cosines of positions, shape (tokens, width)."""
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
    angles = torch.arange(tokens).unsqueeze(1) * rates
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
