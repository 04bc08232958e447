"""A face in a pair of frames as the network sees it: logit, embedding, heatmap and temporal features in one pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from deepley.config import FaceLimits
from deepley.explain.heatmap import grad_cam
from deepley.photo.faces import Face
from deepley.video import changes
from deepley.video.reader import Pair
from deepley.video.tracks import Sighting

if TYPE_CHECKING:  # the engine imports TensorFlow, which a training machine may not have
    from deepley.engine.base import Activation


GAP = (0.015, 0.072)
"""Seconds between two frames from and to which what changes is judged: 14 to 66 frames a second. At fewer, a face that
only moves changes as much as one that is pasted in anew."""


@dataclass(frozen=True)
class Observation:
    """What the network says of one face in one pair of frames.

    Attributes:
        seconds: Time of the first frame.
        box: Of the face in the first frame, as `photo.faces.Face` has it.
        to_crop: (2, 3) affine matrix from the first frame to crop pixels.
        logit: Calibrated, mean of both frames.
        embedding: (f,) float32, mean of both frames.
        features: (7,) float32 of `temporal.features`; None if the face was not found in the second frame, or that comes
            too soon or too late (`GAP`) or is the first one shown again.
        heatmap: (h, w) float32 in [0, 1]: what raised the logit in the first frame.
    """

    seconds: float
    box: tuple[int, int, int, int]
    to_crop: np.ndarray
    logit: float
    embedding: np.ndarray
    features: np.ndarray | None
    heatmap: np.ndarray


def unusable(face: Face, limits: FaceLimits) -> str | None:
    """Why a face is not judged, "too small" or "too blurred", by the limits for photos; None if it is."""
    if face.side < limits.min_side:
        return "too small"
    return "too blurred" if face.sharpness < limits.min_sharpness else None


def look(
    sightings: list[Sighting],
    pair: Pair,
    explain: Callable[[np.ndarray], list[Activation]],
    temperature: float,
) -> list[Observation]:
    """Looks at the faces of one pair of frames, all in one forward pass.

    Args:
        sightings: Usable faces.
        pair: In which they were found.
        explain: Such as `engine.base.Engine.explain`.
        temperature: Of the release; logits are divided by it.
    """
    crops = [face.crop for seen in sightings for face in (seen.first, seen.second) if face is not None]
    activations = iter(explain(np.stack(crops)) if crops else ())
    timely = GAP[0] <= pair.second.seconds - pair.first.seconds <= GAP[1]
    looks = []
    for seen in sightings:
        both = [next(activations) for face in (seen.first, seen.second) if face is not None]
        logits = [activation.logit / temperature for activation in both]
        embeddings = [activation.features.mean(axis=(0, 1)) for activation in both]
        found = None
        if seen.second is not None and timely and not np.array_equal(seen.first.crop, seen.second.crop):
            found = changes.features(
                (seen.first.crop, seen.second.crop),
                (seen.first.landmarks, seen.second.landmarks),
                (embeddings[0], embeddings[1]),
                (logits[0], logits[1]),
            )
        heatmap = grad_cam(both[0].features, both[0].gradient, towards_fake=True)
        mean = np.mean(embeddings, axis=0, dtype=np.float32)
        looks.append(
            Observation(
                pair.first.seconds, seen.first.box, seen.first.to_crop, float(np.mean(logits)), mean, found, heatmap
            )
        )
    return looks
