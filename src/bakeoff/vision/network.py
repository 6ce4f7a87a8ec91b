"""Networks over pictures: how they are built, saved, loaded and used."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.artifacts import read_json
from bakeoff.training.device import autocast, computing_on, device, resolved
from bakeoff.training.workers import ALONE, Workers
from bakeoff.vision.configs import Autoencoder, ImageNetwork, from_dict
from bakeoff.vision.encoders import build_decoder, build_encoder
from bakeoff.vision.losses import Centers
from bakeoff.vision.pictures import PREDICTION_BATCH, as_bytes, as_floats, loaded

_WEIGHTS, _REFERENCE = "weights.safetensors", "embeddings.safetensors"


Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class Shape:
    """What a network takes."""

    channels: int
    size: int


class Spread(nn.Module):
    """Embeddings whose every number has the same spread over a batch, about LENGTH long.

    Batch-hard triplets draw all embeddings to one point at first, where nothing parts them; batch
    norm, here as in Luo et al. 2019, leaves them no such point.
    """

    LENGTH = 8.0

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(width, affine=False)
        self._scale = self.LENGTH / math.sqrt(width)

    def forward(self, embeddings: Tensor) -> Tensor:
        return self.norm(embeddings) * self._scale


class ImageClassifier(nn.Module):
    """Encoder → embedding (batch, width) → linear layer → logits (batch, classes)."""

    def __init__(self, config: ImageNetwork, shape: Shape, classes: int) -> None:
        super().__init__()
        self.precision = resolved(config.precision)
        self.encoder = build_encoder(
            config.encoder,
            shape.channels,
            shape.size,
            dropout=config.hidden_dropout,
            pretrained=bool(config.weights),
        )
        self.width = cast(int, self.encoder.width)
        self.encoder.requires_grad_(not config.frozen)
        self.spread = Spread(self.width) if config.loss == "triplet" else nn.Identity()
        head: list[nn.Module] = [nn.Linear(self.width, classes)]
        if config.frozen:
            # A probe's rate must not depend on the scale of what it probes.
            head.insert(0, nn.BatchNorm1d(self.width, affine=False))
        if config.dropout:
            head.insert(0, nn.Dropout(config.dropout))
        self.head = nn.Sequential(*head)
        if config.loss == "center":
            self.centers = Centers(classes, self.width, config.center_rate)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits of pictures (batch, channels, size, size) in 0 … 1."""
        return self.head(self.embed(pictures))

    def embed(self, pictures: Tensor) -> Tensor:
        """Embeddings of pictures, float32: in bf16, near classes would often have equal logits."""
        with autocast(self.precision):
            return self.spread(self.encoder(pictures)).float()


class AutoencoderNetwork(nn.Module):
    """Pictures to pictures, through an embedding."""

    def __init__(self, config: Autoencoder, shape: Shape) -> None:
        super().__init__()
        self.precision = resolved(config.precision)
        self.encoder = build_encoder(config.encoder, shape.channels, shape.size)
        self.decoder = build_decoder(config.encoder, shape.channels, shape.size)

    def forward(self, pictures: Tensor) -> Tensor:
        """Reconstructions in 0 … 1, float32, shaped as the pictures."""
        with autocast(self.precision):
            return self.decoder(self.encoder(pictures)).float()

    def embed(self, pictures: Tensor) -> Tensor:
        """Embeddings of pictures, float32."""
        with autocast(self.precision):
            return self.encoder(pictures).float()


def placed(model: Network, workers: Workers = ALONE) -> Network:
    """The model on the device, its convolutions laid out for pictures with channels last.

    On GPUs the batch norms of several workers see the whole batch; PyTorch has none that do so on
    CPUs, where each sees its worker's share.
    """
    model.to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    if workers.count > 1 and device().type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return model


