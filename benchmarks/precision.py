"""Compares bfloat16 with float32 on this machine: a training step of the whole ResNet50.

    python -m benchmarks.precision [--steps 3] [--batch 16]

The crops have 160 px. Both networks take turns; the fastest step of each counts. Training uses the type that
`network.devices.policy` chooses: bfloat16 if the machine has instructions for it. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json

import keras
import numpy as np

from benchmarks.normalization import fastest, network
from deepley.network import devices
from deepley.records import SCHEMA_VERSION

POLICIES = ("mixed_bfloat16", "float32")


def main() -> None:
    """Prints both times and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3, help="timed steps of each network")
    parser.add_argument("--batch", type=int, default=16, help="images in a step")
    options = parser.parse_args()
    rng, networks = np.random.default_rng(0), []
    crops = rng.integers(0, 256, (options.batch, 160, 160, 3), np.uint8)
    classes = rng.integers(0, 2, (options.batch, 1))
    for policy in POLICIES:
        keras.config.set_dtype_policy(policy)
        networks.append(network(fused=True))
    taken = fastest([lambda n=n: n.train_on_batch(crops, classes) for n in networks], options.steps)
    milliseconds = {policy: round(t / options.batch * 1e3, 1) for policy, t in zip(POLICIES, taken)}
    for policy, value in milliseconds.items():
        print(f"{policy}: {value} ms an image")
    result = {"schema": SCHEMA_VERSION, "training_takes": devices.policy(True), "milliseconds_an_image": milliseconds}
    print(json.dumps(result | {"bfloat16_over_float32": round(taken[0] / taken[1], 2)}))


if __name__ == "__main__":
    main()
