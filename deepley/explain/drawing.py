"""Draws heatmaps and faces on a photo. Pixels in, pixels out."""

from __future__ import annotations

import base64

import cv2
import numpy as np

from deepley.config import FACE_SIZE


def overlay(pixels: np.ndarray, heatmap: np.ndarray, opacity: float = 0.5) -> np.ndarray:
    """Lays a heatmap over a photo; places where it is zero stay as they are.

    Args:
        pixels: (h, w, 3) uint8.
        heatmap: (h, w) in [0, 1].
        opacity: Opacity of the hottest place, 0..1.

    Returns:
        (h, w, 3) uint8.
    """
    levels = np.rint(np.clip(heatmap, 0, 1) * 255).astype(np.uint8)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[:, :, ::-1]
    weight = (opacity * np.sqrt(np.clip(heatmap, 0, 1)))[:, :, None]
    return np.rint(pixels * (1 - weight) + colours * weight).astype(np.uint8)


def outline(pixels: np.ndarray, to_crops: list[np.ndarray], numbers: list[int] | None = None) -> np.ndarray:
    """Draws a white line with a dark edge around each square that was cropped from a photo, and numbers the squares.

    Args:
        pixels: (h, w, 3) uint8.
        to_crops: (2, 3) affine matrices from photo to 256 px crop pixels.
        numbers: Number of each square; None numbers them from 1 if there are several.

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
    """Writes a number in white on dark at a square's top left corner, or as near to it as the picture allows."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.8 * thin
    (width, height), _ = cv2.getTextSize(text, font, size, 2 * thin)
    pad = 4 * thin
    x, y = (
        int(min(max(at, 0), max(limit - length - 2 * pad, 0)))
        for at, limit, length in zip(corner, drawn.shape[1::-1], (width, height))
    )
    cv2.rectangle(drawn, (x, y), (x + width + 2 * pad, y + height + 2 * pad), (20, 20, 20), -1)
    cv2.putText(drawn, text, (x + pad, y + pad + height), font, size, (255, 255, 255), 2 * thin, cv2.LINE_AA)


def data_url(pixels: np.ndarray, quality: int = 88) -> str:
    """Encodes a picture as a JPEG in a data URL, for an HTML page that needs no other file.

    Args:
        pixels: (h, w, 3) uint8.
        quality: JPEG quality, 1..100.

    Returns:
        The URL.
    """
    _, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
