"""Synthetic clips of aligned real photos: filmed by a simulated camera, compressed as H.264, and perhaps blended.

In a clip, the camera sways, the head moves against its surroundings, the mouth moves, the light drifts, and every frame
has new noise. A blended clip also has a face pasted in frame by frame (`views.blending`), as a face swap made frame by
frame does: its position and border tremble, its colour flickers, its sharpness drifts, and it may lag behind the head.
A control clip is blended under an empty mask. It takes the same path as a blend but equals a real clip, so a head that
tells the two apart has learnt the renderer.

All clips of a photo share motion, light, noise level and compression; the noise itself is drawn anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from deepley.config import FACE_SIZE
from deepley.photo.alignment import TEMPLATE
from deepley.training.views import blending

KINDS = ("real", "blended", "control")
"""Kinds of clips."""

SIDE = 288
"""Side of a frame in pixels."""

RATE = 25
"""Frames per second."""

FRAMES = 40
"""Number of frames of a clip: enough for four pairs, half a second apart."""

PLACE = (0.4, 1.6)
"""Range of the standard deviation of a pasted face's position on either axis, in pixels of the 256 px face."""

BORDER = (0.2, 0.8)
"""Range of the standard deviation of the mask's position against the pasted face, in pixels."""

FLICKER = (0.01, 0.03)
"""Range of the standard deviation of its brightness, as a share; each channel alone has a third of it."""

MEMORY = (0.0, 0.7)
"""Range of the correlation of these between neighbouring frames; above 0, as if landmarks were smoothed over time."""

LAGS = 0.5
"""Share of blends that follow the head one frame late."""

CALM = (0.3, 2.5)
"""Range of the factor by which the motion of camera and head is multiplied."""

SPEECH = (0.0, 4.0)
"""Range of the amplitude of the mouth's vertical motion, in pixels."""

_HEAD = 70.0
"""Standard deviation, in pixels, of the Gaussian weight of the head's motion."""

_MOUTH = 18.0
"""Standard deviation, in pixels, of the Gaussian weight of the mouth's motion, centred between its corners."""

_AT = np.stack(np.meshgrid(np.arange(SIDE), np.arange(SIDE)), -1).astype(np.float32) - np.float32((SIDE - 1) / 2)
_NEAR_HEAD = np.exp(-np.square(_AT).sum(axis=-1) / np.float32(2 * _HEAD**2))
_NEAR_MOUTH = np.exp(
    -np.square(_AT - TEMPLATE[3:].mean(axis=0) + (FACE_SIZE - 1) / 2).sum(axis=-1) / (2 * _MOUTH**2)
).astype(np.float32)


@dataclass(frozen=True)
class Shot:
    """Motion, light, noise and compression of the clips of a photo.

    Attributes:
        camera: (FRAMES, 4) float32, shift in x and y in pixels, angle in radians, zoom as a share.
        head: (FRAMES, 4) float32, the same of the head against the camera.
        mouth: (FRAMES,) float32, downward shift of the mouth in pixels.
        light: (FRAMES, 5) float32, gain, additional gain of red, of blue and of the head as shares, and offset in grey
            levels.
        grain: Standard deviation of the noise in grey levels.
        crf: x264's constant rate factor.
    """

    camera: np.ndarray
    head: np.ndarray
    mouth: np.ndarray
    light: np.ndarray
    grain: float
    crf: int


def shot(rng: np.random.Generator) -> Shot:
    """Draws a shot, with a compression that phones and messengers use (CRF 18 to 34)."""
    camera = _sway(rng, (4.0, 4.0, 0.02, 0.03)) * np.float32(rng.uniform(*CALM))
    head = _sway(rng, (5.0, 4.0, 0.04, 0.02)) * np.float32(rng.uniform(*CALM))
    mouth = _waves(rng, rng.uniform(1.5, 6, (1, 2)), [0.8, 0.8])[:, 0] * np.float32(rng.uniform(*SPEECH))
    light = _sway(rng, (0.05, 0.02, 0.02, 0.06, 4.0))
    return Shot(camera, head, mouth, light, rng.uniform(0.5, 3.5), int(rng.integers(18, 35)))


