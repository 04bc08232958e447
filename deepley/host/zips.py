"""Zips from strangers: the directory of one is measured before it is read."""

from __future__ import annotations

import contextlib
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

from deepley.errors import Refusal

MAX_DIRECTORY = 16_000_000
"""Bytes of a zip's directory that are read: 150,000 names of 60 letters, which take about 100 MB of memory."""


class ZipError(Refusal):
    """A zip that is not read; the message is one sentence for a person."""


@contextlib.contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip, open for reading.

    Args:
        path: The file.

    Raises:
        ZipError: If its directory is longer than `MAX_DIRECTORY`.
        zipfile.BadZipFile: If it is no zip, or a damaged one.
    """
    with _Measured(path) as file, zipfile.ZipFile(file) as opened:
        file.longest = sys.maxsize
        yield opened


class _Measured(io.FileIO):
    """A file that refuses long reads: while it opens a zip, `zipfile` reads all of the directory at once."""

    longest = MAX_DIRECTORY

    def read(self, size: int = -1, /) -> bytes:
        if size > self.longest:
            raise ZipError("The zip lists more files than are read here: make several smaller ones.")
        return super().read(size)
