"""The devices of this machine, and how Keras computes on them: data parallelism, compilation, number formats."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import keras

_CPU = Path("/proc/cpuinfo")


@functools.cache
def gpus() -> int:
    """Number of GPUs that the Keras backend sees."""
    return len(keras.distribution.list_devices("gpu"))


def parallel() -> contextlib.AbstractContextManager[object]:
    """The scope in which to build and compile a model; it mirrors the model over the GPUs if there are several."""
    if gpus() < 2:
        return contextlib.nullcontext()
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.distribute.MirroredStrategy().scope()
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel().scope()
    return contextlib.nullcontext()


def jit_compile() -> Literal["auto", False]:
    """The value for `compile`. XLA is off on a CPU, where it makes a training step of ResNet50 several times slower."""
    return "auto" if gpus() else False


def policy(mixed: bool) -> str:
    """Chooses the dtype policy to train with.

    A CPU without instructions for bfloat16 emulates it: a training step of ResNet50 takes many times as long as in
    float32 (`benchmarks/precision.py`). An older GPU has float16 at most.

    Args:
        mixed: Whether mixed precision is wanted.

    Returns:
        "mixed_bfloat16" if it is wanted and this machine computes in bfloat16, else "float32".
    """
    has = _gpu_has_bfloat16() if gpus() else _cpu_has_bfloat16()
    return "mixed_bfloat16" if mixed and has else "float32"


@contextlib.contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Sets Keras's dtype policy while the context lasts, and puts the earlier one back.

    Args:
        name: Name of the policy, such as "float32" or "mixed_bfloat16".
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _gpu_has_bfloat16() -> bool:
    """Whether the first GPU has bfloat16, by its compute capability: 8.0 (Ampere) was the first to have it."""
    if keras.backend.backend() == "torch":
        import torch

        return torch.cuda.get_device_capability() >= (8, 0)
    if keras.backend.backend() == "jax":
        import jax

        return float(jax.devices("gpu")[0].compute_capability) >= 8
    import tensorflow as tf

    first = tf.config.list_physical_devices("GPU")[0]
    return tf.config.experimental.get_device_details(first).get("compute_capability", (0, 0)) >= (8, 0)


def _cpu_has_bfloat16() -> bool:
    """Whether the CPU has bfloat16, by the flags that Linux lists; False on other systems."""
    try:
        return re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", _CPU.read_text()) is not None
    except OSError:
        return False
