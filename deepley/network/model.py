"""The flat graph from an image to feature map and logits; its base weights; freezing and cutting it by stage."""

from __future__ import annotations

import itertools
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np
from keras import layers

from deepley.errors import Refusal, WeightsError
from deepley.network.backbones.registry import backbone
from deepley.network.heads import EMBEDDING, HEAD, LOGIT, classifier
from deepley.network.normalization import fused
from deepley.recipes import ModelConfig

FEATURES = "feature_map"
"""Layer whose output is the last feature map."""

MOMENTUM = 0.95
"""Momentum of the BatchNorms' moving statistics. With Keras's 0.99 they lag so far behind a fine-tune of a few hundred
steps that a network that ranks with AUC 0.99 scores everything as real (measured: 60 % accuracy with moving statistics,
95 % with those of the batch)."""


def build(config: ModelConfig, weights: str | None = None) -> keras.Model:
    """Builds the network under the current dtype policy.

    Args:
        config: Backbone and head.
        weights: None for random weights, "imagenet" to download the backbone's.

    Returns:
        A flat functional model. Its input is (n, h, w, 3), RGB, 0..255. Its outputs are the feature map, (n, h/stride,
        w/stride, channels), and one logit for each kind of manipulation, (n, kinds) float32. The logit of "real" is
        zero: a softmax over (0, logits) gives the probabilities. `evidence` joins the logits into one.

    Raises:
        WeightsError: If the backbone is unknown.
    """
    chosen = backbone(config.backbone)
    image = keras.Input((None, None, 3), name="image")
    features = layers.Identity(name=FEATURES)(chosen.build(chosen.prepare(image), weights))
    return fused(keras.Model(image, [features, classifier(features, config)], name="deepley"), MOMENTUM)


def evidence(logits: np.ndarray) -> np.ndarray:
    """Joins the logits of the kinds into one logit of "any kind of fake" against real: log of the sum of exp(logits).

    Args:
        logits: (n, kinds) float.

    Returns:
        (n,) float64; with one kind, its logit.
    """
    return np.logaddexp.reduce(np.asarray(logits, np.float64), axis=-1)


def rescale(model: keras.Model, scale: np.ndarray, shift: np.ndarray) -> None:
    """Changes the weights of the last layer so that each logit z becomes `z * scale + shift`.

    Args:
        model: Network as `build` returns it; it is changed.
        scale: (kinds,) float.
        shift: (kinds,) float.
    """
    last = model.get_layer(LOGIT)
    kernel, bias = last.get_weights()
    last.set_weights([kernel * scale, bias * scale + shift])


def stage_of(layer_name: str, config: ModelConfig) -> str | None:
    """The stage that a layer belongs to.

    Args:
        layer_name: Name of the layer.
        config: Configuration of the network.

    Returns:
        Name of the stage; "head" for layers of the head, None for those of no stage (input, preprocessing).
    """
    if layer_name.startswith("head_") or layer_name == LOGIT:
        return HEAD
    return backbone(config.backbone).stage_of(layer_name)


def load_base(model: keras.Model, config: ModelConfig, path: Path) -> tuple[str, ...]:
    """Copies base weights into the backbone.

    Args:
        model: Network as `build` returns it; it is changed.
        config: Configuration of the network.
        path: An npz with the keys LAYER/kernel, LAYER/gamma and so on.

    Returns:
        Names of the stages that the file provides.

    Raises:
        WeightsError: If the file cannot be read, has a tensor the network lacks, or covers a stage in part.
    """
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:  # NumPy leaves a broken one open
            tensors = dict(archive)
    except (OSError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
        raise WeightsError(f"The base weights {path} cannot be read ({error}).") from error
    variables = {w.path: w for w in model.weights if stage_of(w.path.split("/")[0], config) not in (None, HEAD)}
    unknown = sorted(set(tensors) - set(variables))
    if unknown:
        raise WeightsError(f"{path} holds {unknown[0]}, which a {config.backbone} does not have: take its own weights.")
    given = []
    for stage in backbone(config.backbone).names:
        names = {name for name in variables if stage_of(name, config) == stage}
        if names <= set(tensors):
            given.append(stage)
        elif names & set(tensors):
            raise WeightsError(f"{path} holds only a part of stage {stage}, without {min(names - set(tensors))}.")
    for name, value in tensors.items():
        if tuple(variables[name].shape) != value.shape:
            raise WeightsError(f"{path}: {name} has shape {value.shape}, the network wants {variables[name].shape}.")
        variables[name].assign(value.astype(np.float32))
    return tuple(given)


def set_trainable(model: keras.Model, config: ModelConfig, stages: tuple[str, ...]) -> None:
    """Unfreezes the named stages and freezes the others.

    A frozen BatchNorm uses its stored statistics, in training too. The model must be compiled again afterwards.

    Args:
        model: Network as `build` returns it; it is changed.
        config: Configuration of the network.
        stages: Names of stages; "all" stands for every one.

    Raises:
        Refusal: If the network has no stage of that name.
    """
    known = (*backbone(config.backbone).names, HEAD)
    unknown = set(stages) - {*known, "all"}
    if unknown:
        raise Refusal(f"{config.backbone} has no stage {min(unknown)!r}; it has: {', '.join(known)}.")
    for layer in model.layers:
        stage = stage_of(layer.name, config)
        if stage is not None:
            layer.trainable = "all" in stages or stage in stages


def split(model: keras.Model, config: ModelConfig, trainable: tuple[str, ...]) -> tuple[keras.Model, keras.Model]:
    """Cuts the graph before the first trainable stage.

    Args:
        model: Network as `build` returns it; both parts share its weights.
        config: Configuration of the network.
        trainable: Names of the trainable stages.

    Returns:
        The frozen trunk, from image to features (pooled ones if only the head trains), and the tail, from features to
        logits.

    Raises:
        ValueError: If the first stage is trainable.
    """
    stages = backbone(config.backbone).stages
    frozen = list(itertools.takewhile(lambda stage: not {stage.name, "all"} & set(trainable), stages))
    if not frozen:
        raise ValueError("Every stage is trainable, so no features can be cached.")
    cut = EMBEDDING if len(frozen) == len(stages) else frozen[-1].end
    boundary = model.get_layer(cut).output
    return keras.Model(model.input, boundary), keras.Model(boundary, model.get_layer(LOGIT).output)
