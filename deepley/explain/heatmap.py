"""Where the network looked: Grad-CAM from feature map and gradient, mapped onto the photo."""

from __future__ import annotations

import cv2
import numpy as np

from deepley.config import FACE_SIZE


def grad_cam(features: np.ndarray, gradient: np.ndarray, towards_fake: bool) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017, equations 1 and 2) for one side of the decision.

    Args:
        features: (h, w, c) feature map of the last layer before the head.
        gradient: (c,) gradient of the logit on it, averaged over positions.
        towards_fake: True for the places that raised the logit, False for those that lowered it.

    Returns:
        (h, w) float32 in [0, 1] with the largest value 1; all zero if no place moved the logit that way.
    """
    heat = features.astype(np.float64) @ gradient.astype(np.float64)
    heat = np.maximum(heat if towards_fake else -heat, 0)
    peak = heat.max()
    if not np.isfinite(peak) or peak <= 0:
        return np.zeros(heat.shape, np.float32)
    return (heat / peak).astype(np.float32)


def on_photo(heatmap: np.ndarray, to_crop: np.ndarray, width: int, height: int) -> np.ndarray:
    """Maps a face's heatmap onto its photo.

    Args:
        heatmap: (h, w) in [0, 1].
        to_crop: (2, 3) affine matrix from photo to 256 px crop pixels.
        width: Width of the photo in pixels.
        height: Height of the photo in pixels.

    Returns:
        (height, width) float32 in [0, 1], zero outside the face.
    """
    crop = cv2.resize(heatmap.astype(np.float32), (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_LINEAR)
    back = cv2.warpAffine(crop, to_crop, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.clip(back, 0, 1)


# Rows and columns of the 256 px template; the rest lies around the face.
_REGIONS = {
    "forehead and hair": (slice(16, 96), slice(48, 208)),
    "eyes": (slice(96, 144), slice(48, 208)),
    "nose and cheeks": (slice(144, 176), slice(48, 208)),
    "mouth and chin": (slice(176, 244), slice(56, 200)),
}


def regions(heatmap: np.ndarray) -> dict[str, float]:
    """Measures how a heatmap's weight is spread over the parts of the aligned face.

    Args:
        heatmap: (h, w) in [0, 1] on the aligned crop.

    Returns:
        Share, 0..1, by name of the part, largest first; the shares sum to 1. Empty if the heatmap is zero everywhere.
    """
    heat = cv2.resize(heatmap.astype(np.float32), (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_LINEAR)
    total = float(heat.sum())
    if total <= 0:
        return {}
    shares = {name: float(heat[place].sum()) / total for name, place in _REGIONS.items()}
    shares["area around the face"] = max(0.0, 1 - sum(shares.values()))
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
