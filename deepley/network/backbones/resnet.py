"""ResNet-50 (He et al. 2015, "Deep Residual Learning for Image Recognition")."""

from __future__ import annotations

import keras

from deepley.network.backbones.base import Backbone, Stage
from deepley.network.backbones.preparing import CAFFE, caffe


def _build(image: keras.KerasTensor, weights: str | None) -> keras.KerasTensor:
    return keras.applications.ResNet50(include_top=False, weights=weights, input_tensor=image).output


RESNET50 = Backbone(
    build=_build,
    prepare=caffe,
    preprocessing=CAFFE,
    stages=(
        Stage("stage1", ("conv1_", "pool1_"), "pool1_pool", channels=64, stride=4),
        Stage("stage2", ("conv2_",), "conv2_block3_out", channels=256, stride=4),
        Stage("stage3", ("conv3_",), "conv3_block4_out", channels=512, stride=8),
        Stage("stage4", ("conv4_",), "conv4_block6_out", channels=1024, stride=16),
        Stage("stage5", ("conv5_",), "conv5_block3_out", channels=2048, stride=32),
    ),
    pretrained=True,
)
