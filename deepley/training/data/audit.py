"""Checks of training data: shortcuts that separate the classes without the faces, and copies across splits."""

from __future__ import annotations

import collections
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from deepley.photo.decode import resize
from deepley.training.data.pictures import Skipped
from deepley.training.data.sources import LABELS

THUMBNAIL = 32
"""Side, in pixels, of the grey thumbnails that are compared to find near-copies."""

NEAR_COPY = 10.0
"""Root mean square difference of two thumbnails, in grey levels, below which the pictures are near-copies."""

RARE = 20
"""Number of pictures below which sizes, formats or tables are counted as one."""


class Fact(NamedTuple):
    """Size, format and tables of a picture file.

    Attributes:
        size: (width, height) in pixels.
        format: File format, as Pillow names it.
        quantization: JPEG quantisation tables; None for other formats.
    """

    size: tuple[int, int]
    format: str
    quantization: tuple[tuple[int, ...], ...] | None


@dataclass(frozen=True)
class Report:
    """What a data folder holds.

    Attributes:
        counts: Number of images by split and label.
        sizes: The five most common (width, height) of each label with their counts.
        formats: File formats of each label with their counts.
        unreadable: (name, reason) of every file that was skipped.
        warnings: Sentences about shortcuts: ways to separate the classes without looking at the faces.
    """

    counts: Mapping[str, Mapping[str, int]]
    sizes: Mapping[str, list[tuple[tuple[int, int], int]]]
    formats: Mapping[str, Mapping[str, int]]
    unreadable: tuple[Skipped, ...]
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


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """The (1024,) float32 grey levels of a picture resized to 32 x 32 px."""
    return resize(pixels, THUMBNAIL, THUMBNAIL).mean(axis=2).astype(np.float32).ravel()


def shortcuts(labels: np.ndarray, facts: Sequence[Fact]) -> list[str]:
    """Looks for facts of the files that separate the classes.

    Args:
        labels: (n,) int, 0 = real, 1 = fake.
        facts: Size, format and tables of each file.

    Returns:
        A warning for size, format and JPEG tables if that alone separates the classes with more than 60 % balanced
        accuracy.
    """
    found = []
    for index, what in ((0, "picture size"), (1, "file format"), (2, "JPEG quantisation tables")):
        counts: dict[Hashable, list[int]] = collections.defaultdict(lambda: [0, 0])
        for label, fact in zip(labels, facts):
            counts[fact[index]][label] += 1
        # Rare values say nothing: if every picture had its own size, sizes would separate the classes perfectly.
        often = [value for value in counts.values() if sum(value) >= RARE]
        rare = np.sum([value for value in counts.values() if sum(value) < RARE] or [[0, 0]], axis=0)
        totals = np.array([*often, rare], float)
        shares = totals / np.maximum(np.bincount(labels, minlength=2), 1)
        accuracy = shares.max(axis=1).sum() / 2  # balanced accuracy of the best guess from this fact alone
        if accuracy > 0.6:
            found.append(
                f"the {what} alone separates real from fake with {accuracy:.0%} balanced accuracy; "
                "save both classes the same way, or the network learns that."
            )
    return found


def are_copies(thumbnails: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Finds near-copies of known pictures.

    Args:
        thumbnails: (n, 1024) thumbnails of the pictures.
        known: (m, 1024) thumbnails of the known ones.

    Returns:
        (n,) bool.
    """
    squares = (known**2).sum(axis=1)
    found = np.zeros(len(thumbnails), bool)
    for start in range(0, len(thumbnails) if len(known) else 0, 256):
        held = thumbnails[start : start + 256]
        distance = (held**2).sum(axis=1)[:, None] + squares - 2 * held @ known.T
        found[start : start + 256] = np.sqrt(np.maximum(distance.min(axis=1), 0) / THUMBNAIL**2) < NEAR_COPY
    return found


def near_copies(splits: Mapping[str, list[int]], digests: Sequence[bytes], thumbnails: np.ndarray) -> list[str]:
    """Looks for near-copies across splits.

    Args:
        splits: Positions of the pictures of each split.
        digests: SHA-256 of each picture's bytes.
        thumbnails: (n, 1024) thumbnails of the pictures.

    Returns:
        A warning if validation holds copies of training images, and one if test holds copies of either.
    """
    found = []
    for split, earlier in (("valid", ("train",)), ("test", ("train", "valid"))):
        known = np.array([i for name in earlier for i in splits[name]], int)
        digests_known = {digests[i] for i in known}
        exact = sum(digests[i] in digests_known for i in splits[split])
        copies = int(are_copies(thumbnails[np.array(splits[split], int)], thumbnails[known]).sum())
        if copies:
            found.append(
                f"{copies} of {len(splits[split])} {split} images have a near-copy in {' or '.join(earlier)} "
                f"({exact} of them exact); figures on them flatter the model."
            )
    return found
