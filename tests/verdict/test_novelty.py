from dataclasses import replace

import numpy as np
import pytest

from deepley.engine.fake import FakeEngine
from deepley.errors import WeightsError
from deepley.verdict import novelty, words
from deepley.verdict.calibration import Evidence
from deepley.verdict.detector import Detector
from tests.conftest import encode


@pytest.fixture(scope="module")
def space():
    """Embeddings of two classes in 100 features, of which 20 vary much."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(100, 100)))[0]
    classes = rng.integers(0, 2, 3000)
    spread = np.r_[np.full(20, 3.0), np.full(80, 0.1)]
    points = (rng.normal(size=(3000, 100)) * spread + classes[:, None] * np.r_[np.full(5, 10.0), np.zeros(95)]) @ basis
    return points[:2000], classes[:2000], points[2000:], basis


def test_one_in_a_hundred_of_what_is_alike_lies_beyond_the_limit(space):
    known, classes, held_out, _ = space
    fitted = novelty.fit(known, classes, held_out)
    assert (fitted.distance(held_out) > fitted.limit).mean() == pytest.approx(novelty.FAR, abs=0.002)
    assert (fitted.distance(known) > fitted.limit).mean() < 0.03


def test_what_is_unlike_both_classes_lies_far_away_in_and_out_of_the_usual_directions(space):
    known, classes, held_out, basis = space
    fitted = novelty.fit(known, classes, held_out)
    between = held_out + 40 * basis[7]  # along a direction in which pictures differ, but farther than any
    outside = held_out + 5 * basis[90]  # along one in which they hardly do
    for odd in (between, outside):
        assert (fitted.distance(odd) > fitted.limit).mean() > 0.95


def test_it_comes_back_from_a_release_folder_with_the_same_distances(space, tmp_path):
    known, classes, held_out, _ = space
    fitted = novelty.fit(known, classes, held_out)
    assert novelty.load(tmp_path) is None
    fitted.save(tmp_path)
    np.testing.assert_allclose(novelty.load(tmp_path).distance(held_out), fitted.distance(held_out), rtol=1e-3)
    (tmp_path / "doubt.safetensors").write_bytes(b"broken")
    with pytest.raises(WeightsError, match="fetch the release again"):
        novelty.load(tmp_path)


def test_a_strange_face_is_inconclusive_whatever_its_score(micro_release, astronaut):
    rng = np.random.default_rng(0)
    features = rng.random((4, 4, 32), np.float32)
    engine = FakeEngine(logits=(5.0,), features=features, gradient=np.ones(32, np.float32))
    detector = Detector(micro_release, engine=lambda release: engine)
    (usual,) = detector.check(encode(astronaut)).verdicts
    assert not usual.strange
    embedding = features.mean(axis=(0, 1))
    around = embedding + rng.normal(0, 0.01, (500, len(embedding)))
    detector.novelty = novelty.fit(around, np.zeros(500, int), around)
    assert not detector.check(encode(astronaut)).verdicts[0].strange
    detector.novelty = replace(detector.novelty, mean=detector.novelty.mean + 1)
    (strange,) = detector.check(encode(astronaut)).verdicts
    assert strange.strange
    assert strange.evidence is Evidence.INCONCLUSIVE
    assert "unlike anything" in words.meaning(strange)
