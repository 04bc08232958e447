"""Would the verdict hold? The treatments a picture meets on its way, under which every face is scored again."""

from __future__ import annotations

from dataclasses import dataclass


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
