"""Encoders: pictures (batch, channels, height, width) in 0 … 1 to embeddings (batch, width)."""

from __future__ import annotations

import io
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bakeoff.errors import UserError, unknown_name
from bakeoff.remote import read_bytes
from bakeoff.vision import torchvision_models

DENSE = (1024, 1200, 728, 512, 128)
"""Widths of the original report's dense layers."""
CHANNELS = (32, 64, 128, 256, 256)
"""Channels of the convolutional autoencoder; each layer halves height and width."""
_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of the colours of ImageNet, by which torchvision's weights want pictures normalised."""
SMALL = 64
"""Pictures of at most this many pixels a side get a ResNet whose stem keeps more of them."""


def build_encoder(
    name: str, channels: int, size: int, dropout: float = 0.0, pretrained: bool = False
) -> nn.Module:
    """The encoder of that name, with fresh weights; its `width` is that of an embedding.

    Args:
        name: `linear`, `conv` or `resnet18`.
        channels: of the pictures.
        size: pixels a side.
        dropout: after each hidden layer of a `linear` one.
        pretrained: whether a `resnet18` starts from weights made elsewhere.
    """
    if name == "linear":
        return DenseEncoder(channels, size, dropout)
    if name == "conv":
        return ConvEncoder(channels, size)
    if name == "resnet18":
        return ResNet18(size, pretrained)
    raise unknown_name("encoder", name, ["linear", "conv", "resnet18"])


def build_decoder(name: str, channels: int, size: int) -> nn.Module:
    """The decoder that belongs to the encoder `linear` or `conv`."""
    if name == "linear":
        return DenseDecoder(channels, size)
    if name == "conv":
        return ConvDecoder(channels, size)
    raise unknown_name("autoencoder", name, ["linear", "conv"])


class DenseEncoder(nn.Sequential):
    """Dense layers with ReLU between them, on the flat picture."""

    def __init__(self, channels: int, size: int, dropout: float) -> None:
        widths = (channels * size * size, *DENSE)
        super().__init__(nn.Flatten(), *_dense(widths))
        self.width = widths[-1]
        self._dropout = dropout

    def forward(self, pictures: Tensor) -> Tensor:
        values = centred(pictures)
        for layer in self:
            values = layer(values)
            if isinstance(layer, nn.ReLU):
                values = F.dropout(values, self._dropout, self.training)
        return values


def centred(pictures: Tensor) -> Tensor:
    """Values of 0 … 1 brought to about zero mean and unit spread."""
    return (pictures - 0.5) / 0.25


class DenseDecoder(nn.Sequential):
    """The mirror image of `DenseEncoder`, with a sigmoid at its end."""

    def __init__(self, channels: int, size: int) -> None:
        widths = (*reversed(DENSE), channels * size * size)
        super().__init__(*_dense(widths), nn.Sigmoid(), nn.Unflatten(1, (channels, size, size)))


