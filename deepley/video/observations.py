"""What the network says of a face in a pair of frames: logit, embedding, heatmap and temporal features in one pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from deepley.config import FaceLimits
from deepley.engine.base import Activation
from deepley.explain.heatmap import grad_cam
from deepley.photo.faces import Face
from deepley.video import changes
from deepley.video.reader import Pair
from deepley.video.tracks import Sighting

GAP = (0.015, 0.072)
"""Range of the time between two frames, in seconds, in which changes are judged: 14 to 66 frames per second. At lower
rates, a moving face changes as much as a face that is pasted in anew."""

Explain: TypeAlias = Callable[[np.ndarray], list[Activation]]
"""A function from (n, 256, 256, 3) uint8 faces to their activations, such as `engine.base.Engine.explain`."""


@dataclass(frozen=True)
class Observation:
    """What the network says of one face in one pair of frames.

    Attributes:
        seconds: Time of the first frame.
        box: Box of the face in the first frame, see `photo.faces.Face`.
        to_crop: (2, 3) affine matrix from the first frame to crop pixels.
        logit: Calibrated logit, mean of both frames.
        embedding: (f,) float32, mean of both frames.
        features: (7,) float32 of `changes.features`; None if the face was not found in the second frame, or if that
            frame comes too soon or too late (`GAP`) or repeats the first.
        heatmap: (h, w) float32 in [0, 1], the regions that raised the logit in the first frame.
    """

    seconds: float
    box: tuple[int, int, int, int]
    to_crop: np.ndarray
    logit: float
    embedding: np.ndarray
    features: np.ndarray | None
    heatmap: np.ndarray


def unusable(face: Face, limits: FaceLimits) -> str | None:
    """The reason why a face is not judged, "too small" or "too blurred"; None if it is judged."""
    if face.side < limits.min_side:
        return "too small"
    return "too blurred" if face.sharpness < limits.min_sharpness else None


def look(
    sightings: Sequence[Sighting],
    pair: Pair,
    explain: Explain,
    temperature: float,
) -> list[Observation]:
    """Judges the faces of one pair of frames in one forward pass.

    Args:
        sightings: Usable faces of the pair.
        pair: Pair of frames.
        explain: See `Explain`.
        temperature: Temperature of the release, by which logits are divided.

    Returns:
        An observation for each sighting.
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
        mean = np.asarray(np.mean(embeddings, axis=0, dtype=np.float32))
        looks.append(
            Observation(
                pair.first.seconds, seen.first.box, seen.first.to_crop, float(np.mean(logits)), mean, found, heatmap
            )
        )
    return looks
