"""The bootstrap, held to figures that were computed before the three bootstraps became one."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import clips
from deepley.training.measure import evaluation
from deepley.training.video import temporal
from deepley.training.video.footage import Examples
from deepley.verdict.calibration import Calibration, Evidence


def _of(found):
    return pytest.approx([found["value"], found["low"], found["high"]], rel=1e-12)


def test_the_intervals_of_photos_are_as_they_were():
    rng = np.random.default_rng(5)
    labels = np.arange(60) % 3 == 0
    logits = rng.normal(labels * 2 - 1.0, 1)
    cut = Calibration(doubt=0.25, threshold=0.4)
    found = evaluation.figures(logits, labels, cut, rng.random(60) < 0.2)
    assert (found["n"], found["real"], found["fake"]) == (60, 40, 20)
    assert _of(found["accuracy"]) == [0.8166666666666667, 0.7333333333333333, 0.9166666666666666]
    assert _of(found["auc"]) == [0.89875, 0.7861250000000001, 0.9709687499999999]
    assert _of(found["unlike_training"]) == [0.2, 0.1, 0.3091666666666666]
    alone = evaluation.figures(logits[labels], labels[labels], cut)
    assert _of(alone["recall"]) == [0.9, 0.75, 1.0]


def test_the_intervals_of_made_clips_are_as_they_were():
    rng, n = np.random.default_rng(6), 40
    kinds = np.array(["real", "blended", "control"] * n)
    splits = np.array([["train", "test"][i // 3 % 2] for i in range(3 * n)])
    made = Examples(np.zeros((3 * n, 4, 8), np.float32), rng.normal(size=3 * n), kinds, splits, 0)
    logits = {key: rng.normal(size=3 * n) + (kinds == "blended") for key in ("spatial", "temporal", "both")}
    found = temporal.figures(made, logits)
    assert found["n"] == {"real": 20, "blended": 20, "control": 20}
    assert found["difference"]["from"] == "spatial"
    assert _of(found["difference"]) == [-0.09999999999999998, -0.30437499999999995, 0.10218750000000004]
    assert _of(found["auc"]["both"]) == [0.6725, 0.523625, 0.8125]
    assert _of(found["control"]["temporal"]) == [0.45249999999999996, 0.28425, 0.6613749999999999]
    assert _of(found["ece"]["spatial"]) == [0.15824369491348375, 0.1515959010068217, 0.28158471456214285]


def test_the_intervals_of_clips_from_elsewhere_are_as_they_were():
    rng, bands = np.random.default_rng(7), list(Evidence)

    def clip(i, label, scene):
        spatial, temporal_score, score = (float(rng.random()) for _ in range(3))
        face = SimpleNamespace(
            evidence=bands[i % 6], spatial=spatial, temporal=temporal_score if i % 3 else None, score=score
        )
        return clips.Clip(label, scene, face)

    found = clips.figures([clip(i, i % 2, f"scene {i // 4}") for i in range(30)])
    assert (found["n"], found["real"], found["scenes"]) == (30, 15, 8)
    assert _of(found["auc"]) == [0.45333333333333337, 0.2027455621301775, 0.62890625]
    assert _of(found["auc_changes"]) == [0.5800000000000001, 0.17763888888888896, 0.8270833333333332]
    assert _of(found["recall"]) == [0.6666666666666666, 0.5333333333333333, 0.8432692307692308]
    real = clips.figures([clip(i, 0, f"scene {i // 2}") for i in range(10)])
    assert _of(real["false_positive_rate"]) == [0.6, 0.2, 0.9549999999999997]
    assert "auc" not in real
