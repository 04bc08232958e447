"""Simulated face swaps: a real face blended into itself or into another real face.

This follows Shiohara & Yamasaki, "Detecting Deepfakes with Self-Blended Images" (CVPR 2022). A swap pastes a face that
differs a little in colour, sharpness and position from its surroundings, along a smooth border. Two such views of one
real photo, blended under a face-shaped mask, leave the same traces; in everything else the blend equals the photo.
`swapped` takes the inside from another person (Li et al., "Face X-ray", CVPR 2020).

Pictures are aligned faces, (256, 256, 3) uint8 RGB; landmarks (5, 2) float64 (x, y), as `photo.faces.Face` has them.
"""

from __future__ import annotations

import cv2
import numpy as np

from deepley.config import FACE_SIZE
from deepley.photo.alignment import TEMPLATE
from deepley.photo.treatment import down_and_up, jpeg

_BROWS = [(180, 98), (127, 90), (74, 98)]
_FOREHEAD = [(178, 84), (127, 62), (76, 84)]
_JAW = [(62, 118), (66, 160), (80, 200), (102, 226), (127, 236), (152, 226), (175, 200), (189, 160), (193, 118)]
_MOUTH = [(82, 160), (80, 196), (102, 224), (127, 232), (152, 224), (174, 196), (172, 160)]
_MIDDLE = [(74, 98), (70, 130), (88, 205), (127, 216), (166, 205), (184, 130), (180, 98)]
CONTOURS = tuple(np.array(points, np.float64) for points in (_JAW + _BROWS, _JAW + _FOREHEAD, _MIDDLE, _MOUTH))
"""Outlines of blended regions on `TEMPLATE`: brows or forehead to chin, brows to mouth, nose to chin."""

_RESAVED = 95
"""JPEG quality of a blend: that of the other pictures."""


def face_mask(landmarks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws a soft, elastically deformed mask over one region of the face.

    One of `CONTOURS` is mapped from the template by the affine map that fits the landmarks best, bent by a smooth
    random displacement of a few pixels, and blurred. A quarter of the masks are partly transparent.

    Args:
        landmarks: (5, 2) landmarks of the face.
        rng: Source of every draw.

    Returns:
        (256, 256) float32 in [0, 1].
    """
    fitted, *_ = np.linalg.lstsq(np.column_stack([TEMPLATE, np.ones(5)]), landmarks, rcond=None)
    contour = CONTOURS[rng.integers(len(CONTOURS))]
    contour = np.column_stack([contour, np.ones(len(contour))]) @ fitted
    centre = contour.mean(axis=0)
    contour = (contour - centre) * rng.uniform(0.85, 1.1, 2) + centre
    mask = np.zeros((FACE_SIZE, FACE_SIZE), np.float32)
    cv2.fillConvexPoly(mask, cv2.convexHull(np.rint(contour).astype(np.int32)), 1.0)
    bend = cv2.resize(rng.normal(0, 5, (8, 8, 2)).astype(np.float32), (FACE_SIZE,) * 2, interpolation=cv2.INTER_CUBIC)
    grid = np.stack(np.meshgrid(np.arange(FACE_SIZE), np.arange(FACE_SIZE)), -1).astype(np.float32)
    across, down = np.moveaxis(grid + bend, -1, 0)
    bent = cv2.remap(mask, across, down, cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(bent, (0, 0), rng.uniform(1.5, 9.0))
    opacity = 1.0 if rng.random() < 0.75 else rng.uniform(0.4, 0.8)
    return np.clip(soft * opacity, 0, 1)


def recolour(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Changes channels by up to 16 levels, hue by 5 degrees, saturation by 20 % and contrast by 12 % at most."""
    hsv = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2HSV).astype(np.int16)
    hsv[..., 0] = (hsv[..., 0] + round(rng.uniform(-2.5, 2.5))) % 180  # OpenCV counts hue in steps of 2 degrees
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.8, 1.2), 0, 255)
    shifted = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    shifted = (shifted - 127.5) * rng.uniform(0.88, 1.12) + 127.5 + rng.uniform(-16, 16, 3).astype(np.float32)
    return np.clip(np.rint(shifted), 0, 255).astype(np.uint8)


