"""Times the steps of the first verdict on a phone's photo of 12 megapixels with one face.

    python -m benchmarks.page [--release DIR] [--rounds 15]

The photo is scikit-image's astronaut enlarged into a picture of 4032 x 3024, saved as a JPEG of quality 92. The steps
are those of the page after start-up: decoding at reduced scale, provenance, finding and aligning the face, the network
on the face and its treatments, drawing the overlay, and encoding it. The last line is one JSON object with
`total_seconds`, the `model_share` of them, and the milliseconds of each step.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import skimage.data
from PIL import Image

from deepley.config import DEFAULT_RELEASE
from deepley.photo import provenance
from deepley.photo.decode import decode, fit_within
from deepley.photo.faces import find, recrop
from deepley.records import SCHEMA_VERSION
from deepley.verdict.detector import Detector
from deepley.verdict.photo import SHOWN_SIDE, File, PhotoVerdict

Result = TypeVar("Result")


def phone_photo() -> bytes:
    """A JPEG of 12 megapixels with one face about 620 px wide."""
    wall = np.full((3024, 4032, 3), 120, np.uint8)
    wall[:, 500:3524] = cv2.resize(skimage.data.astronaut(), (3024, 3024), interpolation=cv2.INTER_CUBIC)
    wall = np.clip(wall + np.random.default_rng(0).normal(0, 3, wall.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(wall).save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def answer(detector: Detector, data: bytes) -> dict[str, float]:
    """Checks a photo and returns the milliseconds of each step."""
    times: dict[str, float] = {}

    def timed(name: str, step: Callable[[], Result]) -> Result:
        start = time.perf_counter()
        result = step()
        times[name] = (time.perf_counter() - start) * 1000
        return result

    photo = timed("decode", lambda: decode(data, side=SHOWN_SIDE))
    told = timed("provenance", lambda: provenance.read(data))
    faces = timed("find and align", lambda: find(photo.pixels, factor=photo.factor))
    if photo.factor < 1 and any(face.needs_more_than(photo.factor) for face in faces):
        faces = timed("decode at full size", lambda: recrop(faces, decode(data).pixels))
    verdicts = timed("model and heatmap, 5 views", lambda: detector.judge(faces))
    file = File("", len(data), photo.format, photo.width, photo.height)
    shown, _ = fit_within(photo.pixels, SHOWN_SIDE)
    verdict = PhotoVerdict(file, told, shown, tuple(verdicts), None)
    pair = timed("overlay", verdict.overlay)
    timed("encode", lambda: [Image.fromarray(pixels).save(io.BytesIO(), "JPEG") for pixels in pair])
    return times


def main() -> None:
    """Prints the median of each step and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=Path, default=DEFAULT_RELEASE)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    detector, data = Detector(options.release), phone_photo()
    answer(detector, data)  # the first call builds graphs
    rounds = [answer(detector, data) for _ in range(options.rounds)]
    steps = {name: statistics.median(times[name] for times in rounds) for name in rounds[0]}
    total = statistics.median(sum(times.values()) for times in rounds)
    for name, value in steps.items():
        print(f"{name:28} {value:8.1f} ms")
    found = {
        "schema": SCHEMA_VERSION,
        "total_seconds": round(total / 1000, 3),
        "model_share": round(steps["model and heatmap, 5 views"] / total, 3),
        "milliseconds": {name: round(value, 1) for name, value in steps.items()},
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
