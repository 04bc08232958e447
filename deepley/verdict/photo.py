"""What may be said of a photo: the value that page, command line, API and report are made from. Needs no network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from deepley.config import FACE_SIZE
from deepley.explain.drawing import outline, overlay
from deepley.explain.heatmap import on_photo
from deepley.photo.faces import Face
from deepley.photo.provenance import Provenance
from deepley.verdict.calibration import Evidence

SHOWN_SIDE = 1280
"""Longest side, in pixels, of the copy of a photo that a verdict keeps: to show, and to find faces on."""


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


@dataclass(frozen=True)
class Verdict:
    """What the network says of one face.

    Attributes:
        face: Where it is, and its aligned crop.
        score: Calibrated, 0..1; higher means more evidence of manipulation.
        evidence: The band that the score falls into; inconclusive if a treatment carries it across the threshold, or if
            the face is unlike any that was trained on.
        kinds: Kinds of manipulation the evidence points to, the likeliest first; empty unless there is evidence.
        heatmap: (h, w) float32 in [0, 1] on the aligned crop: what spoke for the claim made.
        stability: The scores under the usual treatments.
        strange: The face is unlike anything that the network was trained on, so its score means little.
    """

    face: Face
    score: float
    evidence: Evidence
    kinds: tuple[str, ...]
    heatmap: np.ndarray
    stability: Stability
    strange: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ValueError(f"A score lies in 0..1, {self.score} does not.")
        if not (np.isfinite(self.heatmap).all() and self.heatmap.min() >= 0 and self.heatmap.max() <= 1):
            raise ValueError("A heatmap is finite and lies in [0, 1].")


@dataclass(frozen=True)
class File:
    """Facts of an image file.

    Attributes:
        sha256: Of its bytes, in hexadecimal.
        size: In bytes.
        format: Pillow's name of its format.
        width: Of the upright picture, in pixels.
        height: Of the upright picture, in pixels.
    """

    sha256: str
    size: int
    format: str
    width: int
    height: int


@dataclass(frozen=True)
class PhotoVerdict:
    """What may be said of a photo.

    Attributes:
        file: Facts of the file.
        provenance: What the file says of itself; it does not touch the score.
        photo: (h, w, 3) uint8, the upright photo, its longest side at most `SHOWN_SIDE` pixels.
        verdicts: One a usable face, largest first.
        reason: Why the question does not apply, or None if there is a verdict.
        left_out: Faces without a verdict: too small, too blurred, or too many.
    """

    file: File
    provenance: Provenance
    photo: np.ndarray
    verdicts: tuple[Verdict, ...]
    reason: str | None
    left_out: int = 0

    @property
    def worst(self) -> int:
        """Index of the face with the strongest evidence; there must be one."""
        return max(range(len(self.verdicts)), key=lambda i: (self.verdicts[i].evidence.rank, self.verdicts[i].score))

    def overlay(
        self, opacity: float = 0.7, face: int | None = None, close: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The photo with the faces outlined, and the same with the heatmap laid over it.

        Args:
            opacity: Of the hottest place, 0..1.
            face: Show this face's heatmap only; None shows all of them.
            close: Show the surroundings of `face` only, half as wide again as what the network saw.

        Returns:
            Two (h, w, 3) uint8 of the size of `photo`, or of its part.
        """
        height, width = self.photo.shape[:2]
        factor = max(height, width) / max(self.file.height, self.file.width)
        # A pixel i of the shrunk photo is centred on pixel (i + 0.5) / factor - 0.5 of the original.
        grow = np.array([[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5], [0, 0, 1]])
        to_crops = [verdict.face.to_crop @ grow for verdict in self.verdicts]
        heat = np.zeros((height, width), np.float32)
        for index, (verdict, to_crop) in enumerate(zip(self.verdicts, to_crops)):
            if face in (None, index):
                heat = np.maximum(heat, on_photo(verdict.heatmap, to_crop, width, height))
        warm = overlay(self.photo, heat, opacity)
        pair = outline(self.photo, to_crops), outline(warm, to_crops)
        if not close or face is None:
            return pair
        centre = np.linalg.solve(to_crops[face][:, :2], FACE_SIZE / 2 - to_crops[face][:, 2])
        reach = 0.75 * FACE_SIZE / np.hypot(*to_crops[face][0, :2])
        left, top = np.maximum(np.rint(centre - reach), 0).astype(int)
        right, bottom = np.rint(centre + reach).astype(int)
        return pair[0][top:bottom, left:right], pair[1][top:bottom, left:right]
