"""What happens to a picture on its way to a user, as named functions: (h, w, 3) uint8 RGB in and out, same size.

Training draws from them, and every verdict is re-scored under some of them.
"""

from __future__ import annotations

from collections.abc import Callable

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


TREATMENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "JPEG 70": lambda crop: jpeg(crop, 70),
    "JPEG 50": lambda crop: jpeg(crop, 50),
    "half size": lambda crop: down_and_up(crop, 0.5),
    "slight blur": lambda crop: blur(crop, 0.8),
}
"""What pictures meet on their way, by name: functions on the aligned (256, 256, 3) uint8 crop. Every verdict is held
against them, and calibration sees them."""
