"""What a labelled picture is, wherever it comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np

Skipped: TypeAlias = tuple[str, str]
"""The name of a file that was left out, and the reason as a sentence."""


class Picture(Protocol):
    """A labelled image of a split: a `sources.Source`, or a `views.blends.Blend` made of one.

    Attributes:
        name: Unique name in the data set.
        path: File that holds the bytes.
        size: Number of bytes; -1 for the whole file.
        label: 0 = real, 1 = fake.
        kind: Kind of fake, "generated" or "blended"; of no meaning for a real image.
        origin: Source that the image counts towards when sources are balanced.
        twin: Key (`names.real_key`) of the real picture that a fake was made of; None if there is none.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def label(self) -> int: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def origin(self) -> str: ...  # noqa: D102
    @property
    def twin(self) -> str | None: ...  # noqa: D102

    def face(self, rng: np.random.Generator | None = None, reduction: np.random.Generator | None = None) -> np.ndarray:
        """The aligned face, (256, 256, 3) uint8; see `sources.Source.face`."""
        ...
