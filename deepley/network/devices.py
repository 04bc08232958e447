"""What this machine computes with, and the backend's own data parallelism where it has several GPUs."""

from __future__ import annotations

import contextlib
import functools
import re
from pathlib import Path

import keras

_CPU = Path("/proc/cpuinfo")


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


def policy(mixed: bool) -> str:
    """The dtype policy to train with: "mixed_bfloat16" if it is wished for and this machine has it, or "float32".

    A CPU without instructions for bfloat16 emulates it: a training step of ResNet50 takes many times as long as in
    float32 (`benchmarks/precision.py`). An older GPU has float16 at most.
    """
    has = _gpu_has_bfloat16() if gpus() else _cpu_has_bfloat16()
    return "mixed_bfloat16" if mixed and has else "float32"


def _gpu_has_bfloat16() -> bool:
    """By the compute capability of the first: 8.0, Ampere, is the first with bfloat16."""
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
    """By what Linux lists of it; False where nothing is listed."""
    try:
        return re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", _CPU.read_text()) is not None
    except OSError:
        return False
