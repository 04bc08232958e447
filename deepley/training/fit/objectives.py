"""What training minimises and watches, for a network with one logit a kind of fake; works on any Keras backend."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


def against_real(logits: object) -> object:
    """(n, kinds) logits to (n, 1 + kinds): real, whose logit is zero, comes first."""
    return ops.pad(logits, [[0, 0], [1, 0]])


def loss(classes: object, logits: object) -> object:
    """Cross-entropy of (n, 1) classes, 0 = real; with one kind this is the binary cross-entropy."""
    return keras.losses.sparse_categorical_crossentropy(
        ops.squeeze(classes, -1), against_real(logits), from_logits=True
    )


def evidence(logits: object) -> object:
    """The logit of "of any kind", (n, 1); see `network.model.evidence`."""
    return ops.logsumexp(logits, axis=-1, keepdims=True)


class Accuracy(keras.metrics.BinaryAccuracy):
    """Share of pictures on the right side of real or fake, of whichever kind."""

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(threshold=0.0, name=name)

    def update_state(self, classes: object, logits: object, sample_weight: object = None) -> None:  # noqa: D102
        super().update_state(classes > 0, evidence(logits), sample_weight)


class AUC(keras.metrics.AUC):
    """Area under the ROC curve of real against fake, of whichever kind."""

    def __init__(self, name: str = "auc") -> None:
        super().__init__(from_logits=True, name=name)

    def update_state(self, classes: object, logits: object, sample_weight: object = None) -> None:  # noqa: D102
        super().update_state(classes > 0, evidence(logits), sample_weight)


def metrics() -> list[keras.metrics.Metric]:
    """The loss without the L2 term, accuracy and AUC."""
    return [keras.metrics.MeanMetricWrapper(loss, name="bce"), Accuracy(), AUC()]


def validation_loss(classes: np.ndarray, logits: np.ndarray) -> float:
    """`loss`, averaged, in float64: (n,) classes and (n, kinds) logits."""
    padded = np.pad(logits, ((0, 0), (1, 0)))
    return float(np.mean(np.logaddexp.reduce(padded, axis=1) - padded[np.arange(len(classes)), classes]))
