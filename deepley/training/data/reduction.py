"""The ways in which programs make a picture smaller, for training on pictures that are larger than the network sees."""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.Image import Resampling

from deepley.photo.treatment import jpeg

FILTERS = (Resampling.LANCZOS, Resampling.BICUBIC, Resampling.BILINEAR, Resampling.HAMMING, Resampling.BOX)

_SAVED = 95
"""JPEG quality of the pictures that `collect` writes."""


def reduced(pixels: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    """A picture reduced until its shorter side has `side` pixels, in one of the ways that programs do it.

    One of Pillow's filters, half of the time Lanczos as in alignment; in a third of the draws by way of a size between,
    as a photo that was shared, then cropped; and half of the time saved as JPEG once more, as those that are stored at
    that size were, so that the blocks of JPEG tell nothing of a picture's first size.
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
