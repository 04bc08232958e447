"""What a run starts from: base weights or a release, and its phases as they then are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from deepley.config import FACE_SIZE
from deepley.errors import Refusal
from deepley.network import model as networks
from deepley.network import release
from deepley.network.backbones.registry import backbone
from deepley.network.release import Release
from deepley.recipes import ModelConfig, Phase, TrainConfig
from deepley.records import from_json
from deepley.training.fit import checkpoint

_KERNEL, _BIAS = f"{networks.LOGIT}/kernel", f"{networks.LOGIT}/bias"
_UNKNOWN = -4.0
"""Bias of a kind that the release started from does not know: at first it hardly adds to the evidence."""


class TrainingError(Refusal):
    """A run that cannot start; the message is one sentence for a person."""


def for_start(config: TrainConfig, start: Path | None) -> TrainConfig:
    """The recipe as it is for a release to start from: the network keeps the kinds of fake that the release knows.

    Raises:
        TrainingError: If the recipe is for a release to start from and there is none.
        WeightsError: If the release cannot be found.
    """
    if start is None:
        check_without_start(config)
        return config
    theirs = release.read_model_config(start).kinds
    kinds = (*theirs, *(kind for kind in config.model.kinds if kind not in theirs))
    return replace(config, model=replace(config.model, kinds=kinds))


def check_without_start(config: TrainConfig) -> None:
    """Raises TrainingError if a recipe is for a release to start from."""
    if config.kept:
        raise TrainingError(f"The recipe {config.preset!r} teaches a release more: choose one to start from.")


def from_release(model: keras.Model, folder: Path, config: TrainConfig) -> Release:
    """Gives a network the weights of a release, and returns that; a kind that it does not know starts as unlikely.

    Raises:
        TrainingError: If the release is another network.
        WeightsError: If it cannot be read.
    """
    loaded = release.load(folder)
    theirs = from_json(ModelConfig, loaded.config["model"])
    kinds = config.model.kinds
    if replace(theirs, kinds=kinds) != config.model or not set(theirs.kinds) <= set(kinds):
        raise TrainingError(f"{loaded.name} is another network than this recipe trains: start from one like it.")
    own = checkpoint.weights_of(model)
    own[_KERNEL] = own[_KERNEL] * 0.1
    own[_BIAS] = np.full_like(own[_BIAS], _UNKNOWN)
    checkpoint.assign(model, _widened(loaded, own, kinds))
    return loaded


def average(model: keras.Model, loaded: Release, config: TrainConfig) -> None:
    """Gives the release started from its share in the trained weights; a kind that it does not know stays as trained.

    Args:
        model: The trained network.
        loaded: The release.
        config: The recipe; see `TrainConfig.kept`.
    """
    own = checkpoint.weights_of(model)
    before = _widened(loaded, own, config.model.kinds)
    # In this form, what was not trained stays as it was to the last bit.
    checkpoint.assign(model, {name: own[name] + config.kept * (before[name] - own[name]) for name in own})


def _widened(loaded: Release, own: dict[str, np.ndarray], kinds: tuple[str, ...]) -> dict[str, np.ndarray]:
    """A release's weights in a network of `kinds`; `own` has those of the kinds that it does not know."""
    weights, theirs = checkpoint.weights_of(loaded.model), from_json(ModelConfig, loaded.config["model"]).kinds
    for name in (_KERNEL, _BIAS):
        wide = own[name].copy()
        for column, kind in enumerate(theirs):
            wide[..., kinds.index(kind)] = weights[name][..., column]
        weights[name] = wide
    return weights


def resolve(phase: Phase, config: TrainConfig, given: tuple[str, ...]) -> Phase:
    """Replaces "new" by the stages that have no base weights, and checks the phase against the network."""
    if phase.crop > FACE_SIZE:
        raise TrainingError(f"Phase {phase.name!r} wants {phase.crop} px crops of {FACE_SIZE} px faces.")
    stages = backbone(config.model.backbone).names
    trainable = phase.trainable
    if "new" in trainable:
        new = tuple(stage for stage in stages if stage not in given)
        kept = tuple(stage for stage in trainable if stage != "new")
        trainable = tuple(dict.fromkeys((*kept, *new, networks.HEAD)))
    frozen = "all" not in trainable and stages[0] not in trainable
    return replace(phase, trainable=trainable, cache=phase.cache and frozen)
