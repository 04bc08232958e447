"""Detects faces, and aligns each to the template that FFHQ was cropped with."""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from deepley.config import FACE_SIZE, FaceLimits
from deepley.photo.alignment import TEMPLATE, align, scaling
from deepley.photo.decode import fit_within, resize

if TYPE_CHECKING:
    from mtcnn import MTCNN


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
