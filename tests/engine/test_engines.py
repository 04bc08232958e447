"""One contract for every engine: whoever adds one adds a line to `ENGINES`, and nothing else."""

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest

from deepley.config import MICRO_BATCH
from deepley.engine import tensorflow
from deepley.engine.fake import FakeEngine
from deepley.explain.heatmap import grad_cam
from deepley.network import model
from deepley.network.heads import EMBEDDING, LOGIT
from deepley.network.release import Release
from tests.conftest import MICRO

ENGINES = {"tensorflow": tensorflow.engine}
"""How each engine is made of a loaded release."""

KINDS = {"one kind": ("generated",), "two kinds": ("generated", "blended")}


def _build(seed, kinds):
    keras.utils.set_random_seed(seed)
    return model.build(dataclasses.replace(MICRO, kinds=kinds))


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def network(request):
    return _build(3, request.param)


@pytest.fixture(scope="module", params=ENGINES.values(), ids=ENGINES)
def make(request):
    """Makes an engine of a network."""
    return lambda network: request.param(Release(Path(), {}, network))


@pytest.fixture(scope="module")
def engine(make, network):
    return make(network)


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(1).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)


def _outputs(network, faces, *layers):
    """The outputs of layers of the Keras model."""
    part = keras.Model(network.input, [network.get_layer(name).output for name in layers])
    return [np.asarray(output) for output in part(faces.astype(np.float32), training=False)]


def test_logits_kinds_and_feature_map_are_those_of_the_keras_model(engine, network, faces):
    features, logits = _outputs(network, faces, model.FEATURES, LOGIT)
    joined = model.evidence(logits)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for i, activation in enumerate(engine.explain(faces)):
        assert activation.logit == pytest.approx(float(joined[i]), abs=1e-4)
        np.testing.assert_allclose(activation.kinds, shares[i], atol=1e-4)
        np.testing.assert_allclose(activation.features, features[i], rtol=1e-3, atol=1e-3)
        assert activation.kinds.dtype == activation.features.dtype == activation.gradient.dtype == np.float32
    np.testing.assert_allclose(engine.score(faces), joined, atol=1e-4)


def test_embeddings_are_those_of_the_keras_model(engine, network, faces):
    embeddings, logits = _outputs(network, faces, EMBEDDING, LOGIT)
    looked = engine.look(faces)
    np.testing.assert_allclose(looked[0], model.evidence(logits), atol=1e-4)
    np.testing.assert_allclose(looked[1], embeddings, rtol=1e-3, atol=1e-3)
    assert looked[0].dtype == looked[1].dtype == np.float32


def test_the_gradient_is_that_of_the_logit(engine, network, faces):
    """Central differences: every position of a channel moved together moves the logit by its mean gradient each."""
    activation = engine.explain(faces[:1])[0]
    head = keras.Model(network.get_layer(model.FEATURES).output, network.get_layer(LOGIT).output)
    height, width, channels = activation.features.shape
    assert activation.gradient.shape == (channels,)
    for channel in range(0, channels, 5):
        step = np.zeros(channels, np.float32)
        step[channel] = 1e-2
        up, down = (float(model.evidence(np.asarray(head(activation.features[None] + s)))[0]) for s in (step, -step))
        assert (up - down) / 2e-2 / (height * width) == pytest.approx(float(activation.gradient[channel]), abs=1e-4)


def test_more_faces_than_a_micro_batch_are_split_and_keep_their_order(engine, faces):
    many = np.concatenate([faces] * (MICRO_BATCH // 3 + 1))
    logits = np.tile(engine.score(faces), len(many) // 3)
    np.testing.assert_allclose([activation.logit for activation in engine.explain(many)], logits, atol=1e-4)
    np.testing.assert_allclose(engine.look(many)[0], logits, atol=1e-4)
    np.testing.assert_allclose(engine.score(many), logits, atol=1e-4)


def test_no_faces_give_no_scores(engine):
    none = np.zeros((0, 64, 64, 3), np.uint8)
    assert engine.score(none).shape == (0,)
    assert engine.explain(none) == []


def test_randomised_weights_change_the_heatmap(make, faces):
    """Adebayo et al. 2018: a map that survives randomised weights shows the picture, not the network."""
    heats = []
    for seed in (3, 99):
        (activation,) = make(_build(seed, MICRO.kinds)).explain(faces[:1])
        heats.append(grad_cam(activation.features, activation.gradient, True))
    assert heats[0].max() == 1.0
    assert np.abs(heats[0] - heats[1]).mean() > 0.05


def test_a_closed_engine_answers_no_more(make, faces):
    engine = make(_build(3, MICRO.kinds))
    engine.score(faces)
    engine.close()
    with pytest.raises(Exception):  # noqa: B017 (which one is the engine's own matter)
        engine.score(faces)


def test_the_fake_gives_what_it_is_told_in_the_shapes_of_the_contract(faces):
    fake = FakeEngine(logits=(1.0, -2.0), kinds=(0.25, 0.75))
    activations = fake.explain(faces)
    assert [activation.logit for activation in activations] == [1.0, -2.0, 1.0]
    np.testing.assert_array_equal(activations[0].kinds, [0.25, 0.75])
    logits, embeddings = fake.look(faces)
    assert logits.tolist() == fake.score(faces).tolist() == [1.0, -2.0, 1.0]
    np.testing.assert_array_equal(embeddings, [activation.features.mean(axis=(0, 1)) for activation in activations])
    assert fake.score(faces[:0]).shape == (0,)
    assert fake.calls == [3, 3, 3, 0]
    fake.close()
    with pytest.raises(RuntimeError):
        fake.score(faces)