def resharpen(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Softens a picture by shrinking it to 30..80 % and enlarging it, or sharpens it with an unsharp mask."""
    if rng.random() < 0.7:
        return down_and_up(pixels, rng.uniform(0.3, 0.8), cv2.INTER_AREA)
    soft = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.8, 1.6))
    amount = rng.uniform(0.3, 1.2)
    return cv2.addWeighted(pixels, 1 + amount, soft, -amount, 0)


def shift_and_scale(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Moves a picture by up to 3 % of its side and scales it by up to 5 % about its middle."""
    middle = (FACE_SIZE - 1) / 2
    scale_x, scale_y = 1 + rng.uniform(-0.05, 0.05, 2)
    dx, dy = rng.uniform(-0.03, 0.03, 2) * FACE_SIZE
    matrix = np.array([[scale_x, 0, middle * (1 - scale_x) + dx], [0, scale_y, middle * (1 - scale_y) + dy]])
    return cv2.warpAffine(pixels, matrix, (FACE_SIZE,) * 2, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def blend(inside: np.ndarray, outside: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mixes two pictures linearly: `inside` where the mask is 1, `outside` where it is 0; rounded to uint8."""
    weight = mask[..., None]
    return np.rint(inside * weight + outside * (1 - weight)).astype(np.uint8)


def self_blended(pixels: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Blends a face with a copy of itself that differs in colour, sharpness, scale and position."""
    mask = face_mask(landmarks, rng)
    changed = recolour(pixels, rng)
    if rng.random() < 0.5:
        changed = resharpen(changed, rng)
    inside, outside = (changed, pixels) if rng.random() < 0.5 else (pixels, changed)
    return jpeg(blend(shift_and_scale(inside, rng), outside, mask), _RESAVED)


def swapped(
    pixels: np.ndarray,
    landmarks: np.ndarray,
    donor: np.ndarray,
    donor_landmarks: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Blends another person's face into a picture.

    The donor's face is mapped by the similarity that fits the landmarks, its colours are matched under the mask, and it
    is blended in.

    Args:
        pixels: (256, 256, 3) uint8, the picture.
        landmarks: (5, 2) landmarks of its face.
        donor: (256, 256, 3) uint8, the other person.
        donor_landmarks: (5, 2) landmarks of the other person's face.
        rng: Source of every draw.

    Returns:
        (256, 256, 3) uint8.
    """
    matrix, _ = cv2.estimateAffinePartial2D(donor_landmarks, landmarks, method=cv2.LMEDS)
    if matrix is None:
        matrix = np.eye(2, 3)
    inside = cv2.warpAffine(donor, matrix, (FACE_SIZE,) * 2, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    mask = face_mask(landmarks, rng)
    under = mask > 0.2
    if under.any():
        inside = match_colours(inside, pixels, under)
    if rng.random() < 0.5:
        inside = resharpen(inside, rng)
    return jpeg(blend(inside, pixels, mask), _RESAVED)


def match_colours(pixels: np.ndarray, like: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Gives each channel the mean and standard deviation that another picture has under the mask (Reinhard 2001).

    Args:
        pixels: (h, w, 3) uint8, the picture to change.
        like: (h, w, 3) uint8, the picture to match.
        under: (h, w) bool mask, not empty.

    Returns:
        (h, w, 3) uint8.
    """
    here, there = pixels[under].astype(np.float32), like[under].astype(np.float32)
    spread = np.clip(there.std(axis=0) / np.maximum(here.std(axis=0), 1), 0.5, 2)
    matched = (pixels - here.mean(axis=0)) * spread + there.mean(axis=0)
    return np.clip(np.rint(matched), 0, 255).astype(np.uint8)
