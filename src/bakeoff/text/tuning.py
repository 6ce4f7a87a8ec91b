"""What a search must know of text networks."""

from __future__ import annotations

from bakeoff.text.configs import from_dict
from bakeoff.text.networks.training import train_text_network
from bakeoff.text.spaces import space_of
from bakeoff.tuning.step import Kind

KIND = Kind(train=train_text_network, from_dict=from_dict, space_of=space_of)