class _Predictor:
    """What both kinds of networks do with raw pictures."""

    def __init__(
        self,
        config: ImageNetwork | Autoencoder,
        shape: Shape,
        model: ImageClassifier | AutoencoderNetwork,
        classes: list[str],
        threads: int,
    ) -> None:
        """`threads` CPU threads score: the last bits of results depend on their number."""
        self.classes = classes
        self._config, self._shape, self._threads = config, shape, threads
        self._model = placed(model)

    @torch.no_grad()
    def embeddings(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, width), float32, of raw pictures: uint8 (n, height, width, channels)."""
        return self._mean(inputs, self._model.embed)

    def _mean(self, inputs: np.ndarray, of: Callable[[Tensor], Tensor]) -> np.ndarray:
        """What `of` makes of the views of each picture, on average."""
        parts = []
        with computing_on(self._threads):
            for pictures in self._batches(inputs):
                views = [of(view) for view in self._views(pictures)]
                parts.append(torch.stack(views).mean(dim=0))
        return torch.cat(parts).cpu().numpy()

    def _views(self, pictures: Tensor) -> Iterator[Tensor]:
        """What of pictures the network looks at, one after the other."""
        yield pictures

    def _batches(self, inputs: np.ndarray) -> Iterator[Tensor]:
        self._model.eval()
        grey = self._shape.channels == 1
        for start in range(0, len(inputs), PREDICTION_BATCH):
            some = inputs[start : start + PREDICTION_BATCH]
            pictures = as_floats(loaded(some, self._shape.size, grey, device()))
            yield pictures.expand(-1, self._shape.channels, -1, -1)

    def save(self, folder: Path, inputs: np.ndarray, labels: np.ndarray) -> None:
        """Write the weights, and the embeddings of the training pictures, which nearest neighbours
        are among.
        """
        state = {name: tensor.contiguous() for name, tensor in self._model.state_dict().items()}
        save_file(state, folder / _WEIGHTS)
        embeddings = torch.from_numpy(self.embeddings(inputs)).half()
        save_file(
            {"embeddings": embeddings, "labels": torch.from_numpy(labels)}, folder / _REFERENCE
        )

    def reference(self, folder: Path) -> tuple[np.ndarray, np.ndarray]:
        """Embeddings of the training pictures, float32 (n, width), and their labels."""
        tensors = load_file(folder / _REFERENCE)
        return tensors["embeddings"].float().numpy(), tensors["labels"].numpy()


class ImagePredictor(_Predictor):
    """A trained classifier of pictures."""

    KIND = "image-network"
    _config: ImageNetwork
    _model: ImageClassifier

    @torch.no_grad()
    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, classes), float64, of raw pictures: uint8 (n, height, width, channels)."""
        return self._mean(inputs, lambda view: self._model(view).double().softmax(dim=1))

    def _views(self, pictures: Tensor) -> Iterator[Tensor]:
        for view in crops(pictures, self._config.crops_at_test):
            yield view
            if self._config.flip_at_test:
                yield view.flip(3)


def crops(pictures: Tensor, share: float) -> Iterator[Tensor]:
    """The centre and the corners of pictures, each of that share of a side, of a pixel at least,
    and resized to all of it; the pictures alone if it is 1.
    """
    if share == 1:
        yield pictures
        return
    size = pictures.shape[3]
    side = max(round(share * size), 1)
    most = size - side
    starts = [(most // 2, most // 2), (0, 0), (0, most), (most, 0), (most, most)]
    for y, x in starts:
        crop = pictures[:, :, y : y + side, x : x + side]
        yield F.interpolate(crop, size=size, mode="bilinear")


class AutoencoderPredictor(_Predictor):
    """A trained autoencoder."""

    KIND = "autoencoder"
    _config: Autoencoder
    _model: AutoencoderNetwork

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        """Shape (n, 0): it tells no classes apart."""
        return np.empty((len(inputs), 0))

    @torch.no_grad()
    def reconstructions(self, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What raw pictures become: the pictures as the network sees them and what it makes of
        them, both uint8 (n, size, size, channels).
        """
        seen, made = [], []
        with computing_on(self._threads):
            for pictures in self._batches(inputs):
                seen.append(as_bytes(pictures))
                made.append(as_bytes(self._model(pictures)))
        return np.concatenate(seen), np.concatenate(made)


def load_image_network(folder: Path, model: Mapping[str, Any]) -> ImagePredictor:
    """The classifier of a model folder; `model` is its model.json."""
    config = from_dict(model["config"])
    assert isinstance(config, ImageNetwork)
    shape, threads = _facts(folder)
    network = ImageClassifier(config, shape, len(model["classes"]))
    network.load_state_dict(load_file(folder / _WEIGHTS))
    return ImagePredictor(config, shape, network, model["classes"], threads)


def load_autoencoder(folder: Path, model: Mapping[str, Any]) -> AutoencoderPredictor:
    """The autoencoder of a model folder; `model` is its model.json."""
    config = from_dict(model["config"])
    assert isinstance(config, Autoencoder)
    shape, threads = _facts(folder)
    network = AutoencoderNetwork(config, shape)
    network.load_state_dict(load_file(folder / _WEIGHTS))
    return AutoencoderPredictor(config, shape, network, model["classes"], threads)


def _facts(folder: Path) -> tuple[Shape, int]:
    training = read_json(folder / "training.json")
    facts = training["facts"]
    return Shape(facts["channels"], facts["size"]), training["threads"]


def load_encoder(model: ImageClassifier, autoencoder: Path) -> None:
    """Take over the encoder of a trained autoencoder's folder."""
    prefix = "encoder."
    weights = load_file(autoencoder / _WEIGHTS)
    own = {n.removeprefix(prefix): t for n, t in weights.items() if n.startswith(prefix)}
    model.encoder.load_state_dict(own)
