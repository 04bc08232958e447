"""What happens to a picture on its way to a user, as named functions: (h, w, 3) uint8 RGB in and out, same size.

Training draws from them, and every verdict is re-scored under some of them.
"""

from __future__ import annotations

import cv2
import numpy as np


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Saved and opened as a JPEG (4:2:0) of `quality` 1..100."""
    _, data = cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(quality)])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1]


def webp(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Saved and opened as a lossy WebP of `quality` 1..100."""
    _, data = cv2.imencode(".webp", pixels[:, :, ::-1], [cv2.IMWRITE_WEBP_QUALITY, int(quality)])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1]


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur with a standard deviation of `sigma` pixels."""
    return cv2.GaussianBlur(np.ascontiguousarray(pixels), (0, 0), sigma)


def down_and_up(pixels: np.ndarray, factor: float, interpolation: int = cv2.INTER_AREA) -> np.ndarray:
    """Shrunk to `factor` (0..1) of its size with `interpolation`, and bilinearly enlarged again."""
    height, width = pixels.shape[:2]
    small = (max(1, round(width * factor)), max(1, round(height * factor)))
    shrunk = cv2.resize(np.ascontiguousarray(pixels), small, interpolation=interpolation)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR)
