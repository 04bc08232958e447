"""Compares verdict and heatmap of one aligned face with a bare forward pass and with the usual two-step method.

    python -m benchmarks.serving [--release DIR] [--rounds 40]

All three take turns on the same 256 px crop in memory: (a) score, evidence and Grad-CAM as Deepley computes them; (b) a
forward pass of the same network, compiled in the same way; (c) `predict`, then the Grad-CAM recipe of keras.io
(https://keras.io/examples/vision/grad_cam/). Finding the face is timed separately.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import skimage.data
import tensorflow as tf

from deepley.config import DEFAULT_RELEASE
from deepley.network.heads import LOGIT
from deepley.network.model import FEATURES
from deepley.photo import faces
from deepley.records import SCHEMA_VERSION
from deepley.verdict.detector import Detector


def usual(model: keras.Model, crop: np.ndarray) -> tuple[float, np.ndarray]:
    """The score by `predict`, and the heatmap by keras.io's recipe."""
    image = crop[None].astype(np.float32)
    score = float(keras.ops.sigmoid(model.predict(image, verbose=0)[1][0, 0]))
    grad_model = keras.Model(model.inputs, [model.get_layer(FEATURES).output, model.get_layer(LOGIT).output])
    with tf.GradientTape() as tape:
        features, logit = grad_model(image)
        claimed = logit[:, 0]
    weights = tf.reduce_mean(tape.gradient(claimed, features), axis=(0, 1, 2))
    heat = tf.maximum(tf.squeeze(features[0] @ weights[..., tf.newaxis]), 0)
    return score, (heat / tf.reduce_max(heat)).numpy()


def milliseconds(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """The median time of each function; they take turns, so that other load affects all alike."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for i in range(rounds + 3):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if i >= 3:  # the first calls compile
                times[name].append((time.perf_counter() - start) * 1000)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Prints the medians and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=Path, default=DEFAULT_RELEASE)
    parser.add_argument("--rounds", type=int, default=40)
    options = parser.parse_args()
    detector = Detector(options.release)
    photo = skimage.data.astronaut()
    face = faces.find(photo)[0]
    model = detector.release.model
    found = milliseconds(
        {
            "verdict and heatmap": lambda: detector.judge([face], treatments={}),
            "forward pass": lambda: detector.engine.score(face.crop[None]),
            "predict, then Grad-CAM": lambda: usual(model, face.crop),
            "finding the face, 512 px": lambda: faces.find(photo),
        },
        options.rounds,
    )
    for name, value in found.items():
        print(f"{name:26} {value:8.1f} ms")
    verdict = found["verdict and heatmap"]
    print(
        json.dumps(
            {
                "schema": SCHEMA_VERSION,
                "verdict_over_forward": round(verdict / found["forward pass"], 3),
                "usual_over_verdict": round(found["predict, then Grad-CAM"] / verdict, 3),
                "milliseconds": {name: round(value, 1) for name, value in found.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
