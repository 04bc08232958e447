import keras
import numpy as np
import pytest
import tensorflow as tf

from deepley.network import model
from deepley.network.normalization import FusedBatchNormalization
from deepley.recipes import ModelConfig
from tests.conftest import MICRO

IMAGES = np.random.default_rng(0).normal(3, 2, (6, 5, 7, 4)).astype(np.float32)


def _layer(kind, momentum=0.9):
    layer = kind(momentum=momentum, epsilon=1e-3)
    layer.build(IMAGES.shape)
    for variable, low, high in zip(layer.weights, (0.5, -1, -1, 0.5), (1.5, 1, 1, 2)):
        variable.assign(np.random.default_rng(len(variable.path)).uniform(low, high, 4))
    return layer


def _run(layer, training):
    images = tf.constant(IMAGES)
    with tf.GradientTape() as tape:
        tape.watch(images)
        outputs = layer(images, training=training)
        loss = tf.reduce_sum(outputs**3)
    values = [v.value for v in layer.trainable_variables]
    gradients = tape.gradient(loss, [images, *values])
    return [np.asarray(x) for x in (outputs, *gradients, *layer.weights)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("trainable", [True, False])
def test_the_fused_kernel_does_what_keras_does(training, trainable):
    ours, theirs = _layer(FusedBatchNormalization), _layer(keras.layers.BatchNormalization)
    for mine, original in zip(ours.weights, theirs.weights):
        mine.assign(original)
    ours.trainable = theirs.trainable = trainable
    for mine, original in zip(_run(ours, training), _run(theirs, training), strict=True):
        np.testing.assert_allclose(mine, original, rtol=1e-4, atol=2e-4)


def test_the_moving_variance_is_the_biased_one_that_keras_keeps():
    layer = _layer(FusedBatchNormalization, momentum=0.0)
    layer(tf.constant(IMAGES), training=True)
    np.testing.assert_allclose(np.asarray(layer.moving_variance), IMAGES.var(axis=(0, 1, 2)), rtol=1e-4)


@pytest.mark.parametrize("config", [MICRO, ModelConfig()])
def test_every_batch_norm_of_a_feature_map_is_fused_and_every_one_is_quick_to_follow(config):
    network = model.build(config)
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert all(layer.momentum == model.MOMENTUM for layer in norms)
    slow = {layer.name for layer in norms if not isinstance(layer, FusedBatchNormalization)}
    assert slow == {"head_bn1", "head_bn2"}
