"""Compares the fused batch normalisation with Keras's own in the same network.

    python -m benchmarks.normalization [--steps 6]

Measured are a training step of the whole ResNet50 on 64 crops of 160 px, in bfloat16 if this machine has it, and a
forward pass of 64 faces of 256 px. Both networks take turns; the fastest step of each counts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from unittest import mock

import keras
import numpy as np

from deepley.config import FACE_SIZE
from deepley.network import devices, normalization
from deepley.network.heads import LOGIT
from deepley.network.model import build
from deepley.recipes import ModelConfig
from deepley.records import SCHEMA_VERSION
from deepley.training.fit import objectives

BATCH = 64


def network(fused: bool) -> keras.Model:
    """A compiled network, with the fused layers or with Keras's own."""
    kind = normalization.FusedBatchNormalization if fused else keras.layers.BatchNormalization
    with mock.patch.object(normalization, "FusedBatchNormalization", kind):
        model = build(ModelConfig())
    trainer = keras.Model(model.input, model.get_layer(LOGIT).output)
    trainer.compile(keras.optimizers.AdamW(1e-4), loss=objectives.loss, jit_compile=devices.jit_compile())
    return trainer


def fastest(calls: list[Callable[[], object]], steps: int) -> list[float]:
    """The fewest seconds that each call took; the calls take turns `steps` times after a first, untimed turn."""
    for call in calls:
        call()
    seconds = []
    for _ in range(steps):
        for call in calls:
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
    return [min(seconds[i :: len(calls)]) for i in range(len(calls))]


def main() -> None:
    """Prints both comparisons and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=6, help="timed steps of each network")
    options = parser.parse_args()
    keras.config.set_dtype_policy(devices.policy(True))
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (BATCH, 160, 160, 3), np.uint8)
    faces = rng.integers(0, 256, (BATCH, FACE_SIZE, FACE_SIZE, 3), np.uint8)
    classes = rng.integers(0, 2, (BATCH, 1))
    networks = [network(fused=False), network(fused=True)]
    training = fastest([lambda n=n: n.train_on_batch(crops, classes) for n in networks], options.steps)
    forward = fastest([lambda n=n: n.predict_on_batch(faces) for n in networks], options.steps)
    result: dict[str, object] = {"schema": SCHEMA_VERSION}
    for name, (kerass, ours) in {"training_step": training, "forward_pass": forward}.items():
        print(f"{name}: {kerass / BATCH * 1e3:.1f} ms an image with Keras's layers, {ours / BATCH * 1e3:.1f} fused")
        result[f"{name}_speedup"] = round(kerass / ours, 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
