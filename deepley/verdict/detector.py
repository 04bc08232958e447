"""Photo in, one verdict a face out: the one thing that page, command line and API call."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from deepley.config import FACE_SIZE, FaceLimits, PhotoLimits
from deepley.network import explain, release
from deepley.network.engine import Activation, Engine
from deepley.photo import decode, faces, provenance
from deepley.photo.provenance import Provenance
from deepley.photo.treatment import TREATMENTS
from deepley.recipes import ModelConfig
from deepley.records import SCHEMA_VERSION, from_json
from deepley.verdict import calibration, doubt
from deepley.verdict.calibration import Evidence
from deepley.verdict.stability import Stability

_NAMED = 0.3
"""Share of the evidence from which a kind of manipulation is named."""

SHOWN_SIDE = 1280
"""Longest side, in pixels, of the copy of a photo that a verdict keeps: to show, and to find faces on."""


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

    face: faces.Face
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
        bands = list(Evidence)
        return max(
            range(len(self.verdicts)), key=lambda i: (bands.index(self.verdicts[i].evidence), self.verdicts[i].score)
        )

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
                heat = np.maximum(heat, explain.on_photo(verdict.heatmap, to_crop, width, height))
        warm = explain.overlay(self.photo, heat, opacity)
        pair = explain.outline(self.photo, to_crops), explain.outline(warm, to_crops)
        if not close or face is None:
            return pair
        centre = np.linalg.solve(to_crops[face][:, :2], FACE_SIZE / 2 - to_crops[face][:, 2])
        reach = 0.75 * FACE_SIZE / np.hypot(*to_crops[face][0, :2])
        left, top = np.maximum(np.rint(centre - reach), 0).astype(int)
        right, bottom = np.rint(centre + reach).astype(int)
        return pair[0][top:bottom, left:right], pair[1][top:bottom, left:right]


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
        self.kinds = from_json(ModelConfig, self.release.config["model"]).kinds
        self.engine = Engine(self.release.model)
        self.doubt = doubt.load(folder)

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
        *_, verdict = self.steps(data, photo_limits, face_limits)
        return verdict

    def steps(
        self, data: bytes, photo_limits: PhotoLimits = PhotoLimits(), face_limits: FaceLimits = FaceLimits()
    ) -> Iterator[str | PhotoVerdict]:
        """Checks one image file; yields, in words, what comes next, and last the verdict.

        Raises:
            PhotoError: If the file is no usable photo.
        """
        yield "Reading the file"
        photo = decode.decode(data, photo_limits, SHOWN_SIDE)
        file = File(hashlib.sha256(data).hexdigest(), len(data), photo.format, photo.width, photo.height)
        told = provenance.read(data, photo_limits)
        yield "Finding faces"
        found = faces.find(photo.pixels, face_limits, photo.factor)
        large = [face for face in found if face.side >= face_limits.min_side][: face_limits.max_faces]
        shown, _ = decode.fit_within(photo.pixels, SHOWN_SIDE)
        if photo.factor < 1 and any(face.needs_more_than(photo.factor) for face in large):
            large = faces.recrop(large, decode.decode(data, photo_limits).pixels, face_limits)
        usable = [face for face in large if face.sharpness >= face_limits.min_sharpness]
        if not usable:
            yield PhotoVerdict(file, told, shown, (), _reason(found, large, face_limits), len(found))
            return
        yield "Looking at one face" if len(usable) == 1 else f"Looking at {len(usable)} faces"
        yield PhotoVerdict(file, told, shown, tuple(self.judge(usable)), None, len(found) - len(usable))

    def judge(
        self, found: list[faces.Face], treatments: dict[str, Callable[[np.ndarray], np.ndarray]] = TREATMENTS
    ) -> list[Verdict]:
        """One verdict a face, from one forward pass for all of them, as they are and treated.

        Args:
            found: Aligned faces.
            treatments: Functions on a crop, by name, under which each face is scored again.
        """
        crops = [make(face.crop) for face in found for make in (lambda crop: crop, *treatments.values())]
        activations = self.engine.explain(np.stack(crops))
        each = 1 + len(treatments)
        return [
            self._verdict(face, activations[i * each : (i + 1) * each], list(treatments))
            for i, face in enumerate(found)
        ]

    def _verdict(self, face: faces.Face, activations: list[Activation], names: list[str]) -> Verdict:
        score, *treated = (float(self.calibration.score(activation.logit)) for activation in activations)
        stability = Stability(score, dict(zip(names, treated)), self.calibration.threshold)
        embedding = activations[0].features.mean(axis=(0, 1))[None]
        strange = self.doubt is not None and bool(self.doubt.far(embedding)[0])
        evidence = self.calibration.evidence(score)
        if strange or stability.flips:
            evidence = Evidence.INCONCLUSIVE
        claimed = evidence not in (Evidence.NONE, Evidence.INCONCLUSIVE)
        heatmap = explain.grad_cam(
            activations[0].features, activations[0].gradient, towards_fake=evidence is not Evidence.NONE
        )
        shares = sorted(zip(activations[0].kinds, self.kinds), reverse=True)
        kinds = tuple(kind for share, kind in shares if share >= _NAMED) if claimed else ()
        return Verdict(face, score, evidence, kinds, heatmap, stability, strange)

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
                    "treated": v.stability.treated,
                    "holds": not v.stability.flips,
                    "strange": v.strange,
                }
                for v in (verdict.verdicts if verdict else ())
            ],
            "file": asdict(verdict.file) if verdict else None,
            "provenance": asdict(verdict.provenance) if verdict else None,
            "release": self.release.name,
            "sha256": self.release.sha256,
        }


def _reason(found: list[faces.Face], large: list[faces.Face], limits: FaceLimits) -> str:
    if large:
        return (
            "The face is too blurred: there is not enough detail left to judge. Try a sharper version of the photo, "
            "one that was not enlarged."
        )
    if found:
        return (
            f"The largest face is {found[0].side} pixels wide or high; below {limits.min_side} pixels the scores are "
            "not reliable. Try a larger version of the photo."
        )
    return (
        f"No face was found. Try a photo in which a face is upright, turned to the camera and at least "
        f"{limits.min_side} pixels wide; drawings and faces seen from the side are not judged."
    )
