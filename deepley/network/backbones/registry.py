"""The registry of backbones."""

from __future__ import annotations

from deepley.errors import WeightsError
from deepley.network.backbones.base import Backbone
from deepley.network.backbones.micro import MICRO
from deepley.network.backbones.resnet import RESNET50

BACKBONES: dict[str, Backbone] = {"resnet50": RESNET50, "micro": MICRO}
"""All backbones by name."""


def backbone(name: str) -> Backbone:
    """Looks up a backbone by its name.

    Raises:
        WeightsError: If there is none.
    """
    if name not in BACKBONES:
        raise WeightsError(f"There is no backbone {name!r}; there are: {', '.join(BACKBONES)}.")
    return BACKBONES[name]
