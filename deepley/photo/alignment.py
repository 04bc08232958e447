"""Crops a face as FFHQ's faces were cropped, filtered so that nothing aliases."""

from __future__ import annotations

import math

import cv2
import numpy as np

from deepley.config import FACE_SIZE
from deepley.photo.decode import reduce, resize

TEMPLATE = np.array([[96.0, 120.0], [159.0, 120.0], [126.0, 156.0], [98.5, 186.0], [156.5, 186.0]])
"""Mean landmarks (x, y) of FFHQ faces at 256 px: eyes (standard deviation 2 px), nose (9 and 6 px), corners of the
mouth (5 px). Of two, the left one in the picture comes first."""

_FINEST = 4
"""A face is warped at most at this many times the crop's side; a larger one is shrunk by area averaging first."""


def align(
    pixels: np.ndarray, landmarks: np.ndarray, tolerance: float, side: int = FACE_SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """Crops a face like FFHQ's `recreate_aligned_images`.

    A square picture whose eyes already lie on the template is taken whole, so that an aligned crop is not resampled
    again. If the crop has fewer pixels than the photo, the face is first warped at about the photo's own size, then
    reduced with a Lanczos filter: a warp straight to the crop's size would only interpolate between neighbours, and
    alias.

    Args:
        pixels: (h, w, 3) uint8, the full-resolution photo.
        landmarks: (5, 2) as in `Face`.
        tolerance: Largest distance of each eye from the template in a picture that counts as aligned, in pixels at
            256 px.
        side: Side of the crop in pixels.

    Returns:
        (side, side, 3) uint8, and the (2, 3) affine matrix from photo to crop pixels.
    """
    height, width = pixels.shape[:2]
    if height == width:
        scale = FACE_SIZE / width
        eyes = (landmarks[:2] + 0.5) * scale - 0.5
        if np.linalg.norm(eyes - TEMPLATE[:2], axis=1).max() <= tolerance:
            return reduce(pixels, side, side), scaling(side / width)[:2]
    to_crop = (scaling(side / FACE_SIZE) @ np.vstack([ffhq_transform(landmarks), [0, 0, 1]]))[:2]
    scale = float(np.hypot(*to_crop[0, :2]))
    finer = min(math.ceil(1 / scale), _FINEST)
    if finer == 1:
        return _warp(pixels, to_crop, side, cv2.INTER_CUBIC), to_crop
    step = np.eye(3)
    if scale * _FINEST < 1:  # so that time and memory do not grow with the square of the face
        pixels = resize(pixels, max(1, round(width * scale * _FINEST)), max(1, round(height * scale * _FINEST)))
        across, down = pixels.shape[1] / width, pixels.shape[0] / height
        step = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
    matrix = scaling(finer) @ np.vstack([to_crop, [0, 0, 1]]) @ np.linalg.inv(step)
    return reduce(_warp(pixels, matrix[:2], side * finer, cv2.INTER_LINEAR), side, side), to_crop


def _warp(pixels: np.ndarray, matrix: np.ndarray, side: int, kernel: int) -> np.ndarray:
    return cv2.warpAffine(pixels, matrix, (side, side), flags=kernel, borderMode=cv2.BORDER_REFLECT_101)


def scaling(factor: float) -> np.ndarray:
    """The (3, 3) matrix that scales pixel positions by `factor`; pixel centres lie half a pixel from the corner."""
    shift = (factor - 1) / 2
    return np.array([[factor, 0, shift], [0, factor, shift], [0, 0, 1]])


def ffhq_transform(landmarks: np.ndarray) -> np.ndarray:
    """The similarity from photo to 256 px crop that FFHQ's alignment defines (Karras et al. 2019, `download_ffhq.py`).

    The crop is a square whose half side is the longer of 2.0 eye distances and 1.8 eye-to-mouth distances, both
    measured along the face. Its centre lies a tenth of the way from the eyes to the mouth.

    Args:
        landmarks: (5, 2) as in `Face`.

    Returns:
        (2, 3) float64 affine matrix from photo to crop pixels.
    """
    left_eye, right_eye, _, left_mouth, right_mouth = landmarks
    eyes, mouth = (left_eye + right_eye) / 2, (left_mouth + right_mouth) / 2
    across, down = right_eye - left_eye, mouth - eyes
    x = across - np.array([-down[1], down[0]])
    x /= max(np.hypot(*x), 1e-6)
    x *= max(np.hypot(*across) * 2.0, np.hypot(*down) * 1.8)
    y = np.array([-x[1], x[0]])
    centre = eyes + down * 0.1
    # FFHQ lays the crop's corner on the pixel centre at centre - x - y; a crop pixel is 2 x / 256 wide, 2 y / 256 high.
    to_photo = np.column_stack([2 * x / FACE_SIZE, 2 * y / FACE_SIZE, centre - x - y])
    to_crop = np.linalg.inv(np.vstack([to_photo, [0, 0, 1]]))
    to_crop[:2, 2] -= 0.5
    return to_crop[:2]
