"""What this machine computes with, and the backend's own data parallelism where it has several GPUs."""

from __future__ import annotations

import contextlib
import functools

import keras


@functools.cache
def gpus() -> int:
    """Number of GPUs the Keras backend sees."""
    return len(keras.distribution.list_devices("gpu"))


def parallel() -> contextlib.AbstractContextManager:
    """The scope in which a model is built and compiled: mirrored over all GPUs of this host if there are several."""
    if gpus() < 2:
        return contextlib.nullcontext()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy().scope()
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel().scope()
    return contextlib.nullcontext()


def jit_compile() -> bool | str:
    """The value for `compile`: XLA on a CPU makes a ResNet50 step several times slower, so it is off there."""
    return "auto" if gpus() else False
