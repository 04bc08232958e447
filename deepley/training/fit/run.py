"""Training in phases and rounds. The checkpoint after each round lets a killed run end bit for bit as if it had not."""

from __future__ import annotations

import math
import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import keras
import numpy as np
import tqdm

from deepley.network import devices, files
from deepley.network import model as networks
from deepley.network.backbones.registry import backbone
from deepley.recipes import Phase, TrainConfig
from deepley.records import to_json
from deepley.training.data.dataset import Dataset
from deepley.training.data.sources import fingerprint
from deepley.training.fit import begin, checkpoint, feed, steps
from deepley.training.fit.batches import classes_of, order
from deepley.training.fit.begin import TrainingError
from deepley.training.fit.checkpoint import Checkpoint, Identity, Progress, Row, Weights
from deepley.training.fit.feed import Feed, Pictures
from deepley.training.fit.objectives import Classification, Objective
from deepley.training.fit.steps import Watch
from deepley.training.views import views
from deepley.training.views.views import Views

CHECKPOINT = "checkpoint.safetensors"
_PLATEAU_PATIENCE = 2
_PLATEAU_FACTOR = 0.5


def train(
    dataset: Dataset,
    config: TrainConfig,
    out: Path,
    base: Path | None = None,
    resume: bool = False,
    start: Path | None = None,
    watch: Watch = lambda images, total: None,
) -> tuple[keras.Model, list[Row]]:
    """Trains a network and keeps a checkpoint and `history.csv` in `out`.

    Args:
        dataset: Training and validation images.
        config: Recipe.
        out: Folder for checkpoint, history and feature cache; made if missing.
        base: An npz of base weights; None downloads Keras's ImageNet weights.
        resume: Whether to go on from the checkpoint in `out` if there is one.
        start: Release to start from instead of base weights.
        watch: See `Watch`.

    Returns:
        The network and the history, one row per round. The network has the best weights of the last phase, averaged
        with those of `start` if the recipe keeps a share of them.

    Raises:
        TrainingError: If `out` already holds a run and `resume` is off, if a phase does not fit the network, or if the
            recipe keeps a share of a release and `start` is None.
        CheckpointError: If the checkpoint is damaged or belongs to another config or other data.
        WeightsError: If the base weights or the release do not fit.
    """
    path = out / CHECKPOINT
    if path.exists() and not resume:
        raise TrainingError(f"{out} already holds a run: continue it with --resume, or choose another folder.")
    out.mkdir(parents=True, exist_ok=True)
    with devices.dtype_policy(devices.policy(config.mixed_precision)), devices.parallel():
        return _Run(dataset, config, out, base, start, watch).go(resume)


