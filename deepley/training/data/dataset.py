"""Labelled pictures as splits."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tqdm

from deepley.host import cores
from deepley.host.ahead import ahead
from deepley.photo.decode import PhotoError, decode
from deepley.training.data import audit
from deepley.training.data.sources import LABELS, SPLITS, DataError, Source, find

_MEMORY = 400_000_000
"""Bytes that reading the largest photo takes (`config.PhotoLimits`)."""

_FEW = 10
"""Images of a label that validate; of fewer, one more or less moves an accuracy by more than ten points."""


@dataclass(frozen=True)
class Dataset:
    """Readable images by split, in a fixed order, and the report on them."""

    splits: dict[str, tuple[Source, ...]]
    report: audit.Report

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
    validates. If that leaves a label of a small set without an image to train on or to validate, another one,
    with its copies, does instead.

    Args:
        data: See `training.sources.find`.
        progress: Show a progress bar.

    Raises:
        DataError: If a label is missing from the training or validation images.
    """
    sources = find(Path(data))
    readable, unreadable, digests, thumbnails, facts = [], [], [], [], []
    seen = tqdm.tqdm(
        ahead(_look, sources, cores.usable(_MEMORY)),
        "Reading pictures",
        len(sources),
        unit=" images",
        disable=not progress,
    )
    for source, found in zip(sources, seen):
        if isinstance(found, str):
            unreadable.append((source.name, found))
            continue
        readable.append(source)
        for kept, value in zip((digests, thumbnails, facts), found):
            kept.append(value)

    splits = {split: [] for split in SPLITS}
    named = {source.split for source in readable}
    for i, (source, digest) in enumerate(zip(readable, digests)):
        splits[split_of(source, digest, named)].append(i)
    if "valid" not in named:
        _fill(splits, named - {"train"}, readable, digests)
    for split in ("train", "valid"):
        for label, value in LABELS.items():
            if not any(readable[i].label == value for i in splits[split]):
                purpose = "train on" if split == "train" else "validate"
                raise DataError(f"There is no readable {label} image to {purpose}: add {label} ones.")

    labels = np.array([source.label for source in readable])
    warnings = audit.shortcuts(labels, facts) + audit.near_copies(splits, digests, np.stack(thumbnails))
    few = {name: int((labels[splits["valid"]] == value).sum()) for name, value in LABELS.items()}
    if min(few.values()) < _FEW:
        warnings.append(
            f"Only {few['real']} real and {few['fake']} fake images validate: figures on so few say little."
        )
    by_label = {name: [f for f, label in zip(facts, labels) if label == value] for name, value in LABELS.items()}
    found = audit.Report(
        counts={
            split: {name: int((labels[indices] == value).sum()) for name, value in LABELS.items()}
            for split, indices in splits.items()
        },
        sizes={name: collections.Counter(f[0] for f in of).most_common(5) for name, of in by_label.items()},
        formats={name: dict(collections.Counter(f[1] for f in of)) for name, of in by_label.items()},
        unreadable=tuple(unreadable),
        warnings=tuple(warnings),
    )
    return Dataset({split: tuple(readable[i] for i in indices) for split, indices in splits.items()}, found)


def thumbnails_of(sources: Iterable[Source]) -> list[np.ndarray | None]:
    """A (1024,) float32 thumbnail of each image (`report.thumbnail`), None of one that cannot be read."""

    def look(source: Source) -> np.ndarray | None:
        try:
            return audit.thumbnail(source.face())
        except (PhotoError, OSError):
            return None

    return list(ahead(look, sources, cores.usable(_MEMORY)))


def _look(source: Source) -> tuple[bytes, np.ndarray, tuple] | str:
    """SHA-256, thumbnail, and (size, format, quantisation tables) of a picture; or why it cannot be read."""
    try:
        content = source.read()
        photo = decode(content)
    except (PhotoError, OSError) as error:
        return str(error)
    fact = (photo.pixels.shape[1::-1], photo.format, photo.quantization)
    return hashlib.sha256(content).digest(), audit.thumbnail(photo.pixels), fact


def _fill(splits: dict[str, list[int]], named: set, readable: list[Source], digests: list[bytes]) -> None:
    """Gives every label an image to train on and one to validate, if it has two; one moves with its copies."""
    for value in LABELS.values():
        for split, givers in (("train", ("test", "valid")), ("valid", ("train", "test"))):
            if any(readable[i].label == value for i in splits[split]):
                continue
            for giver in givers:
                theirs = {digests[i] for i in splits[giver] if readable[i].label == value}
                spare = len(theirs) - (giver != "test")  # what trains and validates needs one of its own
                if giver in named or spare < 1:
                    continue
                moved = {i for i in splits[giver] if digests[i] == min(theirs)}
                splits[giver] = [i for i in splits[giver] if i not in moved]
                splits[split] = sorted({*splits[split], *moved})
                break


def split_of(source: Source, digest: bytes, named: set) -> str:
    """The split of an image: as the data says, or by its bytes (see `load`).

    Args:
        source: The image.
        digest: SHA-256 of its bytes.
        named: The splits that the data names, None among them where it names none for some image.
    """
    bucket = int.from_bytes(digest[:4]) % 10
    if source.split is None:
        return "valid" if bucket == 8 else "test" if bucket == 9 else "train"
    if source.split == "train" and "valid" not in named and bucket == 8:
        return "valid"
    return source.split
