"""What a phase trains and with which batches: the whole network on images, or its tail on stored features."""

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
from deepley.recipes import Phase, TrainConfig
from deepley.training.fit import cache
from deepley.training.fit.batches import Crops, Features, Wholes, classes_of
from deepley.training.views.views import Views


@dataclass(frozen=True)
class Feed:
    """What `fit` gets.

    Attributes:
        trainer: The network, or its tail; it shares the network's weights.
        train: Maps the images of a round and the round's number in the phase to batches.
        valid: Validation batches.
    """

    trainer: keras.Model
    train: Callable[[np.ndarray, int], keras.utils.PyDataset]
    valid: keras.utils.PyDataset


@dataclass(frozen=True)
class Pictures:
    """The images of a run, and where its cache may lie.

    Attributes:
        train: Training images.
        valid: Images that are validated on after each round.
        folder: Of the run.
        identity: What the run is made of, as JSON: the key of stored features.
    """

    train: tuple
    valid: tuple
    folder: Path
    identity: dict


def images(model: keras.Model, config: TrainConfig, number: int, pictures: Pictures, views: Views) -> Feed:
    """The whole network on images, for phase `number`.

    A phase that was meant to be cached sees the views that it would have stored; any other, new ones every round.
    """
    phase, kinds = config.phases[number], config.model.kinds
    trainer = keras.Model(model.input, model.get_layer(networks.LOGIT).output)

    def train(indices: np.ndarray, done: int) -> Crops:
        view = done % config.views if phase.cache else done
        return Crops(views, indices, (config.seed, number, view), config.batch_size, phase.crop, config.augment, kinds)

    return Feed(trainer, train, Wholes(pictures.valid, config.batch_size, kinds))


def features(model: keras.Model, config: TrainConfig, number: int, pictures: Pictures, views: Views) -> Feed | str:
    """The tail on the frozen stages' stored features, for phase `number`; or why the disk has no room for them."""
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
    """How many features the cache will hold."""
    sides = {phase.crop: crops, FACE_SIZE: wholes} if phase.crop != FACE_SIZE else {FACE_SIZE: crops + wholes}
    return sum(n * math.prod(trunk.compute_output_shape((1, side, side, 3))[1:]) for side, n in sides.items())
