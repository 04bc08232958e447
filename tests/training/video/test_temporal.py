import numpy as np
import pytest

from deepley.training.video import temporal
from deepley.training.video.footage import Examples
from deepley.video import temporal_head


def _examples(gap, n=120, seed=0):
    """Made-up sequences: blends differ in the last feature by `gap`, controls in nothing."""
    rng = np.random.default_rng(seed)
    kinds = np.array(["real", "blended", "control"] * n)
    splits = np.array([["train", "train", "valid", "test"][i // 3 % 4] for i in range(3 * n)])
    sequences = rng.normal(size=(3 * n, temporal_head.WINDOW, 10)).astype(np.float32)
    sequences[..., 9] += gap * (kinds == "blended")[:, None]
    spatial = rng.normal(size=3 * n) + 0.5 * (kinds == "blended")
    return Examples(sequences, spatial, kinds, splits, 0)


@pytest.mark.slow
def test_the_head_learns_what_changes_and_the_controls_stay_at_chance():
    trained, measured = temporal.fit(_examples(1.5))
    for found in measured["auc"].values():
        assert found["low"] <= found["value"] <= found["high"]
    assert measured["n"] == {"real": 30, "blended": 30, "control": 30}
    assert measured["auc"]["temporal"]["value"] > 0.95
    assert measured["auc"]["spatial"]["value"] < 0.9
    assert measured["difference"]["from"] == "temporal"
    assert measured["difference"]["low"] > -0.05
    for found in measured["control"].values():
        assert found["low"] <= 0.5 <= found["high"]
    assert not temporal.learnt_renderer(measured)
    assert trained.combination.temporal > 0
    rows = temporal.rows(measured)
    assert list(rows) == ["single frames", "changes between frames", "both"]
    assert (rows["both"]["n"], rows["both"]["real"]) == (60, 30)
    assert rows["both"]["gain"]["low"] == measured["difference"]["low"]


@pytest.mark.slow
def test_a_head_that_has_learnt_the_renderer_is_found_out():
    made = _examples(0.0)
    made.sequences[made.kinds == "blended", :, 9] += 2
    made.sequences[made.kinds == "control", :, 9] += 2
    assert temporal.learnt_renderer(temporal.fit(made)[1])


def test_a_combination_weighs_what_helps_and_nothing_against_itself():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    useful, inverted = rng.normal(2 * labels - 1, 1), rng.normal(1 - 2 * labels, 1)
    found = temporal.combine(inverted, useful, labels)
    assert found.spatial == 0
    assert found.temporal == pytest.approx(2, rel=0.3)  # the log-likelihood ratio of these two normals is 2 z


def test_a_photos_clips_are_resampled_together():
    """A control that is its real clip differs by 0 in every resample."""
    made = _examples(0.0, 60)
    real, control = made.of("test", ("real",)), made.of("test", ("control",))
    logits = np.random.default_rng(0).normal(size=len(made.kinds))
    logits[control] = logits[real]
    found = temporal.figures(made, dict.fromkeys(("spatial", "temporal", "both"), logits))["control"]["temporal"]
    assert list(found.values()) == pytest.approx([0.5, 0.5, 0.5])
