"""Training views drawn by processes, one a core: with a GPU, drawing them in one process takes longer than training.

Nothing here imports Keras: a process that draws needs neither it nor a GPU.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from deepley.host import cores
from deepley.training.data.sources import stem
from deepley.training.views import augment


class Views:
    """Views of training images; a view is a function of `key` and the image alone, whoever draws it.

    A fake made of a real picture is shown in the view of that picture, so that they differ in nothing else.

    Args:
        sources: All training images.

    Attributes:
        at_once: Threads that may well draw at a time.
    """

    at_once = 2

    def __init__(self, sources: tuple) -> None:
        self.sources = sources
        self._twins = twins(sources)

    def draw(self, indices: np.ndarray, key: tuple[int, ...], crop: int, degrade: str) -> np.ndarray:
        """The views of some images.

        Args:
            indices: (n,) positions in the sources.
            key: Integers that seed the augmentation.
            crop: Side of the crops in pixels.
            degrade: See `augment.augment`.

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


def twins(sources: tuple) -> dict[int, int]:
    """The position of each fake that was made of a real picture which is there too, and the position of that."""
    places = {stem(source.name): i for i, source in enumerate(sources) if source.label == 0}
    made = ((i, source.twin) for i, source in enumerate(sources) if source.twin is not None)
    return {i: places[real] for i, real in made if real in places}


class _Drawn(Views):
    """The same views from a pool of processes, which all hold the sources."""

    def __init__(self, sources: tuple, pool: ProcessPoolExecutor, processes: int) -> None:
        super().__init__(sources)
        self._pool, self.at_once = pool, processes + 1  # one is asked for while the others are drawn

    def draw(self, indices: np.ndarray, key: tuple[int, ...], crop: int, degrade: str) -> np.ndarray:
        """See `Views.draw`."""
        return self._pool.submit(_draw, indices, key, crop, degrade).result()


@contextlib.contextmanager
def drawers(sources: tuple, processes: int) -> Iterator[Views]:
    """Views from that many processes while the context lasts; from the asking thread if there is none.

    Args:
        sources: All training images.
        processes: 0 or more.
    """
    if not processes:
        yield Views(sources)
        return
    # Spawned: a fork would copy the locks of the backend's threads as they stand.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _hold, (sources,)) as pool:
        try:
            yield _Drawn(sources, pool, processes)
        finally:
            pool.shutdown(cancel_futures=True)  # of a training that failed


_MEMORY = 300_000_000
"""Bytes that a process takes that draws; the batches that wait for training are counted in."""

_MOST = 16
"""Processes at most: so many draw 2,100 views of 224 px a second, which an H100 trains ResNet50 on."""


def processes() -> int:
    """How many may draw on this machine or in this container, the training process beside them."""
    return min(cores.usable(_MEMORY), _MOST)


_held: Views


def _hold(sources: tuple) -> None:
    """Makes a process ready to draw; it ends with the one that started it, however that ends."""
    global _held
    _held = Views(sources)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that trains
    threading.Thread(target=_follow, args=(multiprocessing.parent_process(),), daemon=True).start()


def _follow(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _draw(indices: np.ndarray, key: tuple[int, ...], crop: int, degrade: str) -> np.ndarray:
    return _held.draw(indices, key, crop, degrade)
