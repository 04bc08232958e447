"""What comes after a backbone: from its last feature map to an answer."""

from __future__ import annotations

import keras
from keras import layers, regularizers

from deepley.recipes import ModelConfig

HEAD = "head"
"""Name of the head where stages are named."""
EMBEDDING = "head_pool"
"""Layer whose output is a face's embedding: (n, channels)."""
LOGIT = "logit"
"""Last layer: (n, kinds) logits."""


def classifier(features: keras.KerasTensor, config: ModelConfig) -> keras.KerasTensor:
    """GAP, then Dense (ReLU, L2), BatchNorm and Dropout for each hidden layer, then the logits in float32."""
    x = layers.GlobalAveragePooling2D(name=EMBEDDING)(features)
    for i, units in enumerate(config.dense, 1):
        x = layers.Dense(
            units, activation="relu", kernel_regularizer=regularizers.L2(config.l2), name=f"head_dense{i}"
        )(x)
        x = layers.BatchNormalization(name=f"head_bn{i}")(x)
        x = layers.Dropout(config.dropout, name=f"head_dropout{i}")(x)
    return layers.Dense(len(config.kinds), dtype="float32", name=LOGIT)(x)
