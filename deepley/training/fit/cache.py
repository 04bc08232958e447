"""Features of frozen stages, computed once a view into a memory-mapped float16 file."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import keras
import numpy as np
import tqdm

from deepley.host.ahead import ahead

_MARGIN = 2_000_000_000
"""Bytes of disk that a cache leaves free: room for checkpoints and the rest of the machine."""


def room_for(folder: Path, count: int) -> str | None:
    """Says why `count` float16 numbers should not be written to `folder`, or None if they fit.

    What a killed run left there is counted as free: it is used again or overwritten.
    """
    need = count * 2
    free = shutil.disk_usage(folder).free + sum(path.stat().st_size for path in folder.glob("*.npy"))
    if need + _MARGIN > free:
        return f"the feature cache needs {need / 1e9:.1f} GB and {free / 1e9:.1f} GB are free"
    return None


def compute(
    path: Path, key: dict, trunk: keras.Model, batches: keras.utils.PyDataset, count: int, description: str
) -> np.ndarray:
    """Runs `trunk` over `batches` once and keeps what comes out.

    A file left by a killed run is reused if its key says that it holds the same; an unfinished one is never read.

    Args:
        path: The `.npy` file; its key is written beside it, last.
        key: Everything the features depend on, as JSON.
        trunk: Images to features.
        batches: Its images in the order in which they are stored.
        count: Number of images in them.
        description: Shown on the progress bar.

    Returns:
        (count, ...) float16, memory-mapped, read-only.
    """
    mark = path.with_suffix(".key")
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
    if mark.exists() and path.exists() and mark.read_text() == digest:
        return np.load(path, mmap_mode="r")
    mark.unlink(missing_ok=True)
    features, done = None, 0
    with tqdm.tqdm(total=count, desc=description, unit=" images", mininterval=1) as bar:
        for images, _ in ahead(batches.__getitem__, range(len(batches)), batches.workers):
            # The trunk as a graph: `predict_on_batch` compiles once, and its layers are frozen, so it is deterministic.
            out = np.asarray(trunk.predict_on_batch(images), np.float32)
            if features is None:
                features = np.lib.format.open_memmap(path, "w+", np.float16, (count, *out.shape[1:]))
            features[done : done + len(out)] = np.clip(out, -65504, 65504)
            done += len(out)
            bar.update(len(out))
    features.flush()
    del features
    mark.write_text(digest)
    return np.load(path, mmap_mode="r")
