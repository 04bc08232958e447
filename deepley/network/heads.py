"""Heads: the layers after a backbone, from its last feature map to logits."""

from __future__ import annotations

import keras
from keras import layers, regularizers

from deepley.recipes import ModelConfig

HEAD = "head"
"""Name of the head among the names of stages."""
EMBEDDING = "head_pool"
"""Layer whose output is a face's embedding: (n, channels)."""
LOGIT = "logit"
"""Last layer: (n, kinds) logits."""


def classifier(features: keras.KerasTensor, config: ModelConfig) -> keras.KerasTensor:
    """Adds a classifier: GAP; Dense (ReLU, L2), BatchNorm and Dropout for each hidden layer; then the logits.

    Args:
        features: (n, h, w, c), the last feature map.
        config: Configuration of the network.

    Returns:
        (n, kinds) float32 logits.
    """
    x = layers.GlobalAveragePooling2D(name=EMBEDDING)(features)
    for i, units in enumerate(config.dense, 1):
        x = layers.Dense(
            units, activation="relu", kernel_regularizer=regularizers.L2(config.l2), name=f"head_dense{i}"
        )(x)
        x = layers.BatchNormalization(name=f"head_bn{i}")(x)
        x = layers.Dropout(config.dropout, name=f"head_dropout{i}")(x)
    return layers.Dense(len(config.kinds), dtype="float32", name=LOGIT)(x)
