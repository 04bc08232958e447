import dataclasses

import keras
import numpy as np
import pytest

from deepley.config import MICRO_BATCH
from deepley.engine.tensorflow import TensorFlowEngine
from deepley.explain.drawing import outline, overlay
from deepley.explain.heatmap import grad_cam, on_photo, regions
from deepley.network import model
from tests.conftest import MICRO


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    return model.build(MICRO)


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


def test_the_engine_gives_what_the_network_gives(network, faces):
    engine = TensorFlowEngine(network)
    features, logits = (np.asarray(t) for t in network(faces.astype(np.float32), training=False))
    for activation, feature, logit in zip(engine.explain(faces), features, logits[:, 0], strict=True):
        assert activation.logit == pytest.approx(float(logit), abs=1e-4)
        np.testing.assert_allclose(activation.features, feature, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(engine.score(faces), logits[:, 0], atol=1e-4)


def test_kinds_join_into_one_logit_and_share_it(faces):
    keras.utils.set_random_seed(4)
    two = model.build(dataclasses.replace(MICRO, kinds=("generated", "blended")))
    logits = np.asarray(two(faces.astype(np.float32), training=False)[1], np.float64)
    engine = TensorFlowEngine(two)
    np.testing.assert_allclose(engine.score(faces), model.evidence(logits), atol=1e-4)
    for activation, row in zip(engine.explain(faces), logits, strict=True):
        assert activation.logit == pytest.approx(np.log(np.exp(row).sum()), abs=1e-4)
        np.testing.assert_allclose(activation.kinds, np.exp(row) / np.exp(row).sum(), atol=1e-4)


def test_the_gradient_is_that_of_the_logit(network, faces):
    """Central differences: every position of a channel moved together moves the logit by its mean gradient each."""
    activation = TensorFlowEngine(network).explain(faces[:1])[0]
    head = keras.Model(network.get_layer(model.FEATURES).output, network.get_layer(model.LOGIT).output)
    positions = activation.features.shape[0] * activation.features.shape[1]
    for channel in range(0, 32, 5):
        step = np.zeros(32, np.float32)
        step[channel] = 1e-2
        up, down = (float(head(activation.features[None] + s)[0, 0]) for s in (step, -step))
        assert (up - down) / 2e-2 / positions == pytest.approx(float(activation.gradient[channel]), abs=1e-4)


def test_more_faces_than_a_micro_batch_are_split_and_keep_their_order(network, faces):
    many = np.concatenate([faces] * (MICRO_BATCH // 3 + 1))
    engine = TensorFlowEngine(network)
    logits = [activation.logit for activation in engine.explain(many)]
    np.testing.assert_allclose(logits, np.tile(engine.score(faces), len(many) // 3), atol=1e-4)


def test_no_faces_give_no_scores(network):
    assert TensorFlowEngine(network).score(np.zeros((0, 64, 64, 3), np.uint8)).shape == (0,)


def test_the_heatmap_is_the_positive_part_and_its_sign_follows_the_claim():
    features = np.zeros((2, 2, 2))
    features[0, 0] = [3, 0]
    features[1, 1] = [0, 2]
    gradient = np.array([1.0, -1.0])
    np.testing.assert_array_equal(grad_cam(features, gradient, True), [[1, 0], [0, 0]])
    np.testing.assert_array_equal(grad_cam(features, gradient, False), [[0, 0], [0, 1]])


@pytest.mark.parametrize("gradient", [np.zeros(2), np.array([-1.0, -1.0]), np.array([np.nan, 1.0])])
def test_a_heatmap_without_evidence_is_zero_and_finite(gradient):
    heat = grad_cam(np.ones((2, 2, 2)), gradient, True)
    np.testing.assert_array_equal(heat, np.zeros((2, 2)))


def test_randomised_weights_change_the_heatmap(network, faces):
    """Adebayo et al. 2018: a map that survives randomised weights shows the picture, not the network."""

    def heat(engine):
        activation = engine.explain(faces[:1])[0]
        return grad_cam(activation.features, activation.gradient, True)

    before = heat(TensorFlowEngine(network))
    keras.utils.set_random_seed(99)
    other = model.build(MICRO)
    after = heat(TensorFlowEngine(other))
    assert before.max() == 1.0
    assert np.abs(before - after).mean() > 0.05


def test_a_heatmap_lands_on_its_face():
    to_crop = np.array([[2.0, 0, -100], [0, 2.0, -60]])  # the face square starts at (50, 30), 128 px wide
    on = on_photo(np.ones((8, 8)), to_crop, 300, 200)
    assert on.shape == (200, 300)
    assert on[40:140, 60:160].min() == 1.0
    assert on[:25].max() == on[:, :45].max() == on[:, 185:].max() == 0.0


def test_the_outline_runs_around_what_was_cropped():
    photo = np.full((200, 300, 3), 100, np.uint8)
    drawn = outline(photo, [np.array([[2.0, 0, -100], [0, 2.0, -60]])])
    changed = (drawn != photo).any(axis=2)
    assert changed[30:158, 50].all()
    assert changed[30, 50:178].all()
    assert not changed[40:140, 60:160].any()
    assert not changed[:26].any()


def test_an_overlay_leaves_cold_places_alone():
    photo = np.full((4, 4, 3), 200, np.uint8)
    heat = np.zeros((4, 4))
    heat[0, 0] = 1
    laid = overlay(photo, heat)
    assert (laid[1:] == 200).all()
    assert (laid[0, 0] != 200).any()


def test_the_regions_of_a_heatmap_share_its_weight():
    heat = np.zeros((8, 8), np.float32)
    heat[6, 3:5] = 1  # rows 192 to 224 of 256
    shares = regions(heat)
    assert next(iter(shares)) == "mouth and chin"
    np.testing.assert_allclose(sum(shares.values()), 1, atol=1e-6)
    assert regions(np.zeros((8, 8), np.float32)) == {}


def test_several_faces_are_numbered_and_one_is_not():
    photo = np.zeros((200, 400, 3), np.uint8)
    left = np.array([[2.0, 0, -60], [0, 2.0, -60]])
    right = np.array([[2.0, 0, -460], [0, 2.0, -60]])
    one, two = outline(photo, [left]), outline(photo, [left, right])
    assert two[:, 200:].any()
    assert (one[:, :200] != two[:, :200]).any()
