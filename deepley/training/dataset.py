"""Labelled pictures as splits and batches, and a report of what could mislead a detector trained on them."""

from __future__ import annotations

import collections
import hashlib
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tqdm

from deepley.config import FACE_SIZE
from deepley.photo.decode import PhotoError, decode, resize
from deepley.training import augment
from deepley.training.sources import LABELS, SPLITS, DataError, Source, find

THUMBNAIL = 32
"""Side, in pixels, of the grey thumbnails that near-copies are found with."""

NEAR_COPY = 10.0
"""Two pictures whose thumbnails differ by less than this root mean square, in grey levels, are near-copies."""


@dataclass(frozen=True)
class Report:
    """What a data folder holds.

    Attributes:
        counts: Images by split and label, as {"train": {"real": n, "fake": n}, ...}.
        sizes: The five most common (width, height) of each label, with counts.
        formats: File formats of each label, with counts.
        unreadable: (name, reason) of every file that was skipped.
        warnings: Sentences about shortcuts: ways to tell the classes apart that are not the faces.
    """

    counts: dict
    sizes: dict
    formats: dict
    unreadable: tuple[tuple[str, str], ...]
    warnings: tuple[str, ...]

    def text(self) -> str:
        """The report as lines for a terminal."""
        lines = [
            f"{split:6} " + "  ".join(f"{n:6,} {label}" for label, n in c.items()) for split, c in self.counts.items()
        ]
        for label in LABELS:
            sizes = ", ".join(f"{w}x{h} ({n:,})" for (w, h), n in self.sizes[label])
            formats = ", ".join(f"{name} ({n:,})" for name, n in self.formats[label].items())
            lines.append(f"{label}: {sizes}; {formats}")
        lines += [f"skipped {name}: {reason}" for name, reason in self.unreadable]
        lines += [f"warning: {warning}" for warning in self.warnings]
        return "\n".join(lines)


