"""Measures the size, blur and recompression from which the scores of a release stop being reliable.

    python -m benchmarks.limits DIR [--release DIR] [--images 400]

DIR holds aligned faces in real/ and fake/ (the validation split). Every face is scored as it is, at smaller sizes
(shrunk, then enlarged as `alignment.align` does), blurred, and under each treatment of the page. Sizes are those of
the face detector's box, to which the page's limit applies; sharpness is `Face.sharpness`. "To doubt" is the share of
verdicts that the page calls inconclusive because a treatment moves the score across the threshold. The last line is one
JSON object.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from deepley.config import DEFAULT_RELEASE, FACE_SIZE
from deepley.photo.alignment import TEMPLATE
from deepley.photo.faces import Face, find
from deepley.photo.treatment import TREATMENTS, blur
from deepley.records import SCHEMA_VERSION
from deepley.training.data.sources import find as find_sources
from deepley.training.fit.batches import labels_of
from deepley.training.measure.evaluation import figures
from deepley.training.measure.intervals import Interval
from deepley.verdict.detector import Detector
from deepley.verdict.photo import Stability

SIZES = (128, 96, 80, 64, 56, 48, 40, 32)
"""Sides of the face detector's box in pixels of the photo."""

SHOWN = ("accuracy", "auc", "false_positive_rate", "recall")

BLURS = (0.5, 0.8, 1.2, 1.6, 2.0, 3.0)
"""Standard deviations in pixels of the 256 px crop."""


def found_at(box: int, typical: float) -> Callable[[np.ndarray], np.ndarray]:
    """A function that gives a crop the resolution of a smaller face.

    Args:
        box: Side of the face detector's box in pixels of the photo.
        typical: Side of the box that fills a 256 px crop.

    Returns:
        A function from and to (256, 256, 3) uint8 crops.
    """

    def smaller(crop: np.ndarray) -> np.ndarray:
        side = max(8, round(FACE_SIZE * box / typical))
        if side >= FACE_SIZE:
            return crop
        small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
        return cv2.resize(small, (FACE_SIZE, FACE_SIZE), interpolation=cv2.INTER_CUBIC)

    return smaller


def sharpness(crop: np.ndarray) -> float:
    """The sharpness of an aligned crop, see `Face.sharpness`."""
    return Face((0, 0, FACE_SIZE, FACE_SIZE), TEMPLATE, 1.0, crop, np.eye(2, 3)).sharpness


def main() -> None:
    """Prints a line for each condition and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--release", type=Path, default=DEFAULT_RELEASE)
    parser.add_argument("--images", type=int, default=400, help="number of images, half real, half fake")
    options = parser.parse_args()
    detector = Detector(options.release)
    sources = find_sources(options.data)
    chosen = [s for label in (0, 1) for s in [s for s in sources if s.label == label][: options.images // 2]]
    crops, labels = [source.face() for source in chosen], labels_of(tuple(chosen)).astype(int)
    boxes = [faces[0].side for crop in crops[::8] if (faces := find(crop))]
    typical = float(np.median(boxes))

    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {"as it is": lambda crop: crop, **TREATMENTS}
    ways |= {f"box {box} px": found_at(box, typical) for box in SIZES}
    ways |= {f"blur {sigma}": lambda crop, sigma=sigma: blur(crop, sigma) for sigma in BLURS}
    found, scores = {}, {}
    print(f"a box of {typical:.0f} px fills a 256 px crop; n = {len(crops)}\n")
    print(f"{'':12} {'accuracy':>8} {'AUC':>7} {'real called fake':>24} {'fakes found':>24}  sharpness, 5 % to 50 %")
    for name, way in ways.items():
        treated = [way(crop) for crop in crops]
        logits = detector.engine.score(np.stack(treated)).astype(np.float64)
        scores[name] = detector.calibration.score(logits)
        measured = figures(logits, labels, detector.calibration)
        sharp = [round(float(q), 1) for q in np.quantile([sharpness(crop) for crop in treated], (0.05, 0.5))]
        found[name] = {key: round(measured[key]["value"], 4) for key in SHOWN} | {"sharpness": sharp}
        print(
            f"{name:12} {measured['accuracy']['value']:8.1%} {measured['auc']['value']:7.4f}"
            f" {_share(measured['false_positive_rate'])} {_share(measured['recall'])}"
            f"  {sharp[0]:.0f} to {sharp[1]:.0f}",
            flush=True,
        )
    doubt = _to_doubt(scores, labels, detector.calibration.threshold)
    print(f"\nto doubt, for a flip: {doubt['real']:.1%} of real, {doubt['fake']:.1%} of fake faces")
    summary = {"schema": SCHEMA_VERSION, "release": detector.release.name, "n": len(crops), "box_of_a_crop": typical}
    print(json.dumps(summary | {"to_doubt": doubt, "conditions": found}))


def _share(figure: Interval) -> str:
    """A share with its interval as text."""
    return f"{figure['value']:8.1%} ({figure['low']:6.1%} to {figure['high']:6.1%})"


def _to_doubt(scores: dict[str, np.ndarray], labels: np.ndarray, threshold: float) -> dict[str, float]:
    """The shares of real and of fake faces whose verdict a treatment changes."""
    flips = np.array(
        [
            bool(Stability(scores["as it is"][i], {name: scores[name][i] for name in TREATMENTS}, threshold).flips)
            for i in range(len(labels))
        ]
    )
    return {name: float(flips[labels == label].mean()) for label, name in enumerate(("real", "fake"))}


if __name__ == "__main__":
    main()
