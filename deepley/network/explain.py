"""Where the network looked: Grad-CAM from feature map and gradient, mapped onto the photo. Pure numpy functions."""

from __future__ import annotations

import cv2
import numpy as np

from deepley.config import FACE_SIZE


def grad_cam(features: np.ndarray, gradient: np.ndarray, towards_fake: bool) -> np.ndarray:
    """Grad-CAM (Selvaraju et al. 2017, equations 1 and 2) for the side that the verdict claims.

    Args:
        features: (h, w, c) the last feature map.
        gradient: (c,) the logit's gradient on it, averaged over positions.
        towards_fake: True for what raised the logit, False for what lowered it.

    Returns:
        (h, w) float32 in [0, 1], its largest value 1; all zero if nothing spoke for that side.
    """
    heat = features.astype(np.float64) @ gradient.astype(np.float64)
    heat = np.maximum(heat if towards_fake else -heat, 0)
    peak = heat.max()
    if not np.isfinite(peak) or peak <= 0:
        return np.zeros(heat.shape, np.float32)
    return (heat / peak).astype(np.float32)


def on_photo(heatmap: np.ndarray, to_crop: np.ndarray, width: int, height: int) -> np.ndarray:
    """Maps a face's heatmap onto the photo it came from.

    Args:
        heatmap: (h, w) in [0, 1].
        to_crop: (2, 3) affine matrix from photo to 256 px crop pixels.
        width: Of the photo, in pixels.
        height: Of the photo, in pixels.

    Returns:
        (height, width) float32 in [0, 1], zero outside the face.
    """
    crop = cv2.resize(heatmap.astype(np.float32), (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_LINEAR)
    back = cv2.warpAffine(crop, to_crop, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return np.clip(back, 0, 1)


def overlay(pixels: np.ndarray, heatmap: np.ndarray, opacity: float = 0.5) -> np.ndarray:
    """Lays a heatmap over a photo; cold places stay as they are.

    Args:
        pixels: (h, w, 3) uint8.
        heatmap: (h, w) in [0, 1].
        opacity: Of the hottest place, 0..1.

    Returns:
        (h, w, 3) uint8.
    """
    levels = np.rint(np.clip(heatmap, 0, 1) * 255).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[:, :, ::-1]
    weight = (opacity * np.sqrt(np.clip(heatmap, 0, 1)))[:, :, None]
    return np.rint(pixels * (1 - weight) + colours * weight).astype(np.uint8)


def outline(pixels: np.ndarray, to_crops: list[np.ndarray], numbers: list[int] | None = None) -> np.ndarray:
    """Draws a white line with a dark edge around each square that was cropped from a photo, and its number.

    Args:
        pixels: (h, w, 3) uint8.
        to_crops: (2, 3) affine matrices from photo to 256 px crop pixels.
        numbers: Of each; None numbers them from 1 if there are several.

    Returns:
        (h, w, 3) uint8.
    """
    drawn = np.ascontiguousarray(pixels).copy()
    corners = np.array([[0, 0], [0, FACE_SIZE - 1], [FACE_SIZE - 1, FACE_SIZE - 1], [FACE_SIZE - 1, 0]], np.float64)
    thin = max(1, round(max(pixels.shape[:2]) / 600))
    if numbers is None and len(to_crops) > 1:
        numbers = list(range(1, len(to_crops) + 1))
    for i, to_crop in enumerate(to_crops):
        square = (corners - to_crop[:, 2]) @ np.linalg.inv(to_crop[:, :2]).T
        for colour, width in (((20, 20, 20), 3 * thin), ((255, 255, 255), thin)):
            cv2.polylines(drawn, [np.rint(square).astype(np.int32)], True, colour, width, cv2.LINE_AA)
        if numbers:
            _number(drawn, str(numbers[i]), square.min(axis=0), thin)
    return drawn


def _number(drawn: np.ndarray, text: str, corner: np.ndarray, thin: int) -> None:
    """Writes a number in white on dark at the top left corner of a face's square, inside the picture."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.8 * thin
    (width, height), _ = cv2.getTextSize(text, font, size, 2 * thin)
    pad = 4 * thin
    x, y = (
        int(min(max(at, 0), max(limit - length - 2 * pad, 0)))
        for at, limit, length in zip(corner, drawn.shape[1::-1], (width, height))
    )
    cv2.rectangle(drawn, (x, y), (x + width + 2 * pad, y + height + 2 * pad), (20, 20, 20), -1)
    cv2.putText(drawn, text, (x + pad, y + pad + height), font, size, (255, 255, 255), 2 * thin, cv2.LINE_AA)


_REGIONS = {  # rows and columns of the 256 px template; what is in none of them is outside the face
    "forehead and hair": (slice(16, 96), slice(48, 208)),
    "eyes": (slice(96, 144), slice(48, 208)),
    "nose and cheeks": (slice(144, 176), slice(48, 208)),
    "mouth and chin": (slice(176, 244), slice(56, 200)),
}


def regions(heatmap: np.ndarray) -> dict[str, float]:
    """Shares of a heatmap's weight by part of the aligned face, largest first; they sum to 1.

    Args:
        heatmap: (h, w) in [0, 1] on the aligned crop.

    Returns:
        Share, 0..1, by name; empty if the heatmap is zero everywhere.
    """
    heat = cv2.resize(heatmap.astype(np.float32), (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_LINEAR)
    total = float(heat.sum())
    if total <= 0:
        return {}
    shares = {name: float(heat[place].sum()) / total for name, place in _REGIONS.items()}
    shares["area around the face"] = max(0.0, 1 - sum(shares.values()))
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
