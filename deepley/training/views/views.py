"""Training views, drawn by one process per core: with a GPU, one process draws more slowly than training takes them.

Nothing here imports Keras, because a drawing process needs neither Keras nor a GPU.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from deepley.host import cores
from deepley.training.data.names import real_key
from deepley.training.data.pictures import Picture
from deepley.training.views import augment


class Views:
    """Views of training images.

    A view depends only on `key` and the image, not on the process that draws it. A fake made of a real picture gets the
    same crop, flip and degradations as that picture, so that the two differ only in what the fake changed.

    Args:
        sources: All training images.

    Attributes:
        sources: All training images.
        at_once: Number of threads that should ask for views at a time.
    """

    at_once = 2

    def __init__(self, sources: Sequence[Picture]) -> None:
        self.sources = sources
        self._twins = twins(sources)

    def draw(self, indices: np.ndarray, key: tuple[int, ...], crop: int, degrade: str) -> np.ndarray:
        """Draws the views of some images.

        Args:
            indices: (n,) positions in the sources.
            key: Integers that seed the augmentation.
            crop: Side of the crops in pixels.
            degrade: Degradations, see `augment.augment`.

        Returns:
            (n, crop, crop, 3) uint8.
        """
        drawn = []
        for index in map(int, indices):
            twin = self._twins.get(index, index)
            reduction = np.random.default_rng([*key, twin, 1])
            pixels = self.sources[index].face(np.random.default_rng([*key, index]), reduction)
            rng = np.random.default_rng([*key, twin])
            drawn.append(augment.augment(pixels, crop, rng, degrade))
        return np.stack(drawn)


def twins(sources: Sequence[Picture]) -> dict[int, int]:
    """Maps the position of each fake made of a real picture to the position of that picture, if it is present."""
    places = {real_key(source.name): i for i, source in enumerate(sources) if source.label == 0}
    made = ((i, source.twin) for i, source in enumerate(sources) if source.twin is not None)
    return {i: places[real] for i, real in made if real in places}


class _Drawn(Views):
    """Views drawn by a pool of processes that all hold the sources."""

    def __init__(self, sources: Sequence[Picture], pool: ProcessPoolExecutor, processes: int) -> None:
        super().__init__(sources)
        self._pool, self.at_once = pool, processes + 1  # so that one more batch always waits

    def draw(self, indices: np.ndarray, key: tuple[int, ...], crop: int, degrade: str) -> np.ndarray:
        """See `Views.draw`."""
        return self._pool.submit(_draw, indices, key, crop, degrade).result()


@contextlib.contextmanager
def drawers(sources: Sequence[Picture], processes: int) -> Iterator[Views]:
    """Starts processes that draw views and ends them with the context.

    Args:
        sources: All training images.
        processes: Number of processes; with 0 the calling thread draws.

    Yields:
        The views.
    """
    if not processes:
        yield Views(sources)
        return
    # A fork would copy locks that threads of the backend hold.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _hold, (sources,)) as pool:
        try:
            yield _Drawn(sources, pool, processes)
        finally:
            pool.shutdown(cancel_futures=True)  # a training that failed leaves some


_MEMORY = 300_000_000
"""Bytes of memory that a drawing process needs, with the batches that wait for training."""

_MOST = 16
"""Largest number of processes: they draw 2,100 views of 224 px a second, as many as an H100 trains ResNet50 on."""


def processes() -> int:
    """The number of processes that may draw on this machine or in this container beside the training process."""
    return min(cores.usable(_MEMORY), _MOST)


_held: Views


def _hold(sources: Sequence[Picture]) -> None:
    """Prepares a process for drawing; the process ends when its parent ends, even if that is killed."""
    global _held
    _held = Views(sources)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the training process
    threading.Thread(target=_follow, args=(multiprocessing.parent_process(),), daemon=True).start()


def _follow(parent: multiprocessing.process.BaseProcess) -> None:
    """Ends this process once its parent has ended."""
    parent.join()
    os._exit(1)


def _draw(indices: np.ndarray, key: tuple[int, ...], crop: int, degrade: str) -> np.ndarray:
    """Draws views in a process that `_hold` has prepared."""
    return _held.draw(indices, key, crop, degrade)
