"""Measures a release under attack by someone who has the network: FGSM and PGD.

    python -m benchmarks.attacks DIR [--release DIR] [--images 100] [--store]

DIR holds aligned faces in real/ and fake/. Every value of a picture (0..255) may change by at most eps: fakes are
pushed towards real, real ones towards fake, with foolbox's attacks (Goodfellow et al. 2015; Madry et al. 2018, 10
steps). The network has no defence against them. --store adds the figures to the release and its card. The last line is
one JSON object.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import eagerpy
import foolbox
import keras
import numpy as np
import tensorflow as tf

from deepley.config import DEFAULT_RELEASE, MICRO_BATCH
from deepley.network import release
from deepley.network.heads import LOGIT
from deepley.records import SCHEMA_VERSION
from deepley.training.data.sources import find
from deepley.training.fit.batches import labels_of
from deepley.training.measure.evaluation import figures
from deepley.training.measure.intervals import Figures
from deepley.training.release import finish
from deepley.verdict.calibration import of_release

EPSILONS = (1, 2)
"""Largest changes of a value in grey levels: 1/255 and 2/255 of the range."""


def main() -> None:
    """Prints a line for each attack and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--release", type=Path, default=DEFAULT_RELEASE)
    parser.add_argument("--images", type=int, default=100, help="number of images, half real, half fake")
    parser.add_argument("--store", action="store_true", help="add the figures to the release and its card")
    options = parser.parse_args()
    loaded = release.load(options.release)
    cut = of_release(loaded)
    kinds = keras.Model(loaded.model.input, loaded.model.get_layer(LOGIT).output)
    # foolbox expects one logit for each class, real and fake.
    shift = cut.temperature * np.log(cut.threshold / (1 - cut.threshold))
    attacked = foolbox.TensorFlowModel(
        lambda faces: tf.stack([tf.zeros(len(faces)), tf.reduce_logsumexp(kinds(faces), axis=1) - shift], axis=1),
        bounds=(0, 255),
    )
    sources = find(options.data)
    chosen = tuple(s for label in (0, 1) for s in [s for s in sources if s.label == label][: options.images // 2])
    labels = labels_of(chosen).astype(np.int64)
    results: dict[str, Figures] = {}
    for name, attack in (
        ("none", None),
        ("FGSM", foolbox.attacks.LinfFastGradientAttack(random_start=False)),
        ("PGD, 10 steps", foolbox.attacks.LinfPGD(steps=10)),
    ):
        for eps in EPSILONS if attack else (0,):
            logits = []
            for start in range(0, len(chosen), MICRO_BATCH):
                batch = chosen[start : start + MICRO_BATCH]
                faces = eagerpy.astensor(tf.constant(np.stack([s.face() for s in batch]), tf.float32))
                truth = eagerpy.astensor(tf.constant(labels[start : start + MICRO_BATCH]))
                if attack:
                    _, faces, _ = attack(attacked, faces, truth, epsilons=eps)
                logits.append(attacked(faces).raw.numpy()[:, 1] + shift)
            key = f"{name}, eps {eps}/255" if attack else name
            found = figures(np.concatenate(logits), labels, cut)
            results[key] = {k: found[k] for k in ("n", "real", "fake", "false_positive_rate", "recall", "accuracy")}
            shown = {k: f"{v['value']:.1%}" for k, v in results[key].items() if isinstance(v, dict)}
            print(f"{key}: {shown}", flush=True)
    if options.store:
        finish.add(options.release, {"attacked": results})
    print(json.dumps({"schema": SCHEMA_VERSION, "release": loaded.name, "sha256": loaded.sha256, **results}))


if __name__ == "__main__":
    main()
