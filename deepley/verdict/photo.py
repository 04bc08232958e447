"""Verdicts on a photo and its faces, from which page, command line, API and report are made. Needs no network."""

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
"""Longest side, in pixels, of the copy of a photo that a verdict keeps. It is shown, and faces are detected on it."""


@dataclass(frozen=True)
class Stability:
    """The scores of one face, as it is and treated.

    Attributes:
        score: Calibrated score of the face as it is, 0..1.
        treated: Calibrated score by treatment; empty if none was tried.
        threshold: Score from which there is evidence.
    """

    score: float
    treated: dict[str, float]
    threshold: float

    @property
    def low(self) -> float:
        """The lowest of all scores."""
        return min(self.score, *self.treated.values()) if self.treated else self.score

    @property
    def high(self) -> float:
        """The highest of all scores."""
        return max(self.score, *self.treated.values()) if self.treated else self.score

    @property
    def flips(self) -> tuple[str, ...]:
        """Treatments after which the score lies on the other side of the threshold."""
        above = self.score >= self.threshold
        return tuple(name for name, score in self.treated.items() if (score >= self.threshold) != above)


@dataclass(frozen=True)
class Verdict:
    """The verdict on one face.

    Attributes:
        face: Position of the face, and its aligned crop.
        score: Calibrated score, 0..1; higher means more evidence of manipulation.
        evidence: Band of the score; inconclusive if a treatment carries the score across the threshold, or if the face
            is strange.
        kinds: Kinds of manipulation that the evidence points to, the likeliest first; empty unless there is evidence.
        heatmap: (h, w) float32 in [0, 1] on the aligned crop; high where the network saw reasons for the verdict.
        stability: Scores under the usual treatments.
        strange: Whether the face is unlike anything that the network was trained on, so that its score means little.
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
        sha256: SHA-256 of its bytes, hexadecimal.
        size: Size in bytes.
        format: Pillow's name of its format.
        width: Width of the upright picture, in pixels.
        height: Height of the upright picture, in pixels.
    """

    sha256: str
    size: int
    format: str
    width: int
    height: int


@dataclass(frozen=True)
class PhotoVerdict:
    """The verdict on a photo.

    Attributes:
        file: Facts of the file.
        provenance: Metadata that the file brings; they do not change the score.
        photo: (h, w, 3) uint8, the upright photo, its longest side at most `SHOWN_SIDE` pixels.
        verdicts: One verdict for each usable face, largest first.
        reason: Reason why no face can be judged, in a sentence; None if there is a verdict.
        left_out: Number of faces without a verdict: too small, too blurred, or too many.
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
        """Draws the photo with the faces outlined, and the same with the heatmaps laid over it.

        Args:
            opacity: Opacity of the hottest place, 0..1.
            face: Index of the one face whose heatmap is shown; None shows all of them.
            close: Whether only the surroundings of `face` are shown, half as wide again as the network's input.

        Returns:
            The photo without and with heatmaps: two (h, w, 3) uint8 of the size of `photo`, or of a part of it.
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
