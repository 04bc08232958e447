"""What training minimises, measures and monitors, on any Keras backend.

An `Objective` is all that the training loop knows of the task. `Classification` is the one of the detector: a network
with one logit per kind of fake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import keras
import numpy as np
from keras import ops
from sklearn.metrics import roc_auc_score

from deepley.network import model as networks


class Objective(Protocol):
    """A task as the training loop sees it.

    Attributes:
        columns: Columns of history.csv that `figures` fills.
    """

    @property
    def columns(self) -> tuple[str, ...]: ...  # noqa: D102

    def loss(self, classes: keras.KerasTensor, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """The loss of each example, as Keras's `compile` takes it."""
        ...

    def metrics(self) -> list[keras.metrics.Metric]:
        """New metrics for `compile`, measured on the training batches."""
        ...

    def figures(self, log: Mapping[str, Sequence[float]], classes: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        """The figures of a round.

        Args:
            log: History of the round that `fit` returned: one value per metric.
            classes: (n,) int, classes of the validation images.
            outputs: Outputs of the network for them.

        Returns:
            A value for each of `columns`.
        """
        ...

    def monitored(self, figures: Mapping[str, float]) -> float:
        """The figure that chooses a round's weights and stops the training; lower is better."""
        ...

    def line(self, figures: Mapping[str, float]) -> str:
        """The figures of a round for the terminal."""
        ...


def against_real(logits: keras.KerasTensor) -> keras.KerasTensor:
    """(n, kinds) logits to (n, 1 + kinds): the logit of a real image comes first and is zero."""
    return ops.pad(logits, [[0, 0], [1, 0]])


def loss(classes: keras.KerasTensor, logits: keras.KerasTensor) -> keras.KerasTensor:
    """The cross-entropy of each image; with one kind of fake it is the binary cross-entropy.

    Args:
        classes: (n, 1) int, 0 = real, 1 + i = a fake of kind i.
        logits: (n, kinds).

    Returns:
        (n,) losses.
    """
    return keras.losses.sparse_categorical_crossentropy(
        ops.squeeze(classes, -1), against_real(logits), from_logits=True
    )


def evidence(logits: keras.KerasTensor) -> keras.KerasTensor:
    """The (n, 1) logit of "any kind of fake" of (n, kinds) logits; see `network.model.evidence`."""
    return ops.logsumexp(logits, axis=-1, keepdims=True)


class Accuracy(keras.metrics.BinaryAccuracy):
    """The share of images called real or fake correctly, over all kinds of fake."""

    def __init__(self, name: str = "accuracy") -> None:
        super().__init__(threshold=0.0, name=name)

    def update_state(  # noqa: D102
        self, classes: keras.KerasTensor, logits: keras.KerasTensor, sample_weight: keras.KerasTensor | None = None
    ) -> None:
        super().update_state(classes > 0, evidence(logits), sample_weight)


class AUC(keras.metrics.AUC):
    """The area under the ROC curve of real against fake, over all kinds of fake."""

    def __init__(self, name: str = "auc") -> None:
        super().__init__(from_logits=True, name=name)

    def update_state(  # noqa: D102
        self, classes: keras.KerasTensor, logits: keras.KerasTensor, sample_weight: keras.KerasTensor | None = None
    ) -> None:
        super().update_state(classes > 0, evidence(logits), sample_weight)


def validation_loss(classes: np.ndarray, logits: np.ndarray) -> float:
    """The mean of `loss`, in float64.

    Args:
        classes: (n,) int.
        logits: (n, kinds).
    """
    padded = np.pad(logits, ((0, 0), (1, 0)))
    return float(np.mean(np.logaddexp.reduce(padded, axis=1) - padded[np.arange(len(classes)), classes]))


@dataclass(frozen=True)
class Classification:
    """Real against kinds of fake.

    Attributes:
        monitor: Figure that chooses weights, "val_loss" or "val_auc"; see `TrainConfig.monitor`.
    """

    monitor: str = "val_loss"
    columns = ("loss", "val_loss", "accuracy", "val_accuracy", "auc", "val_auc")

    def loss(self, classes: keras.KerasTensor, outputs: keras.KerasTensor) -> keras.KerasTensor:
        """The cross-entropy, see the function `loss`."""
        return loss(classes, outputs)

    def metrics(self) -> list[keras.metrics.Metric]:
        """The loss without the L2 term, accuracy and AUC."""
        return [keras.metrics.MeanMetricWrapper(loss, name="bce"), Accuracy(), AUC()]

    def figures(self, log: Mapping[str, Sequence[float]], classes: np.ndarray, outputs: np.ndarray) -> dict[str, float]:
        """Loss, accuracy and AUC of training and validation; see `Objective.figures`."""
        logits, fake = networks.evidence(outputs), classes > 0
        return {
            "loss": log["bce"][0],
            "val_loss": validation_loss(classes, outputs),
            "accuracy": log["accuracy"][0],
            "val_accuracy": float(np.mean((logits > 0) == fake)),
            "auc": log["auc"][0],
            "val_auc": float(roc_auc_score(fake, logits)),
        }

    def monitored(self, figures: Mapping[str, float]) -> float:
        """The validation loss, or the negated validation AUC."""
        return -figures["val_auc"] if self.monitor == "val_auc" else figures["val_loss"]

    def line(self, figures: Mapping[str, float]) -> str:
        """Loss and accuracy of training and validation, and the validation AUC."""
        return (
            f"loss {figures['loss']:.4f}, accuracy {figures['accuracy']:.2%}; validation loss "
            f"{figures['val_loss']:.4f}, accuracy {figures['val_accuracy']:.2%}, AUC {figures['val_auc']:.4f}"
        )
