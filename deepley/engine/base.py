"""What every engine does with aligned faces: logit, feature map and the head's gradient in one forward pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Activation:
    """What the network says of one face.

    Attributes:
        logit: Of "any kind of fake" against real, before calibration; above zero means fake.
        kinds: (k,) float32, how much each kind of fake has of it; they sum to 1.
        features: (h, w, c) float32, the last feature map.
        gradient: (c,) float32, the logit's gradient on the feature map, averaged over positions.
    """

    logit: float
    kinds: np.ndarray
    features: np.ndarray
    gradient: np.ndarray


class Engine(Protocol):
    """A release compiled for inference on one machine."""

    def explain(self, faces: np.ndarray) -> list[Activation]:
        """What the network says of each face, with what a heatmap needs.

        Args:
            faces: (n, h, w, 3) uint8, RGB; n may be 0.

        Returns:
            One `Activation` a face.
        """

    def look(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the network says of each face, without what a heatmap needs.

        Args:
            faces: (n, h, w, 3) uint8, RGB, at least one.

        Returns:
            (n,) float32 logits of "any kind of fake" against real, and (n, c) float32 embeddings.
        """

    def score(self, faces: np.ndarray) -> np.ndarray:
        """The logits alone.

        Args:
            faces: (n, h, w, 3) uint8, RGB; n may be 0.

        Returns:
            (n,) float32.
        """

    def close(self) -> None:
        """Gives back what the engine holds; nothing may be asked of it afterwards."""
