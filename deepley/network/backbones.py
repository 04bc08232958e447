"""One small entry per backbone: how to build it and what its stages are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
from keras import layers

from deepley.errors import Refusal


@dataclass(frozen=True)
class Backbone:
    """A convolutional network without its classifier.

    Attributes:
        build: Maps a Keras tensor (n, h, w, 3), RGB in 0..255, to the last feature map, and takes `weights`:
            None or "imagenet".
        stages: Stage names, shallow to deep; a layer belongs to the stage its name starts with.
        ends: The last layer of each stage.
        pretrained: Whether Keras has ImageNet weights for it.
    """

    build: Callable
    stages: tuple[str, ...]
    ends: dict[str, str]
    pretrained: bool


def _resnet50(image: object, weights: str | None) -> object:
    x = _caffe(image)
    return keras.applications.ResNet50(include_top=False, weights=weights, input_tensor=x).output


def _caffe(image: object) -> object:
    """`keras.applications.resnet.preprocess_input`: RGB to BGR, ImageNet's mean subtracted, no scaling."""
    return keras.applications.resnet.preprocess_input(image)


def _micro(image: object, weights: str | None) -> object:
    """Three strided convolutions, 6 thousand weights: trains in seconds, to try the pipeline, not to judge photos."""
    if weights is not None:
        raise Refusal("The backbone 'micro' has no ImageNet weights.")
    x = _caffe(image)
    for stage, filters in (("conv1", 8), ("conv2", 16), ("conv3", 32)):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"{stage}_conv")(x)
        x = layers.BatchNormalization(name=f"{stage}_bn")(x)
        x = layers.ReLU(name=f"{stage}_out")(x)
    return x


BACKBONES: dict[str, Backbone] = {
    "resnet50": Backbone(
        _resnet50,
        ("conv1", "conv2", "conv3", "conv4", "conv5"),
        {
            "conv1": "pool1_pool",
            "conv2": "conv2_block3_out",
            "conv3": "conv3_block4_out",
            "conv4": "conv4_block6_out",
            "conv5": "conv5_block3_out",
        },
        pretrained=True,
    ),
    "micro": Backbone(
        _micro,
        ("conv1", "conv2", "conv3"),
        {"conv1": "conv1_out", "conv2": "conv2_out", "conv3": "conv3_out"},
        pretrained=False,
    ),
}
