"""Detects faces, and aligns each to the template that FFHQ was cropped with."""

from __future__ import annotations

import functools
import math
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from deepley.config import FACE_SIZE, FaceLimits
from deepley.photo.decode import fit_within, reduce, resize

if TYPE_CHECKING:
    from mtcnn import MTCNN

TEMPLATE = np.array([[96.0, 120.0], [159.0, 120.0], [126.0, 156.0], [98.5, 186.0], [156.5, 186.0]])
"""Mean landmarks (x, y) of FFHQ faces at 256 px: eyes (standard deviation 2 px), nose (9 and 6 px), corners of the
mouth (5 px). Of two, the left one in the picture comes first."""


@dataclass(frozen=True)
class Face:
    """A face detected in a photo.

    Positions are in pixels of the photo at its full size, also where it was decoded at a smaller one.

    Attributes:
        box: (x, y, width, height) of the part of the detector's box that lies in the photo, in whole pixels.
        landmarks: (5, 2) float64 (x, y) in the photo: both eyes, nose, both corners of the mouth.
        confidence: The detector's confidence, 0..1.
        crop: (256, 256, 3) uint8, the aligned face.
        to_crop: (2, 3) float64 affine matrix from photo to crop pixels.
    """

    box: tuple[int, int, int, int]
    landmarks: np.ndarray
    confidence: float
    crop: np.ndarray
    to_crop: np.ndarray

    def __post_init__(self) -> None:
        if self.crop.shape != (FACE_SIZE, FACE_SIZE, 3) or self.crop.dtype != np.uint8:
            raise ValueError(f"Face.crop must be (256, 256, 3) uint8, not {self.crop.shape} {self.crop.dtype}.")

    @property
    def side(self) -> int:
        """Longer side of the box, in pixels of the photo."""
        return max(self.box[2:])

    @functools.cached_property
    def sharpness(self) -> float:
        """Variance of the Laplacian of the crop's grey levels (Pech-Pacheco et al. 2000); lower is more blurred."""
        grey = cv2.cvtColor(np.ascontiguousarray(self.crop), cv2.COLOR_RGB2GRAY)
        return float(cv2.Laplacian(grey, cv2.CV_64F).var())

    def needs_more_than(self, factor: float) -> bool:
        """Whether a photo at `factor` of its full size has less than twice the crop's resolution.

        A JPEG decoded at a smaller scale has been filtered already, so twice the resolution is enough for `align`.
        """
        return bool(np.hypot(*self.to_crop[0, :2]) / factor > 0.5)


_ONE_AT_A_TIME = threading.Lock()


@functools.cache
def _detector() -> MTCNN:
    import tensorflow as tf  # takes seconds, so it waits for the first photo
    from mtcnn import MTCNN

    detector = MTCNN()
    for stage in detector.stages:  # its three networks take three times as long if they run layer by layer
        stage._model = tf.function(stage._model, reduce_retracing=True)
    return detector


def _detect(pictures: list[np.ndarray]) -> np.ndarray:
    with _ONE_AT_A_TIME:  # visitors' photos are checked in threads
        return np.asarray(_detector().detect_faces(pictures, output_type="numpy")).reshape(-1, 16)


def find(pixels: np.ndarray, limits: FaceLimits = FaceLimits(), factor: float = 1.0) -> list[Face]:
    """Detects and aligns every face of a photo.

    Args:
        pixels: (h, w, 3) uint8, RGB, upright.
        limits: Limits of the face detector. Faces that are too small or too blurred to be judged are returned too.
        factor: Scale of `pixels` against the photo at full size.

    Returns:
        Faces, largest first; an empty list if there is none.
    """
    (found,) = find_many([pixels], limits, factor)
    return found


