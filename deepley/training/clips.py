"""Clips made from aligned real photos: filmed by a moving camera, compressed for real, and perhaps blended.

A clip is a photo seen through a camera that sways, on a head that moves against its surroundings, in light that drifts,
with noise that is new in every frame, as H.264. A blended one has a face pasted in frame by frame before all that
(`training.blending`), by a mask and in colours that tremble a little. A control is blended under an empty mask: it went
the same way as a blend and differs in nothing from a real clip, so what tells it from one has learnt the renderer.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np

from deepley.config import FACE_SIZE
from deepley.training import blending

KINDS = ("real", "blended", "control")
"""What a clip may be."""

SIDE = 288
"""Of a frame, in pixels."""

RATE = 25
"""Frames a second."""

FRAMES = 92
"""Of a clip: eight pairs, half a second apart."""

_HEAD = 70.0
"""Standard deviation, in pixels, of the bump that moves with the head."""


def frames(pixels: np.ndarray, landmarks: np.ndarray, kind: str, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The frames of a clip before compression.

    Args:
        pixels: (256, 256, 3) uint8, an aligned face.
        landmarks: (5, 2) in it.
        kind: One of `KINDS`.
        rng: Draws motion, light, noise and blend.

    Yields:
        `FRAMES` times (SIDE, SIDE, 3) uint8.

    Raises:
        ValueError: If there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"A clip is one of {', '.join(KINDS)}, not {kind!r}.")
    camera = _sway(rng, (4.0, 4.0, 0.02, 0.03))
    head = _sway(rng, (5.0, 4.0, 0.04, 0.02))
    light = _sway(rng, (0.05, 0.02, 0.02, 4.0))
    grain = rng.uniform(0.5, 3.5)
    blended = _blends(pixels, landmarks, rng, kind) if kind != "real" else itertools.repeat(pixels)
    grid = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).astype(np.float32)
    for i in range(FRAMES):
        seen = _filmed(next(blended), grid, camera[i], head[i]).astype(np.float32)
        gain = 1 + light[i, 0] + np.array([light[i, 1], 0, light[i, 2]], np.float32)
        seen = seen * gain + np.float32(light[i, 3]) + grain * rng.standard_normal(seen.shape, np.float32)
        yield np.clip(np.rint(seen), 0, 255).astype(np.uint8)


def _blends(pixels: np.ndarray, landmarks: np.ndarray, rng: np.random.Generator, kind: str) -> Iterator[np.ndarray]:
    """The photo with a face blended in, anew for every frame; under an empty mask for a control."""
    mask = blending.face_mask(landmarks, rng)
    inside = blending.shift_and_scale(blending.recolour(pixels, rng), rng)
    if rng.random() < 0.5:
        inside = blending.resharpen(inside, rng)
    border, place, colour = rng.uniform(0.2, 1.5), rng.uniform(0.1, 0.6), rng.uniform(0.3, 2.0)
    if kind == "control":
        mask = np.zeros_like(mask)
    while True:
        here = _shifted(mask, rng.normal(0, border, 2))
        tinted = _shifted(inside, rng.normal(0, place, 2)) + rng.normal(0, colour, 3)
        yield blending.blend(np.clip(tinted, 0, 255), pixels, here)


def _shifted(pixels: np.ndarray, by: np.ndarray) -> np.ndarray:
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]])
    return cv2.warpAffine(pixels, matrix, (FACE_SIZE,) * 2, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _sway(rng: np.random.Generator, sizes: tuple[float, ...]) -> np.ndarray:
    """(FRAMES, len(sizes)): smooth paths of three slow sines and a hand's quicker tremor, each of about its size."""
    seconds = np.arange(FRAMES)[:, None, None] / RATE
    n = len(sizes)
    hertz = np.concatenate([rng.uniform(0.05, 0.7, (n, 3)), rng.uniform(3, 8, (n, 1))], axis=1)
    strength = rng.uniform(0.2, 1.0, (n, 4)) * [0.6, 0.5, 0.4, 0.04]
    waves = np.sin(2 * np.pi * (hertz * seconds + rng.random((n, 4))))
    return ((waves * strength).sum(axis=2) * sizes).astype(np.float32)


def _filmed(pixels: np.ndarray, grid: np.ndarray, camera: np.ndarray, head: np.ndarray) -> np.ndarray:
    """The photo from a camera that is shifted, turned and zoomed, with the head shifted, turned and nearer besides."""
    at = grid - np.float32((SIDE - 1) / 2)
    weight = np.exp(-np.square(at).sum(axis=-1, keepdims=True) / (2 * _HEAD**2))
    x, y, angle, zoom = (camera[k] + weight[..., 0] * head[k] for k in range(4))
    cos, sin = np.cos(angle) * (1 + zoom), np.sin(angle) * (1 + zoom)
    middle = (FACE_SIZE - 1) / 2
    across = cos * at[..., 0] - sin * at[..., 1] + x + middle
    down = sin * at[..., 0] + cos * at[..., 1] + y + middle
    return cv2.remap(
        pixels, across.astype(np.float32), down.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )


def render(path: Path, pixels: np.ndarray, landmarks: np.ndarray, kind: str, rng: np.random.Generator) -> None:
    """Writes a clip as H.264 in MP4, at a quality drawn from what phones and messengers make (CRF 18 to 34).

    Args:
        path: Ends in `.mp4`.
        pixels: See `frames`, as the other arguments.
        landmarks: In `pixels`.
        kind: One of `KINDS`.
        rng: Draws all that is random.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(rng.integers(18, 35)), "preset": "veryfast"}
        for frame in frames(pixels, landmarks, kind, rng):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
