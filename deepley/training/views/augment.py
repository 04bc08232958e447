"""Augmentation: crops, flips, and the degradations that pictures undergo on their way to a user.

Every function takes and returns (h, w, 3) uint8 RGB. `augment` draws which of them an image gets.
"""

from __future__ import annotations

import cv2
import numpy as np

from deepley.photo.decode import crop
from deepley.photo.treatment import blur, down_and_up, jpeg, webp

INTERPOLATIONS = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4)


def flip(pixels: np.ndarray) -> np.ndarray:
    """Exchanges left and right."""
    return pixels[:, ::-1]


def brightness_contrast(pixels: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    """Scales grey levels by `contrast` around mid-grey, then shifts them by `brightness` levels."""
    levels = (np.arange(256) - 127.5) * contrast + 127.5 + brightness
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)[pixels]


def colours(pixels: np.ndarray, hue: float, saturation: float, gamma: float) -> np.ndarray:
    """Turns the hue by `hue` degrees, scales the saturation (0 gives grey), and raises levels to the power `gamma`."""
    hsv = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + round(hue / 2)) % 180  # OpenCV counts in steps of 2 degrees
    hsv[..., 1] = np.clip(hsv[..., 1] * saturation, 0, 255)
    levels = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    return levels[cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB)]


def noise(pixels: np.ndarray, sigma: float, rng: np.random.Generator) -> np.ndarray:
    """Adds Gaussian noise with a standard deviation of `sigma` levels to every value."""
    levels: np.ndarray = pixels + rng.normal(0, sigma, pixels.shape)
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def frame(pixels: np.ndarray, side: int, scale: float, angle: float, x: float, y: float, kernel: int) -> np.ndarray:
    """Cuts a square of `side` pixels around (x, y), enlarged by `scale` and turned by `angle` degrees.

    Pixels outside of the picture are mirrored, as alignment does when a face fills its photo.
    """
    matrix = np.asarray(cv2.getRotationMatrix2D((x, y), angle, scale), np.float64)
    matrix[:, 2] += (side - 1) / 2 - np.array([x, y])
    return cv2.warpAffine(
        np.ascontiguousarray(pixels), matrix, (side, side), flags=kernel, borderMode=cv2.BORDER_REFLECT_101
    )


def tight(pixels: np.ndarray, share: float) -> np.ndarray:
    """Replaces all but the middle `share` (0..1) of both sides by its mirror image, as if a face filled its photo."""
    height, width = pixels.shape[:2]
    down, across = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
    inner = pixels[down : height - down, across : width - across]
    return cv2.copyMakeBorder(np.ascontiguousarray(inner), down, down, across, across, cv2.BORDER_REFLECT_101)


def augment(pixels: np.ndarray, side: int, rng: np.random.Generator, degrade: str = "usual") -> np.ndarray:
    """Draws a training view: a random crop, a flip and degradations.

    "usual": brightness and contrast (30 %), blur (10 %), down-and-up scaling (15 %) and JPEG 50..96 (25 %), in this
    order. "wide": see `wide`.

    Args:
        pixels: (h, w, 3) uint8, at least `side` in both directions.
        side: Side of the crop.
        rng: Source of every draw.
        degrade: Degradations: "none", "usual" or "wide".

    Returns:
        (side, side, 3) uint8.
    """
    if degrade == "wide":
        return wide(pixels, side, rng)
    height, width = pixels.shape[:2]
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    view = crop(pixels, side, int(top), int(left))
    if rng.random() < 0.5:
        view = flip(view)
    if degrade == "none":
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


def wide(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Draws a view with strong degradations: other framings, other colours, and a chain of treatments.

    40 % of the views are plain crops, flipped or not, so that fine traces are learnt. Of the others, 30 % get mirrored
    surroundings, as tightly cropped photos do in alignment; 60 % are framed anew (0.75..1.6 times as large, turned by
    up to 10 degrees); 35 % change in colour, 8 % become grey, 40 % change in brightness and contrast; and 70 % are
    `treated`.

    Args:
        pixels: (h, w, 3) uint8, at least `side` in both directions.
        side: Side of the crop.
        rng: Source of every draw.

    Returns:
        (side, side, 3) uint8.
    """
    height, width = pixels.shape[:2]
    plain = rng.random() < 0.4
    if not plain and rng.random() < 0.3:
        pixels = tight(pixels, rng.uniform(0.5, 0.8))
    if not plain and rng.random() < 0.6:
        scale = float(np.exp(rng.uniform(np.log(0.75), np.log(1.6))))
        reach = max(0.0, (min(height, width) - side / scale) / 2) + 12
        x, y = (width - 1) / 2 + rng.uniform(-reach, reach), (height - 1) / 2 + rng.uniform(-reach, reach)
        kernel = INTERPOLATIONS[rng.integers(1, len(INTERPOLATIONS))]
        view = frame(pixels, side, scale, rng.uniform(-10, 10), x, y, kernel)
    else:
        top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        view = crop(pixels, side, int(top), int(left))
    if rng.random() < 0.5:
        view = flip(view)
    if plain:
        return view
    if rng.random() < 0.35:
        view = colours(view, rng.uniform(-12, 12), rng.uniform(0.6, 1.3), float(np.exp(rng.uniform(-0.3, 0.3))))
    if rng.random() < 0.08:
        view = colours(view, 0, 0, 1)
    if rng.random() < 0.40:
        view = brightness_contrast(view, rng.uniform(-16, 16), rng.uniform(0.85, 1.15))
    return treated(view, rng) if rng.random() < 0.7 else view


def treated(view: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Applies a chain of degradations in random order.

    Blur (20 %), down-and-up scaling to 0.25..0.95 (35 %), noise (10 %), JPEG 30..97 (50 %) and WebP 40..95 (10 %).
    """
    for step in rng.permutation(5):
        draw = rng.random()
        if step == 0 and draw < 0.20:
            view = blur(view, rng.uniform(0.3, 2.0))
        elif step == 1 and draw < 0.35:
            view = down_and_up(view, rng.uniform(0.25, 0.95), INTERPOLATIONS[rng.integers(len(INTERPOLATIONS))])
        elif step == 2 and draw < 0.10:
            view = noise(view, rng.uniform(1, 6), rng)
        elif step == 3 and draw < 0.50:
            view = jpeg(view, int(rng.integers(30, 98)))
        elif step == 4 and draw < 0.10:
            view = webp(view, int(rng.integers(40, 96)))
    return view