def find_many(pictures: list[np.ndarray], limits: FaceLimits = FaceLimits(), factor: float = 1.0) -> list[list[Face]]:
    """Like `find`, for several pictures; those of one size, such as a clip's frames, go through the detector together.

    Args:
        pictures: (h, w, 3) uint8 each, RGB, upright.
        limits: Limits of the face detector.
        factor: Scale of the pictures against their full size.

    Returns:
        A list of faces for each picture, largest first.
    """
    if len({pixels.shape for pixels in pictures}) > 1:  # the detector misplaces faces among pictures of several sizes
        return [find(pixels, limits, factor) for pixels in pictures]
    small, (shrunk, *_) = zip(*(fit_within(pixels, limits.search_side) for pixels in pictures))
    found: list[list[Face]] = [[] for _ in pictures]
    if min(small[0].shape[:2]) < 24:  # the detector looks for faces of 20 px or more
        return found
    # The other form of the output rounds to whole pixels. A row: index of the picture, box, confidence, 5 x, 5 y.
    for row in _detect([np.ascontiguousarray(copy) for copy in small]):
        if row[5] >= limits.confidence:
            i = int(row[0])
            found[i].append(_face(row, pictures[i], shrunk, limits, factor))
    return [sorted(faces, key=lambda face: face.box[2] * face.box[3], reverse=True) for faces in found]


def _face(row: np.ndarray, pixels: np.ndarray, shrunk: float, limits: FaceLimits, factor: float) -> Face:
    # Pixel centres: coordinate i of the copy covers the photo's pixels around (i + 0.5) / factor - 0.5.
    landmarks = (row[6:].reshape(2, 5).T.astype(np.float64) + 0.5) / shrunk - 0.5
    crop, to_crop = align(pixels, landmarks, limits.aligned_tolerance)
    box = _within(row[1:5], shrunk * factor, *(round(length / factor) for length in pixels.shape[1::-1]))
    return Face(box, (landmarks + 0.5) / factor - 0.5, float(row[5]), crop, to_crop @ scaling(factor))


def landmarks(crops: np.ndarray) -> np.ndarray:
    """Landmarks of aligned faces, measured on half-size copies: quicker than `find`, and exact to about a pixel.

    Args:
        crops: (n, 256, 256, 3) uint8.

    Returns:
        (n, 5, 2) float32 as in `Face`; `TEMPLATE` where no face is detected.
    """
    half = np.stack([resize(crop, FACE_SIZE // 2, FACE_SIZE // 2) for crop in crops])
    found = np.repeat(TEMPLATE[None].astype(np.float32), len(crops), axis=0)
    surest = np.zeros(len(crops))
    for row in _detect(list(half)):
        if row[5] > surest[int(row[0])]:
            surest[int(row[0])] = row[5]
            found[int(row[0])] = (row[6:].reshape(2, 5).T + 0.5) * 2 - 0.5
    return found


def recrop(found: list[Face], pixels: np.ndarray, limits: FaceLimits = FaceLimits()) -> list[Face]:
    """Crops faces again, from the photo at full size.

    Args:
        found: Faces of that photo.
        pixels: (h, w, 3) uint8, the photo at full size.
        limits: Limits that say which photos are aligned already.

    Returns:
        The same faces in the same order, with new crops.
    """
    crops = (align(pixels, face.landmarks, limits.aligned_tolerance) for face in found)
    return [replace(face, crop=crop, to_crop=to_crop) for face, (crop, to_crop) in zip(found, crops)]


def _within(box: np.ndarray, factor: float, width: int, height: int) -> tuple[int, int, int, int]:
    """Scales a box (x, y, width, height) by 1 / `factor`, and cuts it to a photo of `width` x `height` pixels."""
    x, y, across, down = (float(value) / factor for value in box)
    left, top = max(0, round(x)), max(0, round(y))
    return left, top, min(width, round(x + across)) - left, min(height, round(y + down)) - top


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
    finer = math.ceil(1 / np.hypot(*to_crop[0, :2]))
    if finer == 1:
        return _warp(pixels, to_crop, side, cv2.INTER_CUBIC), to_crop
    warped = _warp(pixels, (scaling(finer) @ np.vstack([to_crop, [0, 0, 1]]))[:2], side * finer, cv2.INTER_LINEAR)
    return reduce(warped, side, side), to_crop


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