def _dense(widths: tuple[int, ...]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for below, above in pairwise(widths):
        layers += [nn.Linear(below, above), nn.ReLU()]
    return layers[:-1]


class ConvEncoder(nn.Sequential):
    """Strided 3×3 convolutions with batch norm and ReLU; the last map, flat, is the embedding."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        for number, above in enumerate(CHANNELS):
            below = CHANNELS[number - 1] if number else channels
            self.append(
                nn.Sequential(
                    nn.Conv2d(below, above, 3, stride=2, padding=1, bias=False),
                    nn.BatchNorm2d(above),
                    nn.ReLU(),
                )
            )
        self.append(nn.Flatten())
        self.width = CHANNELS[-1] * _map_side(size) ** 2


class ConvDecoder(nn.Sequential):
    """The mirror image of `ConvEncoder`; kernels of twice the stride leave no checkerboard (Odena
    et al. 2016).
    """

    def __init__(self, channels: int, size: int) -> None:
        side = _map_side(size)
        super().__init__(nn.Unflatten(1, (CHANNELS[-1], side, side)))
        for number, below in reversed(list(enumerate(CHANNELS))):
            above = CHANNELS[number - 1] if number else channels
            self.append(nn.ConvTranspose2d(below, above, 4, stride=2, padding=1))
            self.extend([nn.BatchNorm2d(above), nn.ReLU()] if number else [nn.Sigmoid()])
        self._size = size

    def forward(self, embeddings: Tensor) -> Tensor:
        return super().forward(embeddings)[:, :, : self._size, : self._size]


def _map_side(size: int) -> int:
    """Pixels a side of the last map."""
    return -(-size // 2 ** len(CHANNELS))


class ResNet18(nn.Module):
    """ResNet-18 (He et al. 2016) as torchvision has it, without its last layer.

    Up to `SMALL` pixels a side the stem is a 3×3 convolution with stride 2 and no pooling, so that
    layer 1 sees a quarter of the pixels and not a sixteenth. A pretrained one has torchvision's at
    any size, and normalises pictures as its weights want them; from scratch batch norm does.
    """

    def __init__(self, size: int, pretrained: bool = False) -> None:
        super().__init__()
        self._pretrained = pretrained
        self._mean: Tensor
        self._spread: Tensor
        for name, colours in (("_mean", _MEAN), ("_spread", _SPREAD)):
            self.register_buffer(name, torch.tensor(colours).view(3, 1, 1), persistent=False)
        self.network = torchvision_models.models().resnet18()
        self.width = self.network.fc.in_features
        self.network.fc = nn.Identity()
        if size <= SMALL and not pretrained:
            self.network.conv1 = nn.Conv2d(3, 64, 3, stride=2, padding=1, bias=False)
            nn.init.kaiming_normal_(self.network.conv1.weight, mode="fan_out")
            self.network.maxpool = nn.Identity()

    def forward(self, pictures: Tensor) -> Tensor:
        # Grey pictures enter as three equal channels, as pretrained weights want them.
        colours = pictures.expand(-1, 3, -1, -1)
        if self._pretrained:
            colours = (colours - self._mean) / self._spread
        return self.network(colours)

    def load(self, weights: str) -> None:
        """Take over torchvision's ImageNet weights (`imagenet`), or those of a file, by its path or
        address.

        Raises:
            UserError: the file cannot be read, or holds the weights of something else.
        """
        own = self.network.state_dict()
        # Old files lack the counters of batch norm.
        state = {name: own[name] for name in own if name.endswith("num_batches_tracked")}
        given = _imagenet() if weights == "imagenet" else _state(weights)
        state |= {name: tensor for name, tensor in given.items() if not name.startswith("fc.")}
        wrong = dict.fromkeys(own.keys() - state.keys(), "missing")
        wrong |= dict.fromkeys(state.keys() - own.keys(), "unknown")
        wrong |= {
            name: "of another shape"
            for name in own.keys() & state.keys()
            if own[name].shape != state[name].shape
        }
        if wrong:
            name = min(wrong)
            raise UserError(
                f"{weights} does not hold the weights of a ResNet-18: {name} is {wrong[name]}"
            )
        self.network.load_state_dict(state)


def _imagenet() -> dict[str, Tensor]:
    from urllib.error import URLError

    weights = torchvision_models.models().ResNet18_Weights.DEFAULT
    try:
        return cast(dict[str, Tensor], weights.get_state_dict(check_hash=True))
    except (URLError, OSError, RuntimeError) as error:  # torch's word for another hash.
        raise UserError(
            f"cannot download torchvision's ImageNet weights ({error}); give a file of them with "
            "--weights"
        ) from None


def _state(source: str) -> dict[str, Tensor]:
    """The tensors of a safetensors or PyTorch file, here or behind an address, read without running
    any code of it.
    """
    from safetensors.torch import load

    content = read_bytes(source)
    try:
        if source.endswith(".safetensors"):
            return load(content)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # Readers stumble over other files in every way there is.
        raise UserError(
            f"cannot read weights from {source}: it is damaged, or no file of safetensors or of "
            "PyTorch; give a state dict of torchvision's resnet18"
        ) from None
    if not isinstance(state, dict) or not all(torch.is_tensor(value) for value in state.values()):
        raise UserError(
            f"{source} holds something else than tensors by name; give a state dict of "
            "torchvision's resnet18"
        )
    return state
