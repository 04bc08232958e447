"""Would the verdict hold? The treatments a picture meets on its way, under which every face is scored again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deepley.photo.treatment import blur, down_and_up, jpeg

TREATMENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "JPEG 70": lambda crop: jpeg(crop, 70),
    "JPEG 50": lambda crop: jpeg(crop, 50),
    "half size": lambda crop: down_and_up(crop, 0.5),
    "slight blur": lambda crop: blur(crop, 0.8),
}
"""By name: functions on the aligned (256, 256, 3) uint8 crop."""


@dataclass(frozen=True)
class Stability:
    """The scores of one face as it is and treated.

    Attributes:
        score: As it is, calibrated, 0..1.
        treated: Score by treatment; empty if none was tried.
        threshold: Score from which there is evidence.
    """

    score: float
    treated: dict[str, float]
    threshold: float

    @property
    def low(self) -> float:
        """Lowest of all scores."""
        return min(self.score, *self.treated.values()) if self.treated else self.score

    @property
    def high(self) -> float:
        """Highest of all scores."""
        return max(self.score, *self.treated.values()) if self.treated else self.score

    @property
    def flips(self) -> tuple[str, ...]:
        """Treatments that carry the score across the threshold."""
        above = self.score >= self.threshold
        return tuple(name for name, score in self.treated.items() if (score >= self.threshold) != above)
