"""All backbones by name."""

from __future__ import annotations

from deepley.errors import WeightsError
from deepley.network.backbones.base import Backbone
from deepley.network.backbones.micro import MICRO
from deepley.network.backbones.resnet import RESNET50

BACKBONES: dict[str, Backbone] = {"resnet50": RESNET50, "micro": MICRO}


def backbone(name: str) -> Backbone:
    """The backbone of that name.

    Raises:
        WeightsError: If there is none.
    """
    if name not in BACKBONES:
        raise WeightsError(f"There is no backbone {name!r}; there are: {', '.join(BACKBONES)}.")
    return BACKBONES[name]
