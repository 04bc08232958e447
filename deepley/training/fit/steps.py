"""The parts of a round: the optimizer of its steps, the progress bar they move, and predictions for validation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn, TypeAlias

import keras
import numpy as np
import tqdm

from deepley.recipes import Phase, TrainConfig

Watch: TypeAlias = Callable[[int, int], None]
"""Called after each step with the training images shown so far and those of the whole recipe."""


def optimizer(config: TrainConfig, phase: Phase, steps: int) -> keras.Optimizer:
    """A new optimizer for a phase.

    Args:
        config: Recipe.
        phase: Phase of the recipe.
        steps: Training steps in a round.
    """
    rate = phase.learning_rate
    if phase.schedule == "cosine":
        warmup = round(config.warmup * phase.rounds * steps)
        rate = keras.optimizers.schedules.CosineDecay(
            rate / 100, phase.rounds * steps - warmup, alpha=0.0, warmup_target=rate, warmup_steps=max(warmup, 1)
        )
    if config.optimizer == "adam":
        return keras.optimizers.Adam(rate)
    return keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)


class Bar(keras.callbacks.Callback):
    """Moves the run's progress bar after each step and calls the watcher.

    Args:
        bar: Progress bar of the run, in images.
        images: Images of the round.
        watch: See `Watch`.
    """

    def __init__(self, bar: tqdm.tqdm[NoReturn], images: int, watch: Watch) -> None:
        super().__init__()
        self._bar, self._images, self._watch = bar, images, watch

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: D102
        self._bar.update(self._images / self.params["steps"])
        self._watch(round(self._bar.n), round(self._bar.total or 0))


def predict(trainer: keras.Model, batches: keras.utils.PyDataset) -> np.ndarray:
    """The outputs of a network for validation batches.

    Args:
        trainer: Network with logits as its only output.
        batches: Batches whose first item is the input.

    Returns:
        (n, kinds) float64 logits.
    """
    return np.concatenate(
        [np.asarray(trainer.predict_on_batch(batches[i][0]), np.float64) for i in range(len(batches))]
    )
