"""What changes between two consecutive frames of a face: pure functions, zero for a face that does not change.

A blend that is made anew in every frame flickers where a filmed face does not: its border, its colour and its landmarks
move on their own. Head and camera motion are taken out first, by a similarity for landmarks and by optical flow for
pixels, and the face is compared with its own surroundings, which the same camera, light and codec went through.
"""

from __future__ import annotations

import cv2
import numpy as np

from deepley.config import FACE_SIZE

NAMES = (
    "embedding distance",
    "score jitter",
    "landmark jitter",
    "residual inside",
    "residual around",
    "residual ratio",
    "colour shift",
)
"""Of what `features` returns."""

_CENTRE, _AXES = (127, 148), (62, 86)
"""Ellipse about the face of an aligned 256 px crop: brows to chin, cheek to cheek."""

_BORDER = 12
"""Pixels on each side of that ellipse, and along the crop's edge, that count as neither face nor surroundings."""


def embedding_distance(one: np.ndarray, other: np.ndarray) -> float:
    """1 - cosine of two (f,) embeddings: 0 for the same direction, 1 at a right angle, at most 2."""
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.clip(1 - float(one @ other) / max(length, 1e-12), 0, 2))


def score_jitter(one: float, other: float) -> float:
    """Distance of two calibrated logits: 0 or more, in logits."""
    return abs(one - other)


def landmark_jitter(one: np.ndarray, other: np.ndarray) -> float:
    """How far landmarks move when head motion is taken out.

    Args:
        one: (5, 2) as in `photo.faces.Face`.
        other: (5, 2) in the next frame.

    Returns:
        Root mean square distance after the least-squares similarity from `one` to `other` (Umeyama 1991), as a share
        of the distance of the eyes in `other`: 0 or more, no unit. Sums two frames' noise: the face detector alone
        gives about 0.01.
    """
    here, there = one - one.mean(axis=0), other - other.mean(axis=0)
    left, stretch, right = np.linalg.svd(there.T @ here)
    sign = np.diag([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    rotation = left @ sign @ right
    scale = np.trace(np.diag(stretch) @ sign) / max(np.square(here).sum(), 1e-12)
    rest = there - scale * here @ rotation.T
    return float(np.sqrt(np.square(rest).sum(axis=1).mean()) / max(np.linalg.norm(other[0] - other[1]), 1e-6))


def residuals(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """What is left of the difference of two aligned faces when the second is warped onto the first.

    Noise and edges that the flow misses leave a difference at single pixels, which the first two figures measure. Light
    and camera change the colour of face and surroundings alike; the third is what the face's mean colour does alone.

    The flow is Dense Inverse Search (Kroeger et al. 2016) as OpenCV's preset "medium" runs it, on grey levels.

    Args:
        one: (256, 256, 3) uint8, aligned.
        other: (256, 256, 3) uint8, the same face aligned in the next frame.

    Returns:
        Mean absolute difference inside the face and around it, and the largest difference among the channels between
        the change of mean colour inside and around, 0..2; each as a share of 255 grey levels, the first two 0..1.
    """
    here, there = (cv2.cvtColor(np.ascontiguousarray(x), cv2.COLOR_RGB2GRAY) for x in (one, other))
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(here, there, None)
    grid = np.stack(np.meshgrid(np.arange(FACE_SIZE), np.arange(FACE_SIZE)), -1).astype(np.float32)
    back = cv2.remap(other, grid + flow, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    change = (back.astype(np.float32) - one) / 255
    inside, around = change[INSIDE], change[AROUND]
    shift = np.abs(inside.mean(axis=0) - around.mean(axis=0)).max()
    return float(np.abs(inside).mean()), float(np.abs(around).mean()), float(shift)


def _regions() -> tuple[np.ndarray, np.ndarray]:
    """(256, 256) bool each: the face, and what lies around it."""
    inner, outer = (np.zeros((FACE_SIZE, FACE_SIZE), np.uint8) for _ in range(2))
    for mask, grow in ((inner, -_BORDER), (outer, _BORDER)):
        cv2.ellipse(mask, _CENTRE, (_AXES[0] + grow, _AXES[1] + grow), 0, 0, 360, 1, -1)
    around = outer == 0
    around[:_BORDER], around[-_BORDER:], around[:, :_BORDER], around[:, -_BORDER:] = False, False, False, False
    return inner == 1, around


INSIDE, AROUND = _regions()
"""(256, 256) bool each: pixels of an aligned crop that are the face's, and its surroundings'."""


def features(
    crops: tuple[np.ndarray, np.ndarray],
    landmarks: tuple[np.ndarray, np.ndarray],
    embeddings: tuple[np.ndarray, np.ndarray],
    logits: tuple[float, float],
) -> np.ndarray:
    """The temporal features of one face in one pair of frames.

    Args:
        crops: (256, 256, 3) uint8 each, aligned.
        landmarks: (5, 2) each, in the frame.
        embeddings: (f,) each.
        logits: Calibrated, each.

    Returns:
        (7,) float32 in the order of `NAMES`. The residuals and the colour shift come as natural logarithms (of grey
        levels of 255, plus one); the ratio is the difference of two of them, above zero where the face changes more
        than its surroundings.
    """
    *rest, shift = residuals(*crops)
    inside, around = (float(np.log1p(255 * residual)) for residual in rest)
    return np.array(
        [
            embedding_distance(*embeddings), score_jitter(*logits), landmark_jitter(*landmarks),
            inside, around, inside - around, float(np.log1p(255 * shift)),
        ],
        np.float32,
    )  # fmt: skip
