"""Training in phases and rounds, with a checkpoint after each round that makes a killed run end bit for bit alike."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import tqdm
from sklearn.metrics import roc_auc_score

from deepley.network import devices, files
from deepley.network import model as networks
from deepley.network.backbones.registry import backbone
from deepley.recipes import Phase, TrainConfig
from deepley.records import to_json
from deepley.training.data.dataset import Dataset
from deepley.training.data.sources import fingerprint
from deepley.training.fit import begin, checkpoint, feed, objectives
from deepley.training.fit.batches import classes_of, labels_of, order
from deepley.training.fit.begin import TrainingError
from deepley.training.fit.checkpoint import Progress
from deepley.training.fit.feed import Feed, Pictures
from deepley.training.views import views

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
    watch: Callable[[int, int], None] = lambda images, total: None,
) -> tuple[keras.Model, list[dict]]:
    """Trains a network and keeps a checkpoint and `history.csv` in `out`.

    Args:
        dataset: Training and validation images.
        config: The recipe.
        out: Folder for checkpoint, history and feature cache; made if missing.
        base: An npz of base weights; None takes Keras's ImageNet weights, which need the network.
        resume: Go on from the checkpoint in `out` if there is one.
        start: A release to start from instead of base weights.
        watch: Called after each step with the training images shown so far and those of the whole recipe.

    Returns:
        The network with the best weights of the last phase, averaged with those of `start` where the recipe keeps a
        share of them, and the history: one dict a round.

    Raises:
        TrainingError: If `out` already holds a run and `resume` is off, a phase does not fit the network, or the
            recipe keeps a share of a release and there is none.
        CheckpointError: If the checkpoint is damaged or of another config or data.
        WeightsError: If the base weights or the release do not fit.
    """
    path = out / CHECKPOINT
    if path.exists() and not resume:
        raise TrainingError(f"{out} already holds a run: continue it with --resume, or choose another folder.")
    out.mkdir(parents=True, exist_ok=True)
    with devices.dtype_policy(devices.policy(config.mixed_precision)), devices.parallel():
        return _Run(dataset, config, out, base, start, path).go(resume, watch)


class _Run:
    """One training run: the network, its data, and how far it is."""

    def __init__(
        self, dataset: Dataset, config: TrainConfig, out: Path, base: Path | None, start: Path | None, path: Path
    ) -> None:
        keras.utils.set_random_seed(config.seed)
        self.out, self.path = out, path
        train, valid = dataset.take("train", config.train_limit), dataset.take("valid", config.valid_limit)
        chosen = backbone(config.model.backbone)
        fetched = base is None and start is None and chosen.pretrained
        self.model = networks.build(config.model, weights="imagenet" if fetched else None)
        given = chosen.names if fetched or start is not None else ()
        if start is not None:
            loaded = begin.from_release(self.model, start, config)
        else:
            begin.check_without_start(config)
            if base is not None:
                given = networks.load_base(self.model, config.model, base)
        self.averaged_with = loaded if config.kept else None
        self.config = replace(config, phases=tuple(begin.resolve(phase, config, given) for phase in config.phases))
        self.identity = {"config": to_json(self.config), "data": fingerprint(train + valid)}
        if self.averaged_with:
            self.identity["start"] = self.averaged_with.sha256
        self.pictures = Pictures(train, valid, out, self.identity)
        self.progress, self.best, self.resumed = Progress(), None, None
        self.bar, self.views = None, None

    def go(self, resume: bool, watch: Callable[[int, int], None]) -> tuple[keras.Model, list[dict]]:
        self.watch = watch
        if resume and self.path.exists():
            self.resumed = checkpoint.load(self.path, self.identity)
            self.progress = self.resumed.progress
            self.resumed.restore(self.model)
            files.write_history(
                self.out / files.HISTORY, self.progress.history
            )  # a kill may have come between the two files
        total = sum(phase.rounds * self.round_length(phase) for phase in self.config.phases)
        quiet = 1 if os.isatty(2) else 30
        bar = tqdm.tqdm(total=total, initial=self.progress.images, unit=" images", smoothing=0.02, mininterval=quiet)
        with (
            views.drawers(self.pictures.train, views.processes() if devices.gpus() else 0) as self.views,
            bar as self.bar,
        ):
            while self.progress.phase < len(self.config.phases):
                self.run_phase(self.config.phases[self.progress.phase])
        if self.averaged_with:  # the checkpoint stays as training left it
            begin.average(self.model, self.averaged_with, self.config)
        return self.model, self.progress.history

    def round_length(self, phase: Phase) -> int:
        """Images in a round: whole batches, at most one pass over the data."""
        count = min(phase.images_per_round, len(self.pictures.train))
        return max(count // self.config.batch_size * self.config.batch_size, min(count, self.config.batch_size))

    def run_phase(self, phase: Phase) -> None:
        networks.set_trainable(self.model, self.config.model, phase.trainable)
        fed = self.feed(phase)
        trainer = fed.trainer
        steps = math.ceil(self.round_length(phase) / self.config.batch_size)
        optimizer = self.optimizer(phase, steps)
        trainer.compile(
            optimizer,
            loss=objectives.loss,
            metrics=objectives.metrics(),
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
        checkpoint.assign(self.model, self.best)
        self.progress = replace(
            self.progress, phase=self.progress.phase + 1, phase_round=0, best=None, wait=0, rate=None
        )
        self.best = None
        checkpoint.save(self.path, self.identity, self.progress, self.model, None, None)
        shutil.rmtree(self.out / "cache", ignore_errors=True)

    def feed(self, phase: Phase) -> Feed:
        """The phase's network and batches, from stored features where it asks for them and they fit on the disk."""
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
        # Keras shuffles a PyDataset's batches from a generator that cannot be saved: the order above is ours.
        log = trainer.fit(
            fed.train(indices, progress.phase_round),
            epochs=1,
            shuffle=False,
            verbose=0,
            callbacks=[_Bar(self.bar, length, self.watch)],
        ).history
        kinds = predict(trainer, fed.valid)
        logits, labels = networks.evidence(kinds), labels_of(self.pictures.valid)
        val_loss = objectives.validation_loss(classes_of(self.pictures.valid, self.config.model.kinds), kinds)
        val_auc = float(roc_auc_score(labels, logits))
        rate = float(keras.ops.convert_to_numpy(trainer.optimizer.learning_rate))

        if not np.isfinite(val_loss):
            raise TrainingError(f"The loss became infinite in phase {phase.name!r}: start anew with a lower rate.")
        progress.images += length
        progress.phase_round += 1
        monitored = -val_auc if self.config.monitor == "val_auc" else val_loss
        if progress.best is None or monitored < progress.best:
            progress.best, progress.wait, self.best = monitored, 0, checkpoint.weights_of(self.model)
        else:
            progress.wait += 1
            if phase.schedule == "plateau" and progress.wait % _PLATEAU_PATIENCE == 0:
                progress.rate = rate * _PLATEAU_FACTOR
        values = (
            len(progress.history) + 1,
            round(progress.images / len(self.pictures.train), 4),
            phase.name,
            log["bce"][0],
            val_loss,
            log["accuracy"][0],
            float(np.mean((logits > 0) == labels)),
            log["auc"][0],
            val_auc,
            rate,
            round(time.monotonic() - started, 1),
        )
        progress.history.append(dict(zip(files.COLUMNS, values)))
        self.bar.write(
            f"round {values[0]} ({phase.name}): loss {values[3]:.4f}, accuracy {values[5]:.2%}; validation loss "
            f"{values[4]:.4f}, accuracy {values[6]:.2%}, AUC {values[8]:.4f}; {values[10]:.0f} s"
        )

    def optimizer(self, phase: Phase, steps: int) -> keras.Optimizer:
        rate = phase.learning_rate
        if phase.schedule == "cosine":
            warmup = round(self.config.warmup * phase.rounds * steps)
            rate = keras.optimizers.schedules.CosineDecay(
                rate / 100, phase.rounds * steps - warmup, alpha=0.0, warmup_target=rate, warmup_steps=max(warmup, 1)
            )
        if self.config.optimizer == "adam":
            return keras.optimizers.Adam(rate)
        return keras.optimizers.AdamW(rate, weight_decay=self.config.weight_decay)


class _Bar(keras.callbacks.Callback):
    """Moves the run's progress bar by what each step trained, and tells who watches."""

    def __init__(self, bar: tqdm.tqdm, images: int, watch: Callable[[int, int], None]) -> None:
        super().__init__()
        self._bar, self._images, self._watch = bar, images, watch

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        self._bar.update(self._images / self.params["steps"])
        self._watch(round(self._bar.n), self._bar.total)


def predict(trainer: keras.Model, batches: keras.utils.PyDataset) -> np.ndarray:
    """(n, kinds) float64 logits of every image of `batches`."""
    return np.concatenate(
        [np.asarray(trainer.predict_on_batch(batches[i][0]), np.float64) for i in range(len(batches))]
    )
