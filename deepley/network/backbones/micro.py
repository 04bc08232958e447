"""Three strided convolutions with 6,000 weights: it trains in seconds, to try the pipeline, not to judge photos."""

from __future__ import annotations

import keras
from keras import layers

from deepley.errors import Refusal
from deepley.network.backbones.base import Backbone, Stage
from deepley.network.backbones.preparing import CAFFE, caffe

_FILTERS = (8, 16, 32)


def _build(image: keras.KerasTensor, weights: str | None) -> keras.KerasTensor:
    if weights is not None:
        raise Refusal("The backbone 'micro' has no ImageNet weights.")
    x = image
    for number, filters in enumerate(_FILTERS, 1):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name=f"conv{number}_conv")(x)
        x = layers.BatchNormalization(name=f"conv{number}_bn")(x)
        x = layers.ReLU(name=f"conv{number}_out")(x)
    return x


MICRO = Backbone(
    build=_build,
    prepare=caffe,
    preprocessing=CAFFE,
    stages=tuple(
        Stage(f"stage{number}", (f"conv{number}_",), f"conv{number}_out", channels=filters, stride=2**number)
        for number, filters in enumerate(_FILTERS, 1)
    ),
    pretrained=False,
)
