"""Photo in, one verdict a face out: the one thing that page, command line and API call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deepley.config import FACE_SIZE, SCHEMA_VERSION, FaceLimits, PhotoLimits
from deepley.network import explain, release
from deepley.network.engine import Activation, Engine
from deepley.photo import decode, faces
from deepley.verdict import calibration
from deepley.verdict.calibration import Evidence

KINDS = ("generated",)
"""Kinds of manipulation that a release with one logit was trained to see."""


@dataclass(frozen=True)
class Verdict:
    """What the network says of one face.

    Attributes:
        face: Where it is, and its aligned crop.
        score: Calibrated, 0..1; higher means more evidence of manipulation.
        evidence: The band that the score falls into.
        kinds: Kinds of manipulation the evidence points to; empty unless there is evidence.
        heatmap: (h, w) float32 in [0, 1] on the aligned crop: what spoke for the claim made.
    """

    face: faces.Face
    score: float
    evidence: Evidence
    kinds: tuple[str, ...]
    heatmap: np.ndarray

    def __post_init__(self) -> None:
        if not 0 <= self.score <= 1:
            raise ValueError(f"A score lies in 0..1, {self.score} does not.")
        if not (np.isfinite(self.heatmap).all() and self.heatmap.min() >= 0 and self.heatmap.max() <= 1):
            raise ValueError("A heatmap is finite and lies in [0, 1].")

    @property
    def found(self) -> bool:
        """Whether there is evidence of manipulation."""
        return bool(self.kinds)


@dataclass(frozen=True)
class PhotoVerdict:
    """What may be said of a photo.

    Attributes:
        pixels: (h, w, 3) uint8, the upright photo.
        verdicts: One a usable face, largest first.
        reason: Why the question does not apply, or None if there is a verdict.
    """

    pixels: np.ndarray
    verdicts: tuple[Verdict, ...]
    reason: str | None

    def overlay(self, side: int, opacity: float = 0.7) -> tuple[np.ndarray, np.ndarray]:
        """The photo, and the photo with every face's heatmap and a line around what the network saw of it.

        Args:
            side: Both are shrunk so that their longest side is at most this many pixels.
            opacity: Of the hottest place, 0..1.

        Returns:
            Two (h, w, 3) uint8.
        """
        photo, factor = decode.fit_within(self.pixels, side)
        height, width = photo.shape[:2]
        # A pixel i of the shrunk photo is centred on pixel (i + 0.5) / factor - 0.5 of the original.
        grow = np.array([[1 / factor, 0, 0.5 / factor - 0.5], [0, 1 / factor, 0.5 / factor - 0.5], [0, 0, 1]])
        to_crops = [verdict.face.to_crop @ grow for verdict in self.verdicts]
        heat = np.zeros((height, width), np.float32)
        for verdict, to_crop in zip(self.verdicts, to_crops):
            heat = np.maximum(heat, explain.on_photo(verdict.heatmap, to_crop, width, height))
        return photo, explain.outline(explain.overlay(photo, heat, opacity), to_crops)


class Detector:
    """A loaded release, ready to check photos.

    Args:
        folder: The release.

    Raises:
        WeightsError: If the release cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self.release = release.load(folder)
        self.calibration = calibration.of_release(self.release)
        self.engine = Engine(self.release.model)

    def warm_up(self) -> None:
        """Runs face detector and network once, so that the first visitor does not wait for their graphs."""
        faces.find(np.full((64, 64, 3), 128, np.uint8))
        self.engine.explain(np.zeros((1, FACE_SIZE, FACE_SIZE, 3), np.uint8))

    def check(
        self, data: bytes, photo_limits: PhotoLimits = PhotoLimits(), face_limits: FaceLimits = FaceLimits()
    ) -> PhotoVerdict:
        """Checks one image file.

        Raises:
            PhotoError: If the file is no usable photo.
        """
        return self.check_pixels(decode.decode(data, photo_limits).pixels, face_limits)

    def check_pixels(self, pixels: np.ndarray, limits: FaceLimits = FaceLimits()) -> PhotoVerdict:
        """Checks (h, w, 3) uint8 RGB, upright."""
        found = faces.find(pixels, limits)
        usable = [face for face in found if face.side >= limits.min_side]
        if not usable:
            return PhotoVerdict(pixels, (), _reason(found, limits))
        return PhotoVerdict(pixels, tuple(self.judge(usable)), None)

    def judge(self, found: list[faces.Face]) -> list[Verdict]:
        """One verdict a face, from one forward pass for all of them."""
        activations = self.engine.explain(np.stack([face.crop for face in found]))
        return [self._verdict(face, activation) for face, activation in zip(found, activations)]

    def _verdict(self, face: faces.Face, activation: Activation) -> Verdict:
        score = float(self.calibration.score(activation.logit))
        evidence = self.calibration.evidence(score)
        claimed = evidence not in (Evidence.NONE, Evidence.INCONCLUSIVE)
        heatmap = explain.grad_cam(activation.features, activation.gradient, towards_fake=evidence is not Evidence.NONE)
        return Verdict(face, score, evidence, KINDS if claimed else (), heatmap)

    def to_json(self, verdict: PhotoVerdict | None, error: str | None = None) -> dict:
        """One checked file as plain JSON types; exactly one of `verdict` and `error` is given."""
        return {
            "schema": SCHEMA_VERSION,
            "error": error,
            "reason": verdict.reason if verdict else None,
            "faces": [
                {
                    "box": list(v.face.box),
                    "score": v.score,
                    "evidence": str(v.evidence),
                    "evidence_kinds": list(v.kinds),
                }
                for v in (verdict.verdicts if verdict else ())
            ],
            "release": self.release.name,
            "sha256": self.release.sha256,
        }


def _reason(found: list[faces.Face], limits: FaceLimits) -> str:
    if found:
        return (
            f"The largest face is {found[0].side} pixels wide or high; at least {limits.min_side} are needed. "
            "Try a larger version of the photo."
        )
    return "No face was found. Try a photo in which a face is large, upright and turned to the camera."
