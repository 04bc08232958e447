"""Zips from strangers: the size of the directory is checked before it is read."""

from __future__ import annotations

import contextlib
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from deepley.errors import Refusal

MAX_DIRECTORY = 16_000_000
"""Longest directory of a zip that is read, in bytes: 150,000 names of 60 letters, which take about 100 MB of memory."""


class ZipError(Refusal):
    """A zip that is not read; the message is one sentence for a person."""


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Opens a zip for reading.

    Args:
        path: Path of the zip.

    Yields:
        The zip, open while the context lasts.

    Raises:
        ZipError: If its directory is longer than `MAX_DIRECTORY`.
        zipfile.BadZipFile: If it is no zip, or a damaged one.
    """
    with _Measured(path) as file, zipfile.ZipFile(file) as opened:
        file.longest = sys.maxsize
        yield opened


class _Measured(io.FileIO):
    """A file that refuses long reads. `zipfile` reads the whole directory in one read when it opens a zip."""

    longest = MAX_DIRECTORY

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > self.longest:
            raise ZipError("The zip lists more files than are read here: make several smaller ones.")
        return super().read(size)
