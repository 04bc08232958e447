"""The detector: a photo in, one verdict a face out. The page, the command line and the API all call it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np

from deepley.config import FACE_SIZE, FaceLimits, PhotoLimits
from deepley.engine import tensorflow
from deepley.engine.base import Activation, Engine
from deepley.explain.heatmap import grad_cam
from deepley.host.steps import finish
from deepley.network import release
from deepley.network.release import Release
from deepley.photo import decode, faces, provenance
from deepley.photo.treatment import TREATMENTS
from deepley.recipes import ModelConfig
from deepley.records import from_json
from deepley.verdict import calibration, novelty, words
from deepley.verdict.calibration import Evidence
from deepley.verdict.photo import SHOWN_SIDE, File, PhotoVerdict, Stability, Verdict

_NAMED = 0.3
"""Share of the evidence from which a kind of manipulation is named."""


class Detector:
    """A loaded release, ready to check photos.

    Args:
        folder: Folder of the release.
        engine: Function that makes the engine for the loaded release; by default TensorFlow's.

    Raises:
        WeightsError: If the release cannot be used.
    """

    def __init__(self, folder: Path, engine: Callable[[Release], Engine] = tensorflow.engine) -> None:
        self.release = release.load(folder)
        self.calibration = calibration.of_release(self.release)
        self.kinds = from_json(ModelConfig, self.release.config["model"]).kinds
        self.engine = engine(self.release)
        self.novelty = novelty.load(folder)

    def warm_up(self) -> None:
        """Runs face detector and network once, so that the first visitor does not wait until they are compiled."""
        faces.find(np.full((64, 64, 3), 128, np.uint8))
        self.engine.explain(np.zeros((1, FACE_SIZE, FACE_SIZE, 3), np.uint8))

    def check(
        self, data: bytes, photo_limits: PhotoLimits = PhotoLimits(), face_limits: FaceLimits = FaceLimits()
    ) -> PhotoVerdict:
        """Checks one image file.

        Args:
            data: The file's bytes.
            photo_limits: Largest file and picture.
            face_limits: Smallest, least sharp and most faces that are judged.

        Returns:
            The verdict.

        Raises:
            PhotoError: If the file is no usable photo.
        """
        return finish(self.steps(data, photo_limits, face_limits))

    def steps(
        self, data: bytes, photo_limits: PhotoLimits = PhotoLimits(), face_limits: FaceLimits = FaceLimits()
    ) -> Generator[str, None, PhotoVerdict]:
        """Checks one image file step by step; see `check` for the arguments.

        Yields:
            The next step, in words.

        Returns:
            The verdict.

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
            return PhotoVerdict(file, told, shown, (), words.no_verdict(found, large, face_limits), len(found))
        yield "Looking at one face" if len(usable) == 1 else f"Looking at {len(usable)} faces"
        return PhotoVerdict(file, told, shown, tuple(self.judge(usable)), None, len(found) - len(usable))

    def judge(
        self, found: list[faces.Face], treatments: dict[str, Callable[[np.ndarray], np.ndarray]] = TREATMENTS
    ) -> list[Verdict]:
        """Judges faces by one call of the engine with all crops, as they are and treated.

        Args:
            found: Aligned faces, at least one.
            treatments: Functions on a crop, by name, under which each face is scored again.

        Returns:
            One verdict a face, in order.
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
        strange = self.novelty is not None and bool(self.novelty.far(embedding)[0])
        evidence = self.calibration.evidence(score)
        if strange or stability.flips:
            evidence = Evidence.INCONCLUSIVE
        claimed = evidence not in (Evidence.NONE, Evidence.INCONCLUSIVE)
        heatmap = grad_cam(activations[0].features, activations[0].gradient, towards_fake=evidence is not Evidence.NONE)
        shares = sorted(zip(activations[0].kinds, self.kinds), reverse=True)
        kinds = tuple(kind for share, kind in shares if share >= _NAMED) if claimed else ()
        return Verdict(face, score, evidence, kinds, heatmap, stability, strange)
