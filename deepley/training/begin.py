"""What a run starts from: base weights or a release, and its phases as they then are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from deepley.config import FACE_SIZE, ModelConfig, Phase, TrainConfig, from_json
from deepley.network import model as networks
from deepley.network import release
from deepley.network.backbones import BACKBONES
from deepley.training import checkpoint

_UNKNOWN = -4.0
"""Bias of a kind that the release started from does not know: at first it hardly adds to the evidence."""


class TrainingError(ValueError):
    """A run that cannot start; the message is one sentence for a person."""


def for_start(config: TrainConfig, start: Path | None) -> TrainConfig:
    """The recipe as it is for a release to start from: the network keeps the kinds of fake that the release knows.

    Raises:
        TrainingError: If the recipe is for a release to start from and there is none.
        WeightsError: If the release cannot be found.
    """
    if start is None:
        if config.kept:
            raise TrainingError(f"The recipe {config.preset!r} teaches a release more: choose one to start from.")
        return config
    theirs = release.read_model_config(start).kinds
    kinds = (*theirs, *(kind for kind in config.model.kinds if kind not in theirs))
    return replace(config, model=replace(config.model, kinds=kinds))


def from_release(model: keras.Model, folder: Path, config: TrainConfig) -> None:
    """Gives a network the weights of a release; a kind that it does not know starts as unlikely.

    Raises:
        TrainingError: If the release is another network.
        WeightsError: If it cannot be read.
    """
    loaded = release.load(folder)
    theirs = from_json(ModelConfig, loaded.config["model"])
    kinds = config.model.kinds
    if replace(theirs, kinds=kinds) != config.model or not set(theirs.kinds) <= set(kinds):
        raise TrainingError(f"{loaded.name} is another network than this recipe trains: start from one like it.")
    weights, own = checkpoint.weights_of(loaded.model), checkpoint.weights_of(model)
    for name in (f"{networks.LOGIT}/kernel", f"{networks.LOGIT}/bias"):
        own[name] = own[name] * 0.1 if name.endswith("kernel") else np.full_like(own[name], _UNKNOWN)
        for column, kind in enumerate(theirs.kinds):
            own[name][..., kinds.index(kind)] = weights[name][..., column]
    checkpoint.assign(model, weights | {name: own[name] for name in own if name.startswith(networks.LOGIT)})


def resolve(phase: Phase, config: TrainConfig, given: tuple[str, ...]) -> Phase:
    """Replaces "new" by the stages that have no base weights, and checks the phase against the network."""
    if phase.crop > FACE_SIZE:
        raise TrainingError(f"Phase {phase.name!r} wants {phase.crop} px crops of {FACE_SIZE} px faces.")
    stages = BACKBONES[config.model.backbone].stages
    trainable = phase.trainable
    if "new" in trainable:
        new = tuple(stage for stage in stages if stage not in given)
        kept = tuple(stage for stage in trainable if stage != "new")
        trainable = tuple(dict.fromkeys((*kept, *new, networks.HEAD)))
    frozen = "all" not in trainable and stages[0] not in trainable
    return replace(phase, trainable=trainable, cache=phase.cache and frozen)
