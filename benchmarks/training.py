"""Compares the same training of frozen stages with and without the feature cache.

    python -m benchmarks.training --data DIR [--base FILE] [--images 900]

ResNet50 is trained on the same images in the same order and the same views: 5 epochs of stage5 and the head, and, on a
third of the images, 20 epochs of the head alone. Accuracies are measured on 1,000 validation images and not timed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from unittest import mock

import keras
import numpy as np

from deepley.network.heads import LOGIT
from deepley.network.model import evidence
from deepley.recipes import Phase, TrainConfig
from deepley.records import SCHEMA_VERSION
from deepley.training.data.dataset import Dataset, load
from deepley.training.fit import cache, run, steps
from deepley.training.fit.batches import Wholes, labels_of


def measure(data: Dataset, config: TrainConfig, base: Path | None, cached: bool) -> tuple[float, float]:
    """The seconds of a run and the validation accuracy of its network."""
    full = mock.patch.object(cache, "room_for", return_value="this run measures training without it")
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        if cached:
            model, _ = run.train(data, config, Path(folder), base)
        else:
            with full:
                model, _ = run.train(data, config, Path(folder), base)
        seconds = time.perf_counter() - start
    valid = data.take("valid", 1000)
    trainer = keras.Model(model.input, model.get_layer(LOGIT).output)
    logits = evidence(steps.predict(trainer, Wholes(valid, 32, config.model.kinds)))
    return seconds, float(np.mean((logits > 0) == labels_of(valid)))


def main() -> None:
    """Prints both comparisons and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--base", type=Path, help="an npz of base weights; without it ImageNet's are downloaded")
    parser.add_argument("--images", type=int, default=900, help="number of training images, half real, half fake")
    options = parser.parse_args()
    data = load(options.data, progress=True)
    shared = TrainConfig(
        preset="benchmark",
        phases=(Phase("head", ("head",), 1, options.images, cache=True),),
        valid_limit=32,  # validation costs both runs alike and should be small beside training
        patience=100,
    )
    runs = {"stage5": (("stage5", "head"), 5, options.images), "head": (("head",), 20, options.images // 3)}
    result: dict[str, object] = {"images": options.images}
    for name, (stages, rounds, images) in runs.items():
        phase = replace(shared.phases[0], trainable=stages, rounds=rounds, images_per_round=images)
        config = replace(shared, phases=(phase,), train_limit=images)
        without, accuracy_without = measure(data, config, options.base, cached=False)
        with_cache, accuracy_with = measure(data, config, options.base, cached=True)
        print(
            f"{name}, {rounds} epochs: {without:.0f} s without, {with_cache:.0f} s with the cache; accuracy "
            f"{accuracy_without:.2%} and {accuracy_with:.2%}"
        )
        result[f"cached_speedup_{name}"] = round(without / with_cache, 2)
        result[f"accuracy_difference_{name}"] = round(abs(accuracy_with - accuracy_without), 4)
    print(json.dumps({"schema": SCHEMA_VERSION, **result}))


if __name__ == "__main__":
    main()
