"""Labelled pictures as training, validation and test images."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tqdm

from deepley.host import cores
from deepley.host.ahead import ahead
from deepley.photo.decode import PhotoError, decode
from deepley.training.data import audit
from deepley.training.data.audit import Fact
from deepley.training.data.names import real_key
from deepley.training.data.pictures import Picture, Skipped
from deepley.training.data.sources import LABELS, SPLITS, DataError, Source, find

_MEMORY = 400_000_000
"""Bytes needed to read the largest photo (`config.PhotoLimits`)."""

_FEW = 10
"""Validation images of a label below which a warning is given: one image is then ten points of accuracy or more."""


@dataclass(frozen=True)
class Dataset:
    """Readable images by split.

    Attributes:
        splits: Images of "train", "valid" and "test", in a fixed order.
        report: Report on the data.
    """

    splits: Mapping[str, tuple[Picture, ...]]
    report: audit.Report

    def take(self, split: str, limit: int = 0) -> tuple[Picture, ...]:
        """The images of a split, or a fixed random choice of them with half of each label.

        Args:
            split: Name of the split.
            limit: Number of images at most; 0 takes all.
        """
        sources = self.splits[split]
        if not limit or limit >= len(sources):
            return sources
        order = np.random.default_rng(0).permutation(len(sources))
        chosen: list[int] = []
        for label, n in ((0, limit // 2), (1, limit - limit // 2)):
            chosen += [int(i) for i in order if sources[i].label == label][:n]
        return tuple(sources[i] for i in sorted(chosen))


@dataclass(frozen=True)
class _Seen:
    """The facts of a picture that was read.

    Attributes:
        digest: SHA-256 of its bytes.
        thumbnail: Thumbnail, see `audit.thumbnail`.
        fact: Size, format and tables of the file.
    """

    digest: bytes
    thumbnail: np.ndarray
    fact: Fact


def load(data: Path, progress: bool = False) -> Dataset:
    """Reads every image once, splits the images if the data does not, and reports on them.

    If no folder or CSV names a split, the SHA-256 of the bytes decides: 80 % train, 10 % valid, 10 % test. An exact
    copy is therefore never in two splits. If the data names only training images, a tenth of them is chosen likewise
    for validation. If a label of a small set is then missing from training or validation, one of its images and the
    copies of it are moved there.

    Args:
        data: See `sources.find`.
        progress: Whether to show a progress bar.

    Raises:
        DataError: If a label is missing from the training or validation images.
    """
    sources = find(Path(data))
    found = tqdm.tqdm(
        ahead(_look, sources, cores.usable(_MEMORY)), "Reading pictures", len(sources), unit=" images",
        disable=not progress,
    )  # fmt: skip
    readable: list[Source] = []
    seen: list[_Seen] = []
    unreadable: list[Skipped] = []
    for source, look in zip(sources, found):
        if isinstance(look, str):
            unreadable.append((source.name, look))
        else:
            readable.append(source)
            seen.append(look)
    splits = _split(readable, [each.digest for each in seen])
    report = _report(readable, seen, splits, unreadable)
    return Dataset({split: tuple(readable[i] for i in indices) for split, indices in splits.items()}, report)


def _split(sources: Sequence[Source], digests: Sequence[bytes]) -> dict[str, list[int]]:
    """The positions of the images of each split; see `load`."""
    splits: dict[str, list[int]] = {split: [] for split in SPLITS}
    named = {source.split for source in sources}
    originals = {real_key(source.name): digest for source, digest in zip(sources, digests) if source.label == 0}
    for i, (source, digest) in enumerate(zip(sources, digests)):
        # A reconstruction goes where its original goes.
        splits[split_of(source, originals.get(source.twin or "", digest), named)].append(i)
    if "valid" not in named:
        _fill(splits, named - {"train"}, sources, digests)
    for split in ("train", "valid"):
        for label, value in LABELS.items():
            if not any(sources[i].label == value for i in splits[split]):
                purpose = "train on" if split == "train" else "validate"
                raise DataError(f"There is no readable {label} image to {purpose}: add {label} ones.")
    return splits


def _report(
    sources: Sequence[Source], seen: Sequence[_Seen], splits: Mapping[str, list[int]], unreadable: Iterable[Skipped]
) -> audit.Report:
    """The report on a data set."""
    labels = np.array([source.label for source in sources])
    facts = [each.fact for each in seen]
    copies = audit.near_copies(splits, [each.digest for each in seen], np.stack([each.thumbnail for each in seen]))
    warnings = audit.shortcuts(labels, facts) + copies
    few = {name: int((labels[splits["valid"]] == value).sum()) for name, value in LABELS.items()}
    if min(few.values()) < _FEW:
        warnings.append(
            f"Only {few['real']} real and {few['fake']} fake images validate: figures on so few say little."
        )
    by_label = {name: [f for f, label in zip(facts, labels) if label == value] for name, value in LABELS.items()}
    return audit.Report(
        counts={
            split: {name: int((labels[indices] == value).sum()) for name, value in LABELS.items()}
            for split, indices in splits.items()
        },
        sizes={name: collections.Counter(f.size for f in of).most_common(5) for name, of in by_label.items()},
        formats={name: dict(collections.Counter(f.format for f in of)) for name, of in by_label.items()},
        unreadable=tuple(unreadable),
        warnings=tuple(warnings),
    )


def thumbnails_of(sources: Iterable[Picture]) -> list[np.ndarray | None]:
    """A (1024,) float32 thumbnail of each image (`audit.thumbnail`); None for an image that cannot be read."""

    def look(source: Picture) -> np.ndarray | None:
        try:
            return audit.thumbnail(source.face())
        except (PhotoError, OSError):
            return None

    return list(ahead(look, sources, cores.usable(_MEMORY)))


def _look(source: Source) -> _Seen | str:
    """Reads a picture; or the reason why it cannot be read."""
    try:
        content = source.read()
        photo = decode(content)
    except (PhotoError, OSError) as error:
        return str(error)
    height, width = photo.pixels.shape[:2]
    fact = Fact((width, height), photo.format, photo.quantization)
    return _Seen(hashlib.sha256(content).digest(), audit.thumbnail(photo.pixels), fact)


def _fill(
    splits: dict[str, list[int]],
    named: AbstractSet[str | None],
    readable: Sequence[Source],
    digests: Sequence[bytes],
) -> None:
    """Moves an image and its copies into training or validation where a label is missing there, if it has two."""
    for value in LABELS.values():
        for split, givers in (("train", ("test", "valid")), ("valid", ("train", "test"))):
            if any(readable[i].label == value for i in splits[split]):
                continue
            for giver in givers:
                theirs = {digests[i] for i in splits[giver] if readable[i].label == value}
                spare = len(theirs) - (giver != "test")  # training and validation keep one image of the label
                if giver in named or spare < 1:
                    continue
                moved = {i for i in splits[giver] if digests[i] == min(theirs)}
                splits[giver] = [i for i in splits[giver] if i not in moved]
                splits[split] = sorted({*splits[split], *moved})
                break


def split_of(source: Source, digest: bytes, named: AbstractSet[str | None]) -> str:
    """The split of an image: the one that the data names, else one chosen by its bytes (see `load`).

    Args:
        source: Image.
        digest: SHA-256 of its bytes.
        named: Splits that the data names, with None if it names none for some image.
    """
    bucket = int.from_bytes(digest[:4]) % 10
    if source.split is None:
        return "valid" if bucket == 8 else "test" if bucket == 9 else "train"
    if source.split == "train" and "valid" not in named and bucket == 8:
        return "valid"
    return source.split
