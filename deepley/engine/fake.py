"""An engine for tests: it runs no network, and gives the output that a test wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from deepley.engine.base import Activation


def _one_hot_place() -> np.ndarray:
    features = np.zeros((4, 4, 2), np.float32)
    features[1, 1, 0] = features[2, 2, 1] = 1
    return features


@dataclass
class FakeEngine:
    """Gives the same output for every face, but for the logits; see `engine.base.Engine`.

    Attributes:
        logits: Logits of the faces of a call, in order; they start again from the first if there are more faces.
        kinds: Share of each kind of fake; they sum to 1.
        features: (h, w, c) float32, feature map. By default the first channel is active at one place, the second at
            another.
        gradient: (c,) float32, gradient of the logit on it. By default the first channel raises the logit, and the
            second lowers it.
        calls: Number of faces in each call so far.
        closed: Whether `close` was called.
    """

    logits: Sequence[float] = (0.0,)
    kinds: Sequence[float] = (1.0,)
    features: np.ndarray = field(default_factory=_one_hot_place)
    gradient: np.ndarray = field(default_factory=lambda: np.array([1, -1], np.float32))
    calls: list[int] = field(default_factory=list)
    closed: bool = False

    def explain(self, faces: np.ndarray) -> list[Activation]:
        """See `engine.base.Engine.explain`."""
        kinds = np.asarray(self.kinds, np.float32)
        return [Activation(float(logit), kinds, self.features, self.gradient) for logit in self.score(faces)]

    def look(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `engine.base.Engine.look`."""
        return self.score(faces), np.repeat(self.features.mean(axis=(0, 1))[None], len(faces), axis=0)

    def score(self, faces: np.ndarray) -> np.ndarray:
        """See `engine.base.Engine.score`."""
        if self.closed:
            raise RuntimeError("This engine is closed.")
        self.calls.append(len(faces))
        return np.resize(np.asarray(self.logits, np.float32), len(faces))

    def close(self) -> None:
        """See `engine.base.Engine.close`."""
        self.closed = True
