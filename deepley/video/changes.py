"""Changes between two consecutive frames of a face: pure functions that are zero for a face that does not change.

A blend made frame by frame flickers where a filmed face does not: its border, colour and landmarks move on their own.
 Head and camera motion are removed first, by a similarity for landmarks and by optical flow for pixels.
The face is then compared with its surroundings, which share camera, light and codec.
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
"""Names of the values that `features` returns."""

_CENTRE, _AXES = (127, 148), (62, 86)
"""Centre and half axes, in pixels, of the face's ellipse in an aligned 256 px crop: brows to chin, cheek to cheek."""

_BORDER = 12
"""Width in pixels of the strip on each side of the ellipse and along the crop's edge that is left out."""


def embedding_distance(one: np.ndarray, other: np.ndarray) -> float:
    """The cosine distance of two (f,) embeddings, 0..2: 0 for the same direction, 1 for a right angle."""
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(np.clip(1 - float(one @ other) / max(length, 1e-12), 0, 2))


def score_jitter(one: float, other: float) -> float:
    """The absolute difference of two calibrated logits."""
    return abs(one - other)


def landmark_jitter(one: np.ndarray, other: np.ndarray) -> float:
    """The motion of landmarks after head motion is removed.

    Args:
        one: (5, 2) landmarks, see `photo.faces.Face`.
        other: (5, 2) landmarks in the next frame.

    Returns:
        The root mean square distance after the least-squares similarity from `one` to `other` (Umeyama 1991), as a
        share of the distance of the eyes in `other`; 0 or more. The noise of the face detector alone gives about 0.01.
    """
    here, there = one - one.mean(axis=0), other - other.mean(axis=0)
    left, stretch, right = np.linalg.svd(there.T @ here)
    sign = np.diag([1.0, np.sign(np.linalg.det(left @ right)) or 1.0])
    rotation = left @ sign @ right
    scale = np.trace(np.diag(stretch) @ sign) / max(np.square(here).sum(), 1e-12)
    rest = there - scale * here @ rotation.T
    return float(np.sqrt(np.square(rest).sum(axis=1).mean()) / max(np.linalg.norm(other[0] - other[1]), 1e-6))


def residuals(one: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
    """The difference of two aligned faces after the second is warped onto the first.

    The first two figures measure differences at single pixels: noise, and edges that the flow misses. Light and camera
    change the colour of face and surroundings alike; the third figure measures how the face's mean colour changes
    beyond that.

    The flow is Dense Inverse Search (Kroeger et al. 2016) on grey levels, with OpenCV's preset "medium".

    Args:
        one: (256, 256, 3) uint8, aligned.
        other: (256, 256, 3) uint8, the same face aligned in the next frame.

    Returns:
        The mean absolute difference inside the face and around it, 0..1 each, and the largest difference over the
        channels between the change of the mean colour inside and around, 0..2; all as shares of 255 grey levels.
    """
    here, there = (cv2.cvtColor(np.ascontiguousarray(x), cv2.COLOR_RGB2GRAY) for x in (one, other))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    # OpenCV would take a flow of the frames' size as an initial guess, so it gets one of another size.
    flow = search.calc(here, there, np.empty((1, 1, 2), np.float32))
    grid = np.stack(np.meshgrid(np.arange(FACE_SIZE), np.arange(FACE_SIZE))).astype(np.float32)
    across, down = grid + np.moveaxis(np.asarray(flow), -1, 0)
    back = cv2.remap(other, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    change = (back.astype(np.float32) - one) / 255
    inside, around = change[INSIDE], change[AROUND]
    shift = np.abs(inside.mean(axis=0) - around.mean(axis=0)).max()
    return float(np.abs(inside).mean()), float(np.abs(around).mean()), float(shift)


def _regions() -> tuple[np.ndarray, np.ndarray]:
    """The masks of the face and of its surroundings, (256, 256) bool each."""
    inner, outer = (np.zeros((FACE_SIZE, FACE_SIZE), np.uint8) for _ in range(2))
    for mask, grow in ((inner, -_BORDER), (outer, _BORDER)):
        cv2.ellipse(mask, _CENTRE, (_AXES[0] + grow, _AXES[1] + grow), 0, 0, 360, 1, -1)
    around = outer == 0
    around[:_BORDER], around[-_BORDER:], around[:, :_BORDER], around[:, -_BORDER:] = False, False, False, False
    return inner == 1, around


INSIDE, AROUND = _regions()
"""Masks of an aligned crop, (256, 256) bool each: the face, and its surroundings."""


def features(
    crops: tuple[np.ndarray, np.ndarray],
    landmarks: tuple[np.ndarray, np.ndarray],
    embeddings: tuple[np.ndarray, np.ndarray],
    logits: tuple[float, float],
) -> np.ndarray:
    """The temporal features of one face in one pair of frames.

    Args:
        crops: Aligned face in both frames, (256, 256, 3) uint8 each.
        landmarks: Landmarks in both frames, (5, 2) each.
        embeddings: Embeddings in both frames, (f,) each.
        logits: Calibrated logits in both frames.

    Returns:
        (7,) float32 in the order of `NAMES`. Residuals and colour shift are natural logarithms of one plus grey levels
        of 255; the ratio is the difference of the two logarithms, above zero if the face changes more than its
        surroundings.
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
