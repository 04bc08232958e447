"""Batches for Keras's `fit`: augmented crops, whole faces, stored features; and the order in which images are shown."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from deepley.training.data.pictures import Picture
from deepley.training.views.views import Views, twins


class Crops(keras.utils.PyDataset):
    """Augmented training batches.

    Keras must not shuffle them (`fit(shuffle=False)`): its generator is not saved, so a resumed run would differ.

    Args:
        views: Views of all training images.
        indices: Positions of images, in the order in which they are shown.
        key: Integers that seed the augmentation.
        batch_size: Number of images in a batch.
        crop: Side of the crops in pixels.
        degrade: Degradations, see `augment.augment`.
        kinds: Kinds of fake that the network tells apart.
    """

    def __init__(
        self,
        views: Views,
        indices: np.ndarray,
        key: tuple[int, ...],
        batch_size: int,
        crop: int,
        degrade: str,
        kinds: tuple[str, ...],
    ) -> None:
        super().__init__(workers=views.at_once, use_multiprocessing=False, max_queue_size=2 * views.at_once)
        self._views, self._indices, self._key = views, indices, key
        self._batch_size, self._crop, self._degrade, self._kinds = batch_size, crop, degrade, kinds

    def __len__(self) -> int:
        return -(-len(self._indices) // self._batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, crop, crop, 3) uint8 crops and their (n, 1) int32 classes, see `classes_of`."""
        indices = self._indices[batch * self._batch_size : (batch + 1) * self._batch_size]
        images = self._views.draw(indices, self._key, self._crop, self._degrade)
        return images, classes_of([self._views.sources[i] for i in indices], self._kinds)[:, None]


class Wholes(keras.utils.PyDataset):
    """Validation batches: every image once, in order and unchanged.

    Args:
        sources: Images.
        batch_size: Number of images in a batch.
        kinds: Kinds of fake that the network tells apart.
    """

    def __init__(self, sources: Sequence[Picture], batch_size: int, kinds: tuple[str, ...]) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._sources, self._batch_size, self._kinds = sources, batch_size, kinds

    def __len__(self) -> int:
        return -(-len(self._sources) // self._batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, 256, 256, 3) uint8 faces and their (n, 1) int32 classes, see `classes_of`."""
        sources = self._sources[batch * self._batch_size : (batch + 1) * self._batch_size]
        return np.stack([s.face() for s in sources]), classes_of(sources, self._kinds)[:, None]


def labels_of(sources: Sequence[Picture]) -> np.ndarray:
    """(n,) float32 labels of images, 0 = real, 1 = fake."""
    return np.array([source.label for source in sources], np.float32)


def classes_of(sources: Sequence[Picture], kinds: tuple[str, ...]) -> np.ndarray:
    """The classes of images for a network.

    Args:
        sources: Images.
        kinds: Kinds of fake that the network tells apart.

    Returns:
        (n,) int32: 0 = real, 1 + i = a fake of kind i. A fake of a kind that is not among `kinds` has class 1.
    """
    known = {kind: 1 + i for i, kind in enumerate(kinds)}
    return np.array([known.get(source.kind, 1) if source.label else 0 for source in sources], np.int32)


def order(
    sources: Sequence[Picture], seed: tuple[int, ...], start: int, length: int, balance: float = 0.0
) -> np.ndarray:
    """The images of one round: a slice of an endless sequence of shuffled passes over the data.

    A fake made of a real picture follows it directly: side by side, the difference is learnt many times faster.

    Args:
        sources: All training images.
        seed: Integers that seed the shuffles.
        start: Number of images shown in earlier rounds.
        length: Number of images in this round.
        balance: See `TrainConfig.balance`. At 0, no image comes twice in a pass.

    Returns:
        (length,) int64 positions in `sources`.
    """
    pairs = twins(sources)
    follows: dict[int, list[int]] = {}
    for made, real in pairs.items():
        follows.setdefault(real, []).append(made)
    unpaired = np.array([i for i in range(len(sources)) if i not in pairs])
    quotas = _quotas(sources, unpaired, balance) if balance else []
    shown: list[int] = []
    number = 0
    while len(shown) < start + length:
        turns = [_turn(members, quota, [*seed, i], number) for i, (members, quota) in enumerate(quotas)]
        shuffled = np.random.default_rng([*seed, number]).permutation(np.concatenate(turns) if turns else unpaired)
        shown += [i for first in map(int, shuffled) for i in (first, *follows.get(first, ()))]
        number += 1
    return np.array(shown[start : start + length])


def _quotas(sources: Sequence[Picture], alone: np.ndarray, balance: float) -> list[tuple[np.ndarray, int]]:
    """The images of each source and how many of them a pass shows; each label keeps its share."""
    groups: dict[tuple[int, str], list[int]] = {}
    for i in alone:
        groups.setdefault((sources[i].label, sources[i].origin), []).append(int(i))
    found: list[tuple[np.ndarray, int]] = []
    for label in (0, 1):
        members = [np.array(images) for (of, _), images in sorted(groups.items()) if of == label]
        weights = np.array([len(images) ** (1 - balance) for images in members])
        ends = np.rint(np.cumsum(weights) / weights.sum() * sum(map(len, members))) if members else []
        found += [(images, int(quota)) for images, quota in zip(members, np.diff(ends, prepend=0))]
    return found


def _turn(members: np.ndarray, quota: int, seed: list[int], number: int) -> np.ndarray:
    """The images that a source shows in pass `number`: the next `quota` of its own endless sequence of shuffles."""
    first, last = number * quota // len(members), ((number + 1) * quota - 1) // len(members)
    shuffles = [np.random.default_rng([*seed, turn, 1]).permutation(members) for turn in range(first, last + 1)]
    begin = number * quota - first * len(members)
    return np.concatenate([members[:0], *shuffles])[begin : begin + quota]


class Features(keras.utils.PyDataset):
    """Batches of stored features, in a given order.

    Args:
        features: (n, ...) float16 features of all images.
        classes: (n,) int32 classes of all images.
        indices: Positions of images, in the order in which they are shown.
        batch_size: Number of images in a batch.
    """

    def __init__(self, features: np.ndarray, classes: np.ndarray, indices: np.ndarray, batch_size: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self._features, self._classes, self._indices, self._batch_size = features, classes, indices, batch_size

    def __len__(self) -> int:
        return -(-len(self._indices) // self._batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, ...) float32 features and their (n, 1) int32 classes, see `classes_of`."""
        indices = self._indices[batch * self._batch_size : (batch + 1) * self._batch_size]
        return self._features[indices].astype(np.float32), self._classes[indices][:, None]
