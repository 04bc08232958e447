"""How pictures are prepared for backbones, as `keras.applications` prepared those their weights come from."""

from __future__ import annotations

import keras

CAFFE = "rgb-0-255-caffe-1"
"""Name of `caffe`."""


def caffe(image: keras.KerasTensor) -> keras.KerasTensor:
    """`keras.applications.resnet.preprocess_input`: RGB to BGR, ImageNet's mean subtracted, no scaling."""
    return keras.applications.resnet.preprocess_input(image)
