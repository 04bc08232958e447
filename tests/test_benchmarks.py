"""What a benchmark computes itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import clips
from deepley.verdict.calibration import Evidence


def _clip(label, scene, score, evidence, temporal=None):
    return clips.Clip(label, scene, SimpleNamespace(spatial=score, temporal=temporal, score=score, evidence=evidence))


def test_clips_are_counted_by_their_verdict_and_scenes_are_resampled_whole():
    found = clips.figures(
        [
            _clip(0, "a", 0.1, Evidence.NONE, 0.2),
            _clip(0, "b", 0.6, Evidence.INCONCLUSIVE),
            _clip(0, "b", 0.7, Evidence.WEAK, 0.6),
            _clip(1, "a", 0.9, Evidence.VERY_STRONG, 0.4),
            _clip(1, "c", 0.65, Evidence.MODERATE),
        ]
    )
    assert (found["n"], found["real"], found["scenes"]) == (5, 3, 3)
    assert found["auc"]["value"] == pytest.approx(5 / 6)
    assert found["auc_changes"]["value"] == 0.5  # of the three clips whose changes were judged
    assert found["false_positive_rate"]["value"] == pytest.approx(1 / 3)
    assert found["recall"]["value"] == 1
    assert found["inconclusive"]["value"] == 0.2
    assert found["inconclusive"]["high"] == pytest.approx(0.4, abs=0.15)


def test_a_set_of_real_clips_alone_has_no_auc():
    found = clips.figures([_clip(0, str(i), 0.1, Evidence.NONE) for i in range(4)])
    assert set(found) == {"n", "real", "scenes", "false_positive_rate", "inconclusive", "changes_judged"}
    assert found["changes_judged"]["value"] == 0
    assert np.isfinite(found["inconclusive"]["low"])
