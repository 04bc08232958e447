"""One contract for every backbone: whoever adds one adds a line to `APPLICATION`, and nothing else."""

import keras
import numpy as np
import pytest

from deepley.engine.tensorflow import TensorFlowEngine
from deepley.network import model, release
from deepley.network.backbones.registry import BACKBONES
from deepley.network.heads import HEAD, LOGIT
from deepley.recipes import ModelConfig, Phase

APPLICATION = {"resnet50": keras.applications.resnet, "micro": keras.applications.resnet}
"""Where Keras has the preprocessing of a backbone."""

SIDE = 64


@pytest.fixture(params=BACKBONES)
def name(request):
    return request.param


@pytest.fixture
def config(name):
    return ModelConfig(backbone=name, dense=(8, 4), kinds=("generated", "blended"))


@pytest.fixture
def network(config):
    keras.utils.set_random_seed(3)
    return model.build(config)


@pytest.fixture
def faces():
    return np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)


def test_the_graph_is_flat_and_gives_feature_map_and_logits(network, name):
    assert not any(isinstance(layer, keras.Model) for layer in network.layers)
    features, logits = network.output_shape
    assert features == (None, None, None, BACKBONES[name].stages[-1].channels)
    assert logits == (None, 2)


def test_pictures_are_prepared_as_keras_prepared_those_of_its_weights(name, faces):
    image = keras.Input((None, None, 3))
    prepared = keras.Model(image, BACKBONES[name].prepare(image))
    wanted = APPLICATION[name].preprocess_input(faces.copy())
    np.testing.assert_allclose(np.asarray(prepared(faces)), wanted, atol=1e-4)


def test_every_layer_with_weights_is_in_one_stage_and_stages_are_as_they_say(network, config, name):
    stages = BACKBONES[name].stages
    assert [stage.name for stage in stages] == [f"stage{i}" for i in range(1, len(stages) + 1)]
    for layer in network.layers:
        claims = [stage.name for stage in stages if layer.name.startswith(stage.prefixes)]
        assert len(claims) <= 1, layer.name
        if layer.weights:
            assert model.stage_of(layer.name, config) in (*claims, HEAD), layer.name
    for stage in stages:
        end = network.get_layer(stage.end)
        assert BACKBONES[name].stage_of(stage.end) == stage.name
        _, height, _, channels = keras.Model(network.input, end.output).compute_output_shape((1, 256, 256, 3))
        assert (256 // height, channels) == (stage.stride, stage.channels)


def test_trunk_and_tail_together_are_the_network_wherever_it_is_cut(network, config, name, faces):
    wanted = np.asarray(network(faces)[1])
    names = [*BACKBONES[name].names, HEAD]
    for first in range(1, len(names)):
        trunk, tail = model.split(network, config, tuple(names[first:]))
        np.testing.assert_allclose(np.asarray(tail(trunk(faces))), wanted, rtol=1e-3, atol=1e-4)


def test_a_release_gives_back_the_network(network, config, faces, tmp_path):
    release.save(tmp_path, network, config, {"name": "contract"})
    again = release.load(tmp_path)
    assert again.config["preprocessing"] == BACKBONES[config.backbone].preprocessing
    np.testing.assert_allclose(np.asarray(again.model(faces)[1]), np.asarray(network(faces)[1]), rtol=0.05, atol=0.02)


def test_the_gradient_of_the_logit_is_that_of_differences(network, faces):
    features = np.asarray(network(faces[:1])[0])
    head = keras.Model(network.get_layer(model.FEATURES).output, network.get_layer(LOGIT).output)

    def logit(change):
        return float(model.evidence(np.asarray(head(features + change)))[0])

    gradient = TensorFlowEngine(network).explain(faces[:1].astype(np.uint8))[0].gradient
    positions = features.shape[1] * features.shape[2]
    for channel in np.argsort(-np.abs(gradient))[:3]:
        change = np.zeros_like(features)
        change[..., channel] = 1e-2
        found = (logit(change) - logit(-change)) / 2e-2 / positions
        assert found == pytest.approx(gradient[channel], rel=0.05, abs=1e-5)


def test_stages_of_older_recipes_have_their_new_names():
    assert Phase("deep", ("conv5", "head"), 1, 1).trainable == ("stage5", "head")
