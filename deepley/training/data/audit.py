"""What could mislead a detector that trains on a folder: shortcuts between the classes, and copies across splits."""

from __future__ import annotations

import collections
from dataclasses import dataclass

import numpy as np

from deepley.photo.decode import resize
from deepley.training.data.sources import LABELS

THUMBNAIL = 32
"""Side, in pixels, of the grey thumbnails that near-copies are found with."""

NEAR_COPY = 10.0
"""Two pictures whose thumbnails differ by less than this root mean square, in grey levels, are near-copies."""


RARE = 20
"""Sizes, formats and tables of fewer pictures than this are looked at together."""


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


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """(1024,) float32 grey levels of a picture squeezed to 32 px."""
    return resize(pixels, THUMBNAIL, THUMBNAIL).mean(axis=2).astype(np.float32).ravel()


def shortcuts(labels: np.ndarray, facts: list) -> list[str]:
    """Warns where size, format or JPEG tables alone tell the classes apart better than 60 %."""
    found = []
    for index, what in ((0, "picture size"), (1, "file format"), (2, "JPEG quantisation tables")):
        counts = collections.defaultdict(lambda: [0, 0])
        for label, fact in zip(labels, facts):
            counts[fact[index]][label] += 1
        # A value that few pictures have says nothing: with a size of its own each, all would "separate".
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
    """(n,) bool: which of the pictures with (n, 1024) `thumbnails` are near-copies of one of the (m, 1024) `known`."""
    squares = (known**2).sum(axis=1)
    found = np.zeros(len(thumbnails), bool)
    for start in range(0, len(thumbnails) if len(known) else 0, 256):
        held = thumbnails[start : start + 256]
        distance = (held**2).sum(axis=1)[:, None] + squares - 2 * held @ known.T
        found[start : start + 256] = np.sqrt(np.maximum(distance.min(axis=1), 0) / THUMBNAIL**2) < NEAR_COPY
    return found


def near_copies(splits: dict, digests: list, thumbnails: np.ndarray) -> list[str]:
    """Warns of pictures that come back, almost: of training in validation, and of either in test."""
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