def frames(
    pixels: np.ndarray, landmarks: np.ndarray, kind: str, filmed: Shot, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """The frames of a clip before compression.

    Args:
        pixels: (256, 256, 3) uint8, an aligned face.
        landmarks: (5, 2) landmarks of the face.
        kind: One of `KINDS`.
        filmed: Motion, light and noise.
        rng: Generator that draws blend and noise.

    Yields:
        `FRAMES` frames, (SIDE, SIDE, 3) uint8.

    Raises:
        ValueError: If there is no such kind.
    """
    if kind not in KINDS:
        raise ValueError(f"A clip is one of {', '.join(KINDS)}, not {kind!r}.")
    faces = iter([pixels] * FRAMES) if kind == "real" else _blends(pixels, landmarks, kind, filmed.head, rng)
    noise = rng.standard_normal((2 * SIDE, 2 * SIDE, 3), np.float32) * np.float32(filmed.grain)
    for face, camera, head, mouth, light in zip(faces, filmed.camera, filmed.head, filmed.mouth, filmed.light):
        down, across = rng.integers(SIDE, size=2)
        gain = 1 + light[0] + np.array([light[1], 0, light[2]], np.float32) + light[3] * _NEAR_HEAD[..., None]
        seen = _seen(face, camera, head, mouth) * gain
        seen += light[4] + noise[down : down + SIDE, across : across + SIDE]
        yield np.clip(seen + np.float32(0.5), 0, 255).astype(np.uint8)


def _blends(
    pixels: np.ndarray, landmarks: np.ndarray, kind: str, head: np.ndarray, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """The photo with a face blended in frame by frame; a control uses an empty mask."""
    mask = blending.face_mask(landmarks, rng)
    inside = blending.shift_and_scale(blending.recolour(pixels, rng), rng)
    if rng.random() < 0.5:
        inside = blending.resharpen(inside, rng)
    soft = cv2.GaussianBlur(inside, (0, 0), rng.uniform(0.6, 1.4))
    memory, flicker = rng.uniform(*MEMORY), rng.uniform(*FLICKER)
    place = _tremor(rng, (rng.uniform(*PLACE),) * 2, memory)
    border = place + _tremor(rng, (rng.uniform(*BORDER),) * 2, memory)
    colour = 1 + _tremor(rng, (flicker,), memory) + _tremor(rng, (flicker / 3,) * 3, memory)
    softness = np.clip(0.5 + _tremor(rng, (0.3,), 0.9), 0, 1)
    if rng.random() < LAGS:  # filming moves a point (x, y) to (x, y) - head
        late = np.diff(head[:, :2], axis=0, prepend=head[:1, :2])
        place, border = place + late, border + late
    if kind == "control":
        mask = np.zeros_like(mask)
    for i in range(FRAMES):
        pasted = cv2.addWeighted(soft, float(softness[i, 0]), inside, 1 - float(softness[i, 0]), 0)
        pasted = np.clip(_shifted(pasted, place[i]) * colour[i], 0, 255)
        yield blending.blend(pasted, pixels, _shifted(mask, border[i]))


def _shifted(pixels: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Shifts a picture by (x, y) pixels; what enters is mirrored."""
    matrix = np.array([[1, 0, by[0]], [0, 1, by[1]]])
    return cv2.warpAffine(pixels, matrix, (FACE_SIZE,) * 2, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)


def _tremor(rng: np.random.Generator, sizes: tuple[float, ...], memory: float) -> np.ndarray:
    """Normal noise that is correlated in time, (FRAMES, len(sizes)) float32.

    Args:
        rng: Source of every draw.
        sizes: Standard deviations.
        memory: Correlation of neighbouring frames.
    """
    found = rng.standard_normal((FRAMES, len(sizes)), np.float32)
    for i in range(1, FRAMES):
        found[i] = memory * found[i - 1] + np.sqrt(1 - memory**2) * found[i]
    return found * np.array(sizes, np.float32)


def _sway(rng: np.random.Generator, sizes: tuple[float, ...]) -> np.ndarray:
    """Smooth paths of three slow sines and the quick tremor of a hand, (FRAMES, len(sizes)), scaled by `sizes`."""
    n = len(sizes)
    hertz = np.concatenate([rng.uniform(0.05, 0.7, (n, 3)), rng.uniform(3, 8, (n, 1))], axis=1)
    return _waves(rng, hertz, [0.6, 0.5, 0.4, 0.04]) * np.array(sizes, np.float32)


def _waves(rng: np.random.Generator, hertz: np.ndarray, strengths: list[float]) -> np.ndarray:
    """Sums of sines with random phases, (FRAMES, n) float32.

    Args:
        rng: Source of every draw.
        hertz: (n, k) frequencies.
        strengths: k upper limits of the amplitudes.
    """
    seconds = np.arange(FRAMES)[:, None, None] / RATE
    strength = rng.uniform(0.2, 1.0, hertz.shape) * strengths
    waves = np.sin(2 * np.pi * (hertz * seconds + rng.random(hertz.shape)))
    return (waves * strength).sum(axis=2).astype(np.float32)


def _seen(pixels: np.ndarray, camera: np.ndarray, head: np.ndarray, mouth: np.float32) -> np.ndarray:
    """The photo seen by a shifted, turned and zoomed camera, with head and mouth moved."""
    x, y, angle, zoom = (camera[k] + _NEAR_HEAD * head[k] for k in range(4))
    cos, sin = np.cos(angle) * (1 + zoom), np.sin(angle) * (1 + zoom)
    middle = np.float32((FACE_SIZE - 1) / 2)
    across = cos * _AT[..., 0] - sin * _AT[..., 1] + x + middle
    down = sin * _AT[..., 0] + cos * _AT[..., 1] + y + middle - mouth * _NEAR_MOUTH
    return cv2.remap(pixels, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)


def render(
    path: Path, pixels: np.ndarray, landmarks: np.ndarray, kind: str, filmed: Shot, rng: np.random.Generator
) -> None:
    """Writes a clip as H.264 in MP4.

    Args:
        path: File name, which ends in `.mp4`.
        pixels: See `frames`.
        landmarks: See `frames`.
        kind: See `frames`.
        filmed: Motion, light, noise and compression.
        rng: See `frames`.

    Raises:
        ValueError: If there is no such kind.
        OSError: If the file cannot be written.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": str(filmed.crf), "preset": "veryfast"}
        for frame in frames(pixels, landmarks, kind, filmed, rng):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
