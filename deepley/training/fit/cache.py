"""Features of frozen stages, computed once per view into a memory-mapped float16 file."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tqdm

from deepley.host.ahead import ahead

_MARGIN = 2_000_000_000
"""Bytes of disk that a cache leaves free for checkpoints and other programs."""


def room_for(folder: Path, count: int) -> str | None:
    """Checks that the disk has room for a cache.

    Files that a killed run left in the folder count as free: they are reused or overwritten.

    Args:
        folder: Folder of the cache.
        count: Number of float16 values.

    Returns:
        The reason why they should not be written; None if they fit.
    """
    need = count * 2
    free = shutil.disk_usage(folder).free + sum(path.stat().st_size for path in folder.glob("*.npy"))
    if need + _MARGIN > free:
        return f"the feature cache needs {need / 1e9:.1f} GB and {free / 1e9:.1f} GB are free"
    return None


def compute(
    path: Path, key: dict[str, Any], trunk: keras.Model, batches: keras.utils.PyDataset, count: int, description: str
) -> np.ndarray:
    """Runs `trunk` over `batches` once and stores its outputs.

    A file of a killed run is reused if it is complete and has the same key.

    Args:
        path: The `.npy` file; its key is written beside it once the file is complete.
        key: Everything the features depend on, as JSON.
        trunk: Network from images to features.
        batches: Batches of the images in the order in which they are stored.
        count: Number of images in them.
        description: Label of the progress bar.

    Returns:
        (count, ...) float16, memory-mapped and read-only.

    Raises:
        ValueError: If there are no batches.
    """
    mark = path.with_suffix(".key")
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    if mark.exists() and path.exists() and mark.read_text() == digest:
        return np.load(path, mmap_mode="r")
    mark.unlink(missing_ok=True)
    features: np.memmap[tuple[int, ...], np.dtype[np.float16]] | None = None
    done = 0
    with tqdm.tqdm(total=count, desc=description, unit=" images", mininterval=1) as bar:
        read: Callable[[int], tuple[np.ndarray, np.ndarray]] = batches.__getitem__
        for images, _ in ahead(read, range(len(batches)), batches.workers):
            # `predict_on_batch` compiles once; the layers are frozen, so its output does not depend on the batch.
            out = np.asarray(trunk.predict_on_batch(images), np.float32)
            if features is None:
                features = np.lib.format.open_memmap(path, "w+", np.float16, (count, *out.shape[1:]))
            features[done : done + len(out)] = np.clip(out, -65504, 65504)
            done += len(out)
            bar.update(len(out))
    if features is None:
        raise ValueError("There are no images to compute features of.")
    features.flush()
    del features
    mark.write_text(digest)
    return np.load(path, mmap_mode="r")
