"""An estimate of how long a training takes on this machine: a few real steps of every phase are timed."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from deepley.config import FACE_SIZE
from deepley.network import devices
from deepley.network import model as networks
from deepley.network.backbones.registry import backbone
from deepley.network.heads import LOGIT
from deepley.recipes import Phase, TrainConfig
from deepley.training.fit import begin
from deepley.training.fit.objectives import Classification

_STEPS = 3
"""Number of timed steps, after a first one that compiles."""


def seconds(config: TrainConfig, train: int, valid: int, base: Path | None = None) -> float:
    """Estimates the duration of a training, without reading the pictures and measuring the release.

    A training step and a validation batch of each phase are run on blank images. Compiling is counted as it was timed.

    Args:
        config: Recipe.
        train: Number of training images.
        valid: Number of validation images.
        base: An npz of base weights if training starts from one; it determines which stages are new.

    Returns:
        Seconds.

    Raises:
        TrainingError: If a phase does not fit the network.
        WeightsError: If the base weights do not fit.
    """
    with devices.dtype_policy(devices.policy(config.mixed_precision)):
        model = networks.build(config.model)
        given = networks.load_base(model, config.model, base) if base else backbone(config.model.backbone).names
        train = min(train, config.train_limit) if config.train_limit else train
        valid = min(valid, config.valid_limit) if config.valid_limit else valid
        return sum(_phase(model, config, begin.resolve(phase, config, given), train, valid) for phase in config.phases)


def _phase(model: keras.Model, config: TrainConfig, phase: Phase, train: int, valid: int) -> float:
    """Seconds that a phase takes."""
    networks.set_trainable(model, config.model, phase.trainable)
    size = config.batch_size
    faces = [np.zeros((size, side, side, 3), np.uint8) for side in (phase.crop, FACE_SIZE)]
    once = 0.0
    if phase.cache:
        trunk, trainer = networks.split(model, config.model, phase.trainable)
        trunk.compile(jit_compile=devices.jit_compile())
        timed = [_timed(functools.partial(trunk.predict_on_batch, batch)) for batch in faces]
        once = sum(first for first, _ in timed)
        once += timed[0][1] * math.ceil(train / size) * config.views + timed[1][1] * math.ceil(valid / size)
        faces = [np.asarray(trunk.predict_on_batch(batch), np.float32) for batch in faces]
    else:
        trainer = keras.Model(model.input, model.get_layer(LOGIT).output)
    objective = Classification(config.monitor)
    trainer.compile("adamw", loss=objective.loss, metrics=objective.metrics(), jit_compile=devices.jit_compile())
    classes = np.zeros((size, 1), np.int32)
    first, step = _timed(lambda: trainer.train_on_batch(faces[0], classes))
    first_whole, whole = _timed(lambda: trainer.predict_on_batch(faces[1]))
    steps = math.ceil(min(phase.images_per_round, train) / size)
    return once + first + first_whole + phase.rounds * (steps * step + math.ceil(valid / size) * whole)


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds of the first call, and the mean of those of `_STEPS` further calls."""
    begun = time.perf_counter()
    call()
    first = time.perf_counter() - begun
    begun = time.perf_counter()
    for _ in range(_STEPS):
        call()
    return first, (time.perf_counter() - begun) / _STEPS
