"""The engine that runs a release in TensorFlow, in float32. It is always there: training needs TensorFlow too."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from deepley.config import MICRO_BATCH
from deepley.engine.base import Activation
from deepley.network.heads import LOGIT
from deepley.network.model import FEATURES
from deepley.network.release import Release


class TensorFlowEngine:
    """A network compiled for inference in float32; see `engine.base.Engine`.

    Args:
        model: Network as `network.model.build` returns it.
    """

    def __init__(self, model: keras.Model) -> None:
        backbone = keras.Model(model.input, model.get_layer(FEATURES).output)
        head = keras.Model(model.get_layer(FEATURES).output, model.get_layer(LOGIT).output)
        signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]

        def explain(faces: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
            features = backbone(tf.cast(faces, tf.float32), training=False)
            with tf.GradientTape() as tape:  # the head alone: the backbone is not passed a second time
                tape.watch(features)
                kinds = head(features, training=False)
                logit = tf.reduce_logsumexp(kinds, axis=1)  # as network.model.evidence
            gradient = tf.reduce_mean(tape.gradient(logit, features), axis=(1, 2))
            return logit, tf.nn.softmax(kinds), features, gradient

        def look(faces: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            features = backbone(tf.cast(faces, tf.float32), training=False)
            return tf.reduce_logsumexp(head(features, training=False), 1), tf.reduce_mean(features, axis=(1, 2))

        self._explain = tf.function(explain, input_signature=signature, jit_compile=False)
        self._look = tf.function(look, input_signature=signature, jit_compile=False)

    def explain(self, faces: np.ndarray) -> list[Activation]:
        """See `engine.base.Engine.explain`."""
        activations = []
        for start in range(0, len(faces), MICRO_BATCH):
            each = zip(*(t.numpy() for t in self._explain(faces[start : start + MICRO_BATCH])))
            activations += [Activation(float(logit), *rest) for logit, *rest in each]
        return activations

    def look(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `engine.base.Engine.look`."""
        logits, embeddings = zip(*(self._look(faces[i : i + MICRO_BATCH]) for i in range(0, len(faces), MICRO_BATCH)))
        return np.concatenate(logits), np.concatenate(embeddings)

    def score(self, faces: np.ndarray) -> np.ndarray:
        """See `engine.base.Engine.score`."""
        return self.look(faces)[0] if len(faces) else np.zeros(0, np.float32)

    def close(self) -> None:
        """See `engine.base.Engine.close`."""
        del self._explain, self._look


def engine(loaded: Release) -> TensorFlowEngine:
    """The engine of a loaded release."""
    return TensorFlowEngine(loaded.model)
