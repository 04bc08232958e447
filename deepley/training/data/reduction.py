"""The ways in which programs reduce a picture, for training pictures larger than the input of the network."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from deepley.photo.treatment import jpeg

FILTERS = (Resampling.LANCZOS, Resampling.BICUBIC, Resampling.BILINEAR, Resampling.HAMMING, Resampling.BOX)
"""Pillow's filters that `reduced` draws from."""

_SAVED = 95
"""JPEG quality of the pictures that `collect` writes."""


def reduced(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """Reduces a picture in one of the ways that programs do it.

    The filter is Lanczos, as in alignment, half of the time, and else drawn from `FILTERS`. A third of the pictures are
    reduced in two steps, like a photo that was shared and then cropped. Half of them are saved as JPEG once more, like
    pictures that are stored at the final size, so that JPEG blocks do not show a picture's first size.

    Args:
        pixels: (h, w, 3) uint8, both sides at least `side`.
        side: Length of the shorter side afterwards, in pixels.
        rng: Source of every draw.

    Returns:
        (h, w, 3) uint8.
    """
    height, width = pixels.shape[:2]
    smallest = side / min(height, width)
    steps = [smallest]
    if rng.random() < 1 / 3:
        steps.insert(0, float(rng.uniform(smallest, 1.0)))
    picture = Image.fromarray(pixels)
    for factor in steps:
        kernel = FILTERS[0] if rng.random() < 0.5 else FILTERS[rng.integers(len(FILTERS))]
        picture = picture.resize((max(side, round(width * factor)), max(side, round(height * factor))), kernel)
    pixels = np.array(picture)
    return jpeg(pixels, _SAVED) if rng.random() < 0.5 else pixels
