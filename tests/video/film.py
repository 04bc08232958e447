"""Clips that tests make themselves, with PyAV."""

import itertools
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np


def write(path: Path, frames, times=None, codec="libx264", rotation=0, rate=25, crf=18) -> Path:
    """Encodes (h, w, 3) uint8 frames at `rate` a second, or at `times` in seconds."""
    frames = iter(frames)
    first = next(frames)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = {"gif": "rgb8", "ffv1": "bgr0"}.get(codec, "yuv420p")
        if codec == "libx264":
            stream.options = {"crf": str(crf), "preset": "veryfast"}
        if rotation:
            stream.set_display_rotation(rotation)
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for i, pixels in enumerate(itertools.chain([first], frames)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            if times is not None:
                frame.pts, frame.time_base = round(times[i] * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def moving(count, size=(96, 128), step=1, seed=0):
    """`count` frames of a smooth random picture that moves `step` pixels to the right a frame."""
    rng = np.random.default_rng(seed)
    height, width = size
    wide = cv2.resize(rng.integers(60, 200, (6, 12, 3), dtype=np.uint8), (width * 3, height))
    for i in range(count):
        yield np.roll(wide, i * step, axis=1)[:, width : 2 * width]


def drained(steps):
    """Everything that a generator yields, as a list, and what it returns."""
    yielded = []
    while True:
        try:
            yielded.append(next(steps))
        except StopIteration as end:
            return yielded, end.value