@dataclass(frozen=True)
class Dataset:
    """Readable images by split, in a fixed order, and the report on them."""

    splits: dict[str, tuple[Source, ...]]
    report: Report

    def take(self, split: str, limit: int = 0) -> tuple[Source, ...]:
        """The images of a split; with a limit that many, half of each label, the same ones every time."""
        sources = self.splits[split]
        if not limit or limit >= len(sources):
            return sources
        order = np.random.default_rng(0).permutation(len(sources))
        chosen = []
        for label, n in ((0, limit // 2), (1, limit - limit // 2)):
            chosen += [int(i) for i in order if sources[i].label == label][:n]
        return tuple(sources[i] for i in sorted(chosen))


def load(data: Path, progress: bool = False) -> Dataset:
    """Reads every image once, splits where the data does not, and reports.

    Where no folder or CSV names a split, the SHA-256 of the bytes decides: 80 % train, 10 % valid, 10 % test, so an
    exact copy never lands on two sides. Where the data names only training images, a tenth of them, chosen likewise,
    validates.

    Args:
        data: See `training.sources.find`.
        progress: Show a progress bar.

    Raises:
        DataError: If a label is missing from the training or validation images.
    """
    sources = find(Path(data))
    readable, unreadable, digests, thumbnails, facts = [], [], [], [], []
    for source in tqdm.tqdm(sources, desc="Reading pictures", unit=" images", disable=not progress):
        try:
            content = source.read()
            photo = decode(content)
        except (PhotoError, OSError) as error:
            unreadable.append((source.name, str(error)))
            continue
        readable.append(source)
        digests.append(hashlib.sha256(content).digest())
        thumbnails.append(_thumbnail(photo.pixels))
        facts.append((photo.pixels.shape[1::-1], photo.format, photo.quantization))

    splits = {split: [] for split in SPLITS}
    named = {source.split for source in readable}
    for i, (source, digest) in enumerate(zip(readable, digests)):
        splits[_split(source, digest, named)].append(i)
    for split in ("train", "valid"):
        for label, value in LABELS.items():
            if not any(readable[i].label == value for i in splits[split]):
                raise DataError(
                    f"{data} has no readable {label} image to {'train on' if split == 'train' else 'validate'}."
                )

    labels = np.array([source.label for source in readable])
    warnings = _shortcuts(labels, facts) + _near_copies(splits, digests, np.stack(thumbnails))
    by_label = {name: [f for f, label in zip(facts, labels) if label == value] for name, value in LABELS.items()}
    report = Report(
        counts={
            split: {name: int((labels[indices] == value).sum()) for name, value in LABELS.items()}
            for split, indices in splits.items()
        },
        sizes={name: collections.Counter(f[0] for f in of).most_common(5) for name, of in by_label.items()},
        formats={name: dict(collections.Counter(f[1] for f in of)) for name, of in by_label.items()},
        unreadable=tuple(unreadable),
        warnings=tuple(warnings),
    )
    return Dataset({split: tuple(readable[i] for i in indices) for split, indices in splits.items()}, report)


def _split(source: Source, digest: bytes, named: set) -> str:
    bucket = int.from_bytes(digest[:4]) % 10
    if source.split is None:
        return "valid" if bucket == 8 else "test" if bucket == 9 else "train"
    if source.split == "train" and "valid" not in named and bucket == 8:
        return "valid"
    return source.split


def _thumbnail(pixels: np.ndarray) -> np.ndarray:
    return resize(pixels, THUMBNAIL, THUMBNAIL).mean(axis=2).astype(np.float32).ravel()


def _shortcuts(labels: np.ndarray, facts: list) -> list[str]:
    """Warns where size, format or JPEG tables alone tell the classes apart better than 60 %."""
    found = []
    for index, what in ((0, "picture size"), (1, "file format"), (2, "JPEG quantisation tables")):
        counts = collections.defaultdict(lambda: [0, 0])
        for label, fact in zip(labels, facts):
            counts[fact[index]][label] += 1
        totals = np.array(list(counts.values()), float)
        shares = totals / np.maximum(np.bincount(labels, minlength=2), 1)
        accuracy = shares.max(axis=1).sum() / 2  # balanced accuracy of the best guess from this fact alone
        if accuracy > 0.6:
            found.append(
                f"the {what} alone separates real from fake with {accuracy:.0%} balanced accuracy; "
                "save both classes the same way, or the network learns that."
            )
    return found


def _near_copies(splits: dict, digests: list, thumbnails: np.ndarray) -> list[str]:
    """Warns of training pictures that come back, almost, in validation or test."""
    found = []
    train = np.array(splits["train"], int)
    squares = (thumbnails**2).sum(axis=1)
    train_digests = {digests[i] for i in splits["train"]}
    for split in ("valid", "test"):
        exact = sum(digests[i] in train_digests for i in splits[split])
        near = 0
        for start in range(0, len(splits[split]), 256):
            held = np.array(splits[split][start : start + 256], int)
            distance = squares[held, None] + squares[None, train] - 2 * thumbnails[held] @ thumbnails[train].T
            near += int((np.sqrt(np.maximum(distance.min(axis=1), 0) / THUMBNAIL**2) < NEAR_COPY).sum())
        if near:
            found.append(
                f"{near} of {len(splits[split])} {split} images have a near-copy in train ({exact} of them exact); "
                "figures on them flatter the model."
            )
    return found


def face_pixels(source: Source) -> np.ndarray:
    """Decodes a training image as serving would: its shorter side at 256 px, its middle square.

    Returns:
        (256, 256, 3) uint8; a 256 px picture is returned untouched.
    """
    pixels = decode(source.read()).pixels
    height, width = pixels.shape[:2]
    factor = FACE_SIZE / min(height, width)
    pixels = resize(pixels, max(FACE_SIZE, round(width * factor)), max(FACE_SIZE, round(height * factor)))
    return augment.centre_crop(pixels, FACE_SIZE)


class Crops(keras.utils.PyDataset):
    """Augmented training batches; an image's view is a function of `key` and the image alone.

    Keras's own shuffling must be off (`fit(shuffle=False)`): its generator is not saved, so a resumed run would differ.

    Args:
        sources: All training images.
        indices: Positions in `sources`, in the order they are shown.
        key: Integers that seed the augmentation.
        batch_size: Images in a batch.
        crop: Side of the crops in pixels.
        degrade: See `augment.augment`.
    """

    def __init__(
        self, sources: tuple, indices: np.ndarray, key: tuple[int, ...], batch_size: int, crop: int, degrade: bool
    ) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._sources, self._indices, self._key = sources, indices, key
        self._batch_size, self._crop, self._degrade = batch_size, crop, degrade

    def __len__(self) -> int:
        return -(-len(self._indices) // self._batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, crop, crop, 3) uint8 and (n, 1) float32 labels, 1 = fake."""
        indices = self._indices[batch * self._batch_size : (batch + 1) * self._batch_size]
        images = []
        for index in indices:
            rng = np.random.default_rng([*self._key, int(index)])
            pixels = face_pixels(self._sources[index])
            images.append(augment.augment(pixels, self._crop, rng, self._degrade))
        return np.stack(images), labels_of([self._sources[i] for i in indices])[:, None]


class Wholes(keras.utils.PyDataset):
    """Every image once, in order and unchanged: validation batches."""

    def __init__(self, sources: tuple, batch_size: int) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self._sources, self._batch_size = sources, batch_size

    def __len__(self) -> int:
        return -(-len(self._sources) // self._batch_size)

    def __getitem__(self, batch: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, 256, 256, 3) uint8 and (n, 1) float32 labels, 1 = fake."""
        sources = self._sources[batch * self._batch_size : (batch + 1) * self._batch_size]
        return np.stack([face_pixels(s) for s in sources]), labels_of(sources)[:, None]


def labels_of(sources: tuple) -> np.ndarray:
    """(n,) float32 labels, 1 = fake."""
    return np.array([source.label for source in sources], np.float32)


def order(count: int, seed: tuple[int, ...], start: int, length: int) -> np.ndarray:
    """The images of one round: a slice of an endless sequence of shuffled passes.

    Args:
        count: Images in a pass.
        seed: Integers that seed the shuffles.
        start: Images shown in earlier rounds.
        length: Images in this round.

    Returns:
        (length,) int64 positions below `count`; between two passes no image comes twice.
    """
    first, last = start // count, (start + length - 1) // count
    passes = [np.random.default_rng([*seed, i]).permutation(count) for i in range(first, last + 1)]
    return np.concatenate(passes)[start - first * count :][:length]