class _Run:
    """One training run: the network, its data, and how far it is."""

    best: Weights | None = None  # of the current phase
    resumed: Checkpoint | None = None  # until the optimizer is restored
    bar: tqdm.tqdm[NoReturn]
    views: Views

    def __init__(
        self, dataset: Dataset, config: TrainConfig, out: Path, base: Path | None, start: Path | None, watch: Watch
    ) -> None:
        keras.utils.set_random_seed(config.seed)
        self.out, self.path, self.watch = out, out / CHECKPOINT, watch
        train, valid = dataset.take("train", config.train_limit), dataset.take("valid", config.valid_limit)
        chosen = backbone(config.model.backbone)
        fetched = base is None and start is None and chosen.pretrained
        self.model = networks.build(config.model, weights="imagenet" if fetched else None)
        given = chosen.names if fetched or start is not None else ()
        self.averaged_with = None
        if start is not None:
            loaded = begin.from_release(self.model, start, config)
            self.averaged_with = loaded if config.kept else None
        else:
            begin.check_without_start(config)
            if base is not None:
                given = networks.load_base(self.model, config.model, base)
        self.config = replace(config, phases=tuple(begin.resolve(phase, config, given) for phase in config.phases))
        self.objective: Objective = Classification(config.monitor)
        self.identity: Identity = {"config": to_json(self.config), "data": fingerprint(train + valid)}
        if self.averaged_with:
            self.identity["start"] = self.averaged_with.sha256
        self.pictures = Pictures(train, valid, out, self.identity)
        self.progress = Progress()

    def go(self, resume: bool) -> tuple[keras.Model, list[Row]]:
        """Runs the phases that are not done yet; see `train`."""
        if resume and self.path.exists():
            self.resumed = checkpoint.load(self.path, self.identity)
            self.progress = self.resumed.progress
            self.resumed.restore(self.model)
            # The run may have been killed between writing the checkpoint and the history.
            files.write_history(self.out / files.HISTORY, self.progress.history)
        total = sum(phase.rounds * self.round_length(phase) for phase in self.config.phases)
        quiet = 1 if os.isatty(2) else 30
        bar = tqdm.tqdm(total=total, initial=self.progress.images, unit=" images", smoothing=0.02, mininterval=quiet)
        with (
            views.drawers(self.pictures.train, views.processes() if devices.gpus() else 0) as self.views,
            bar as self.bar,
        ):
            while self.progress.phase < len(self.config.phases):
                self.run_phase(self.config.phases[self.progress.phase])
        if self.averaged_with:  # the checkpoint keeps the weights before averaging
            begin.average(self.model, self.averaged_with, self.config)
        return self.model, self.progress.history

    def round_length(self, phase: Phase) -> int:
        """Number of images in a round: whole batches, at most one pass over the data."""
        count = min(phase.images_per_round, len(self.pictures.train))
        return max(count // self.config.batch_size * self.config.batch_size, min(count, self.config.batch_size))

    def run_phase(self, phase: Phase) -> None:
        """Runs the rounds of a phase and puts its best weights back."""
        networks.set_trainable(self.model, self.config.model, phase.trainable)
        fed = self.feed(phase)
        trainer = fed.trainer
        optimizer = steps.optimizer(self.config, phase, math.ceil(self.round_length(phase) / self.config.batch_size))
        trainer.compile(
            optimizer,
            loss=self.objective.loss,
            metrics=self.objective.metrics(),
            jit_compile=devices.jit_compile(),
        )
        optimizer.build(trainer.trainable_variables)
        if self.resumed is not None and self.progress.phase_round:
            self.resumed.restore_optimizer(optimizer)
            self.best = self.resumed.group("best")
        self.resumed = None

        while self.progress.phase_round < phase.rounds and self.progress.wait < self.config.patience:
            self.run_round(phase, fed)
            checkpoint.save(self.path, self.identity, self.progress, self.model, optimizer, self.best)
            files.write_history(self.out / files.HISTORY, self.progress.history)
        assert self.best is not None  # a phase has at least one round
        checkpoint.assign(self.model, self.best)
        self.progress = replace(
            self.progress, phase=self.progress.phase + 1, phase_round=0, best=None, wait=0, rate=None
        )
        self.best = None
        checkpoint.save(self.path, self.identity, self.progress, self.model, None, None)
        shutil.rmtree(self.out / "cache", ignore_errors=True)

    def feed(self, phase: Phase) -> Feed:
        """The network and batches of a phase: on stored features if it asks for them and they fit on the disk."""
        number = self.progress.phase
        if phase.cache:
            fed = feed.features(self.model, self.config, number, self.pictures, self.views)
            if isinstance(fed, Feed):
                return fed
            self.bar.write(f"Phase {phase.name!r} trains without a feature cache: {fed}.")
        return feed.images(self.model, self.config, number, self.pictures, self.views)

    def run_round(self, phase: Phase, fed: Feed) -> None:
        """Trains one round, validates, and updates `progress` and `best`."""
        progress, started, trainer = self.progress, time.monotonic(), fed.trainer
        self.bar.set_description(f"Phase {phase.name!r}, round {progress.phase_round + 1} of {phase.rounds}")
        if phase.schedule == "plateau" and progress.rate is not None:
            trainer.optimizer.learning_rate = progress.rate
        length = self.round_length(phase)
        seed, shown = (self.config.seed, progress.phase), progress.phase_round * length
        indices = order(self.pictures.train, seed, shown, length, self.config.balance)
        # Keras shuffles the batches of a PyDataset with a generator that cannot be saved, so `order` shuffles instead.
        log = trainer.fit(
            fed.train(indices, progress.phase_round),
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=[steps.Bar(self.bar, length, self.watch)],
        ).history
        classes = classes_of(self.pictures.valid, self.config.model.kinds)
        outputs = steps.predict(trainer, fed.valid)
        if not np.isfinite(outputs).all():
            raise TrainingError(f"The loss became infinite in phase {phase.name!r}: start anew with a lower rate.")
        figures = self.objective.figures(log, classes, outputs)
        rate = float(keras.ops.convert_to_numpy(trainer.optimizer.learning_rate))
        progress.images += length
        progress.phase_round += 1
        self.keep_best(phase, self.objective.monitored(figures), rate)
        row: Row = {
            "round": len(progress.history) + 1,
            "epoch": round(progress.images / len(self.pictures.train), 4),
            "phase": phase.name,
            **figures,
            "learning_rate": rate,
            "seconds": round(time.monotonic() - started, 1),
        }
        progress.history.append(row)
        self.bar.write(f"round {row['round']} ({phase.name}): {self.objective.line(figures)}; {row['seconds']:.0f} s")

    def keep_best(self, phase: Phase, monitored: float, rate: float) -> None:
        """Keeps the weights if they are the best of the phase; else counts the round and lowers a plateau's rate."""
        progress = self.progress
        if progress.best is None or monitored < progress.best:
            progress.best, progress.wait, self.best = monitored, 0, checkpoint.weights_of(self.model)
        else:
            progress.wait += 1
            if phase.schedule == "plateau" and progress.wait % _PLATEAU_PATIENCE == 0:
                progress.rate = rate * _PLATEAU_FACTOR
