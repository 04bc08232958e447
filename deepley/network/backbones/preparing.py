"""Preprocessing of pictures for backbones, equal to that of `keras.applications`, where their weights come from."""

from __future__ import annotations

import keras

CAFFE = "rgb-0-255-caffe-1"
"""Name of `caffe`."""


def caffe(image: keras.KerasTensor) -> keras.KerasTensor:
    """Turns RGB in 0..255 to BGR and subtracts ImageNet's mean, without scaling."""
    return keras.applications.resnet.preprocess_input(image)
