"""The views of an image that training sees: crops, flips, and what happens to pictures on their way to a user.

Every function takes and returns (h, w, 3) uint8 RGB; `augment` draws which of them an image gets.
"""

from __future__ import annotations

import cv2
import numpy as np

from deepley.photo.treatment import blur, down_and_up, jpeg

INTERPOLATIONS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def crop(pixels: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    """A square of `side` pixels, without resizing."""
    height, width = pixels.shape[:2]
    if not (0 <= top <= height - side and 0 <= left <= width - side):
        raise ValueError(f"A {side} px crop at ({left}, {top}) leaves a picture of {width} x {height} px.")
    return pixels[top : top + side, left : left + side]


def centre_crop(pixels: np.ndarray, side: int) -> np.ndarray:
    """The square of `side` pixels in the middle."""
    height, width = pixels.shape[:2]
    return crop(pixels, side, (height - side) // 2, (width - side) // 2)


def flip(pixels: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return pixels[:, ::-1]


def brightness_contrast(pixels: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """Grey levels scaled by `contrast` around mid-grey, then shifted by `brightness` levels."""
    levels = (np.arange(256) - 127.5) * contrast + 127.5 + brightness
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)[pixels]


def augment(pixels: np.ndarray, side: int, rng: np.random.Generator, degrade: bool = True) -> np.ndarray:
    """One training view: a random crop and flip, and the degradations that chance picks.

    Brightness and contrast (30 %), blur (10 %), down-and-up scaling (15 %) and JPEG 50..96 (25 %), in this order.

    Args:
        pixels: (h, w, 3) uint8, at least `side` in both directions.
        side: Side of the crop.
        rng: Source of every draw.
        degrade: False leaves it at crop and flip.

    Returns:
        (side, side, 3) uint8.
    """
    height, width = pixels.shape[:2]
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    view = crop(pixels, side, int(top), int(left))
    if rng.random() < 0.5:
        view = flip(view)
    if not degrade:
        return view
    if rng.random() < 0.30:
        view = brightness_contrast(view, rng.uniform(-16, 16), rng.uniform(0.85, 1.15))
    if rng.random() < 0.10:
        view = blur(view, rng.uniform(0.3, 1.2))
    if rng.random() < 0.15:
        view = down_and_up(view, rng.uniform(0.5, 0.95), INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))])
    if rng.random() < 0.25:
        view = jpeg(view, int(rng.integers(50, 97)))
    return view
