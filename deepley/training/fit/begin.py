"""The start of a run: weights from a release, and the phases of the recipe resolved for this network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from deepley.config import FACE_SIZE
from deepley.errors import Refusal
from deepley.network import release
from deepley.network.backbones.registry import backbone
from deepley.network.heads import HEAD, LOGIT
from deepley.network.release import Release
from deepley.recipes import ModelConfig, Phase, TrainConfig
from deepley.records import from_json
from deepley.training.fit import checkpoint
from deepley.training.fit.checkpoint import Weights

_KERNEL, _BIAS = f"{LOGIT}/kernel", f"{LOGIT}/bias"
_UNKNOWN = -4.0
"""Initial bias of a kind of fake that the release was not trained on: so low that it hardly adds to the evidence."""


class TrainingError(Refusal):
    """A run that cannot start or go on; the message is one sentence for a person."""


def for_start(config: TrainConfig, start: Path | None) -> TrainConfig:
    """Adds the kinds of fake that a release knows to a recipe.

    Args:
        config: Recipe.
        start: Release that training starts from, or None.

    Returns:
        The recipe with the kinds of the release first, in its order.

    Raises:
        TrainingError: If the recipe needs a release to start from and `start` is None.
        WeightsError: If the release cannot be read.
    """
    if start is None:
        check_without_start(config)
        return config
    theirs = release.read_model_config(start).kinds
    kinds = (*theirs, *(kind for kind in config.model.kinds if kind not in theirs))
    return replace(config, model=replace(config.model, kinds=kinds))


def check_without_start(config: TrainConfig) -> None:
    """Checks that a recipe needs no release to start from.

    Raises:
        TrainingError: If it needs one.
    """
    if config.kept:
        raise TrainingError(f"The recipe {config.preset!r} teaches a release more: choose one to start from.")


def from_release(model: keras.Model, folder: Path, config: TrainConfig) -> Release:
    """Assigns the weights of a release to a network.

    Kinds that the release was not trained on start with a low logit.

    Args:
        model: Network of the recipe.
        folder: Release folder.
        config: Recipe.

    Returns:
        The release.

    Raises:
        TrainingError: If the release has another architecture.
        WeightsError: If the release cannot be read.
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
    """Averages the trained weights with those of the release that training started from.

    The weights of kinds that the release was not trained on stay as trained.

    Args:
        model: Trained network, which is changed.
        loaded: Release that training started from.
        config: Recipe; its `kept` is the share of the release.
    """
    own = checkpoint.weights_of(model)
    before = _widened(loaded, own, config.model.kinds)
    # Written as a difference, so that frozen weights stay equal to the last bit.
    checkpoint.assign(model, {name: own[name] + config.kept * (before[name] - own[name]) for name in own})


def _widened(loaded: Release, own: Weights, kinds: tuple[str, ...]) -> Weights:
    """A release's weights for a network with more kinds, whose columns are taken from `own`."""
    weights, theirs = checkpoint.weights_of(loaded.model), from_json(ModelConfig, loaded.config["model"]).kinds
    for name in (_KERNEL, _BIAS):
        wide = own[name].copy()
        for column, kind in enumerate(theirs):
            wide[..., kinds.index(kind)] = weights[name][..., column]
        weights[name] = wide
    return weights


def resolve(phase: Phase, config: TrainConfig, given: tuple[str, ...]) -> Phase:
    """Checks a phase against the network and resolves its stages.

    Args:
        phase: Phase of the recipe.
        config: Recipe.
        given: Names of the stages that have base weights.

    Returns:
        The phase with "new" replaced by the stages without base weights, and without a cache if nothing is frozen.

    Raises:
        TrainingError: If the crop is larger than a face.
    """
    if phase.crop > FACE_SIZE:
        raise TrainingError(f"Phase {phase.name!r} wants {phase.crop} px crops of {FACE_SIZE} px faces.")
    stages = backbone(config.model.backbone).names
    trainable = phase.trainable
    if "new" in trainable:
        new = tuple(stage for stage in stages if stage not in given)
        kept = tuple(stage for stage in trainable if stage != "new")
        trainable = tuple(dict.fromkeys((*kept, *new, HEAD)))
    frozen = "all" not in trainable and stages[0] not in trainable
    return replace(phase, trainable=trainable, cache=phase.cache and frozen)
