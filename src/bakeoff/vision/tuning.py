"""What a search must know of image networks."""

from __future__ import annotations

from bakeoff.tuning.step import Kind
from bakeoff.vision.configs import from_dict
from bakeoff.vision.spaces import space_of
from bakeoff.vision.training import train_image_network

KIND = Kind(train=train_image_network, from_dict=from_dict, space_of=space_of)
