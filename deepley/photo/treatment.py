"""What happens to a picture on its way to a user: recompression, scaling, blur.

Each function takes and returns an (h, w, 3) uint8 RGB picture of the same size. Training draws from them, and every
face is scored again under some of them.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np


def jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Encodes a picture as a JPEG (4:2:0) of `quality` 1..100, and decodes it again."""
    return _coded(pixels, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality)


def webp(pixels: np.ndarray, quality: int) -> np.ndarray:
    """Encodes a picture as a lossy WebP of `quality` 1..100, and decodes it again."""
    return _coded(pixels, ".webp", cv2.IMWRITE_WEBP_QUALITY, quality)


def _coded(pixels: np.ndarray, suffix: str, flag: int, quality: int) -> np.ndarray:
    _, data = cv2.imencode(suffix, pixels[:, :, ::-1], [flag, int(quality)])
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None  # these bytes were encoded just above
    return decoded[:, :, ::-1]


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Blurs a picture with a Gaussian of a standard deviation of `sigma` pixels."""
    return cv2.GaussianBlur(np.ascontiguousarray(pixels), (0, 0), sigma)


def down_and_up(pixels: np.ndarray, factor: float, interpolation: int = cv2.INTER_AREA) -> np.ndarray:
    """Shrinks a picture to `factor` (0..1) of its size with `interpolation`, and enlarges it again bilinearly."""
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
"""The treatments under which every face is scored again, by name: functions on the aligned (256, 256, 3) uint8 crop."""
