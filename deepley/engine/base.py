"""The contract of every engine: aligned faces in; logit, feature map and gradient of the head out, in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Activation:
    """The network's output for one face.

    Attributes:
        logit: Logit of "any kind of fake" against real, before calibration; above zero means fake.
        kinds: (k,) float32, share of each kind of fake in it; they sum to 1.
        features: (h, w, c) float32, feature map of the last layer before the head.
        gradient: (c,) float32, gradient of the logit on the feature map, averaged over positions.
    """

    logit: float
    kinds: np.ndarray
    features: np.ndarray
    gradient: np.ndarray


class Engine(Protocol):
    """A release compiled for inference on one machine."""

    def explain(self, faces: np.ndarray) -> list[Activation]:
        """Runs the network with everything that a verdict and its heatmap need.

        Args:
            faces: (n, h, w, 3) uint8, RGB; n may be 0.

        Returns:
            One `Activation` a face, in order.
        """

    def look(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Runs the network without the gradient that a heatmap needs.

        Args:
            faces: (n, h, w, 3) uint8, RGB, at least one.

        Returns:
            (n,) float32 logits of "any kind of fake" against real, and (n, c) float32 embeddings.
        """

    def score(self, faces: np.ndarray) -> np.ndarray:
        """Runs the network for its logits alone.

        Args:
            faces: (n, h, w, 3) uint8, RGB; n may be 0.

        Returns:
            (n,) float32 logits of "any kind of fake" against real.
        """

    def close(self) -> None:
        """Frees what the engine holds. No other method may be called afterwards."""
