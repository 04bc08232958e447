"""Batch normalisation in one pass over the data, on backends that have a kernel for it."""

from __future__ import annotations

import keras
from keras import layers


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras's BatchNormalization of feature maps, computed by TensorFlow's fused kernel (cuDNN, or oneDNN on a CPU).

    Keras computes it in a dozen passes in float32; on a CPU, a training step of ResNet50 in bfloat16 then spends half
    of its time in them (`benchmarks/normalization.py`). Weights, statistics and results are the same within rounding.
    """

    def call(
        self, inputs: keras.KerasTensor, training: bool | None = None, mask: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        """Normalises a feature map.

        Args:
            inputs: (n, h, w, c).
            training: Whether the statistics of the batch are used, if the layer is trainable.
            mask: Ignored; Keras passes it to layers of this kind.

        Returns:
            (n, h, w, c) of the layer's compute dtype.
        """
        import tensorflow as tf

        learns = bool(training) and self.trainable
        outputs, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=tf.cast(inputs, self.compute_dtype),
            scale=tf.cast(self.gamma, tf.float32),
            offset=tf.cast(self.beta, tf.float32),
            mean=tf.zeros([0]) if learns else tf.cast(self.moving_mean, tf.float32),
            variance=tf.zeros([0]) if learns else tf.cast(self.moving_variance, tf.float32),
            epsilon=self.epsilon,
            is_training=learns,
        )
        if learns:
            # The kernel returns the unbiased variance, Keras keeps the biased one.
            count = tf.cast(tf.size(inputs) // inputs.shape[-1], tf.float32)
            variance = variance * ((count - 1) / count)
            self.moving_mean.assign(self.moving_mean * self.momentum + mean * (1 - self.momentum))
            self.moving_variance.assign(self.moving_variance * self.momentum + variance * (1 - self.momentum))
        return outputs


def fused(model: keras.Model, momentum: float) -> keras.Model:
    """Copies a network, with the given momentum in all BatchNorms, and with those of feature maps fused.

    Args:
        model: A flat functional model.
        momentum: Momentum of the moving statistics.

    Returns:
        A network with the same weights.
    """

    def clone(layer: layers.Layer) -> layers.Layer:
        config = layer.get_config()
        kind = type(layer)
        if isinstance(layer, layers.BatchNormalization):
            config["momentum"] = momentum
            if keras.backend.backend() == "tensorflow" and len(layer.input.shape) == 4:
                kind = FusedBatchNormalization
        return kind.from_config(config)

    copy = keras.models.clone_model(model, clone_function=clone)
    copy.set_weights(model.get_weights())
    return copy
