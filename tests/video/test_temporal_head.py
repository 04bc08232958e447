from dataclasses import replace

import numpy as np
import pytest

from deepley.errors import WeightsError
from deepley.verdict.calibration import Calibration
from deepley.video import temporal_head
from deepley.video.observations import Observation
from deepley.video.temporal_head import Combination, Head


@pytest.fixture
def small():
    rng = np.random.default_rng(0)
    return Head(
        temporal_head.build(10), rng.normal(size=10).astype(np.float32), np.full(10, 2, np.float32), Calibration(2.0),
        Combination(0.5, 2.0, -1.0), Calibration(1.5), {"sha256": "abc", "origin": "tests"},
    )  # fmt: skip


def test_a_head_comes_back_as_it_was_saved(small, tmp_path):
    temporal_head.save(tmp_path / "temporal.safetensors", small)
    again = temporal_head.load(tmp_path / "temporal.safetensors", "abc")
    sequence = np.random.default_rng(1).normal(size=(12, 10)).astype(np.float32)
    np.testing.assert_array_equal(again.logits(sequence), small.logits(sequence))
    assert (again.calibration, again.combination, again.combined, again.details) == (
        small.calibration,
        small.combination,
        small.combined,
        small.details,
    )


def test_every_stretch_of_pairs_gets_the_logit_that_it_has_alone(small):
    sequence = np.random.default_rng(1).normal(size=(temporal_head.WINDOW + 3, 10)).astype(np.float32)
    found = small.logits(sequence)
    assert found.shape == (4,)
    alone = [small.logits(sequence[i : i + temporal_head.WINDOW])[0] for i in range(4)]
    np.testing.assert_allclose(found, alone, atol=1e-6)
    doubled = replace(small, calibration=Calibration(4.0))
    np.testing.assert_allclose(doubled.logits(sequence), found / 2, atol=1e-6)


def test_a_combination_weighs_both_logits():
    assert Combination(0.5, 2.0, -1.0).logit(4.0, 3.0) == 7.0


def test_looks_without_a_second_frame_are_left_out_of_the_sequence():
    embedding, features, heatmap = np.ones(4, np.float32), np.zeros(6, np.float32), np.zeros((2, 2))
    one = Observation(0.0, (0, 0, 1, 1), np.eye(2, 3), 0.0, embedding, features, heatmap)
    assert temporal_head.sequence([one, replace(one, features=None), one]).shape == (2, 10)
    assert len(temporal_head.sequence([])) == 0


def test_without_a_file_there_is_no_head(tmp_path):
    assert temporal_head.load(tmp_path / "temporal.safetensors", "abc") is None


def test_a_head_of_another_release_or_a_broken_one_is_refused(small, tmp_path):
    path = tmp_path / "temporal.safetensors"
    temporal_head.save(path, small)
    with pytest.raises(WeightsError, match="another release's embeddings"):
        temporal_head.load(path, "abd")
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(WeightsError, match="cannot be used"):
        temporal_head.load(path, "abc")
