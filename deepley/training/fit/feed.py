"""The network and the batches of a phase: the whole network on images, or its tail on stored features."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from deepley.config import FACE_SIZE
from deepley.network import devices
from deepley.network import model as networks
from deepley.network.heads import LOGIT
from deepley.recipes import Phase, TrainConfig
from deepley.training.data.pictures import Picture
from deepley.training.fit import cache
from deepley.training.fit.batches import Crops, Features, Wholes, classes_of
from deepley.training.fit.checkpoint import Identity
from deepley.training.views.views import Views


@dataclass(frozen=True)
class Feed:
    """What Keras's `fit` gets in a phase.

    Attributes:
        trainer: The network, or its tail, which shares the network's weights.
        train: Function from the positions of a round's images and the round's number in the phase to batches.
        valid: Validation batches.
    """

    trainer: keras.Model
    train: Callable[[np.ndarray, int], keras.utils.PyDataset]
    valid: keras.utils.PyDataset


@dataclass(frozen=True)
class Pictures:
    """The images of a run and the folder of its cache.

    Attributes:
        train: Training images.
        valid: Validation images.
        folder: Folder of the run.
        identity: Recipe and data of the run, on which stored features depend.
    """

    train: tuple[Picture, ...]
    valid: tuple[Picture, ...]
    folder: Path
    identity: Identity


def images(model: keras.Model, config: TrainConfig, number: int, pictures: Pictures, views: Views) -> Feed:
    """Feeds images to the whole network.

    If the phase was meant to be cached, it sees the views that it would have stored; otherwise new ones every round.

    Args:
        model: The network.
        config: Recipe.
        number: Index of the phase in the recipe.
        pictures: Images of the run.
        views: Views of the training images.
    """
    phase, kinds = config.phases[number], config.model.kinds
    trainer = keras.Model(model.input, model.get_layer(LOGIT).output)

    def train(indices: np.ndarray, done: int) -> Crops:
        view = done % config.views if phase.cache else done
        return Crops(views, indices, (config.seed, number, view), config.batch_size, phase.crop, config.augment, kinds)

    return Feed(trainer, train, Wholes(pictures.valid, config.batch_size, kinds))


def features(model: keras.Model, config: TrainConfig, number: int, pictures: Pictures, views: Views) -> Feed | str:
    """Computes the features of the frozen stages once and feeds them to the tail of the network.

    Args:
        model: The network.
        config: Recipe.
        number: Index of the phase in the recipe.
        pictures: Images of the run.
        views: Views of the training images.

    Returns:
        The feed; or the reason why the features cannot be stored.
    """
    phase, size, count, kinds = config.phases[number], config.batch_size, len(pictures.train), config.model.kinds
    trunk, tail = networks.split(model, config.model, phase.trainable)
    trunk.compile(jit_compile=devices.jit_compile())
    folder = pictures.folder / "cache"
    folder.mkdir(exist_ok=True)
    refusal = cache.room_for(folder, _floats(trunk, phase, count * config.views, len(pictures.valid)))
    if refusal:
        return refusal
    digest = hashlib.sha256(b"".join(keras.ops.convert_to_numpy(w).tobytes() for w in trunk.weights)).hexdigest()
    key = {"identity": pictures.identity, "phase": number, "trunk": digest}
    stored_views = []
    for view in range(config.views):
        seed = (config.seed, number, view)
        crops = Crops(views, np.arange(count), seed, size, phase.crop, config.augment, kinds)
        path, said = folder / f"view{view}.npy", f"Features, view {view + 1} of {config.views}"
        stored_views.append(cache.compute(path, key | {"view": view}, trunk, crops, count, said))
    whole = Wholes(pictures.valid, size, kinds)
    stored = cache.compute(folder / "valid.npy", key, trunk, whole, len(pictures.valid), "Features, validation")
    classes = classes_of(pictures.train, kinds)

    def train(indices: np.ndarray, done: int) -> Features:
        return Features(stored_views[done % config.views], classes, indices, size)

    kept = classes_of(pictures.valid, kinds)
    return Feed(tail, train, Features(stored, kept, np.arange(len(kept)), size))


def _floats(trunk: keras.Model, phase: Phase, crops: int, wholes: int) -> int:
    """The number of values that the cache will hold."""
    sides = {phase.crop: crops, FACE_SIZE: wholes} if phase.crop != FACE_SIZE else {FACE_SIZE: crops + wholes}
    return sum(n * math.prod(trunk.compute_output_shape((1, side, side, 3))[1:]) for side, n in sides.items())
