"""Slices: a few photos that lie one after the other in a source, named where they are and read where they are checked.

A slice pickles to the names alone. Never more than one photo's bytes are held (four in parquet files, whose rows come
in batches). What cannot be read becomes a photo whose `read` raises the sentence.
"""

from __future__ import annotations

import abc
import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pyarrow as pa
import pyarrow.parquet as pq

from deepley.photo.decode import PhotoError, check_size

PART = 32
"""Photos in a slice at most: what cores share, and what a kill can lose."""

Item = tuple[str, Callable[[], bytes]]
"""A photo's name, and what reads its bytes, which may raise OSError or PhotoError."""


class Slice(abc.ABC):
    """At most `PART` photos that lie one after the other in a source; has a length, and pickles."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def items(self) -> Iterator[Item]:
        """The photos in order, each read when it is asked for."""

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal, of what the slice names: equal if the source still lists the same photos here."""
        return hashlib.sha256(repr(self).encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Files(Slice):
    """Image files."""

    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def items(self) -> Iterator[Item]:
        """See `Slice`."""
        return ((path, functools.partial(_file, path)) for path in self.paths)


@dataclass(frozen=True)
class Members(Slice):
    """Image files in a tar: (name, first byte, length in bytes) each."""

    tar: str
    members: tuple[tuple[str, int, int], ...]

    def __len__(self) -> int:
        return len(self.members)

    def items(self) -> Iterator[Item]:
        """See `Slice`; a photo is named TAR#MEMBER."""
        for name, offset, size in self.members:
            yield f"{self.tar}#{name}", functools.partial(_bytes_of, self.tar, offset, size)


@dataclass(frozen=True)
class Rows(Slice):
    """Rows `start` up to `stop` of one row group of a parquet file, whose first row is `before` in the file."""

    parquet: str
    column: str
    group: int
    start: int
    stop: int
    before: int

    def __len__(self) -> int:
        return self.stop - self.start

    def items(self) -> Iterator[Item]:
        """See `Slice`; a photo is named PARQUET#ROW."""
        read, reason = 0, "The file became shorter while it was scanned."
        try:
            for value in self._values():
                yield self._name(read), functools.partial(_image, value)
                read += 1
        except (pa.ArrowException, OSError) as error:
            reason = f"The file {self.parquet} is damaged here ({line(error)})."
        yield from ((self._name(i), functools.partial(_fail, reason)) for i in range(read, len(self)))

    def _name(self, i: int) -> str:
        return f"{self.parquet}#{self.before + self.start + i}"

    def _values(self) -> Iterator[object]:
        with pq.ParquetFile(self.parquet, buffer_size=1 << 20) as file:  # pages as they come, not the whole row group
            batches = file.iter_batches(4, row_groups=[self.group], columns=[self.column])
            rows = (value for batch in batches for value in batch.column(0))
            yield from (value.as_py() for value in itertools.islice(rows, self.start, self.stop))


@dataclass(frozen=True)
class Unreadable(Slice):
    """A folder or shard that cannot be read, or not to its end: one row that says why."""

    path: str
    reason: str

    def __len__(self) -> int:
        return 1

    def items(self) -> Iterator[Item]:
        """See `Slice`."""
        yield self.path, functools.partial(_fail, self.reason)


def _file(path: str) -> bytes:
    check_size(os.path.getsize(path))
    return Path(path).read_bytes()


def _bytes_of(tar: str, offset: int, size: int) -> bytes:
    check_size(size)
    with open(tar, "rb") as file:
        file.seek(offset)
        data = file.read(size)
    if len(data) < size:
        raise PhotoError("The tar ends in the middle of this file.")
    return data


def _image(value: bytes | dict | None) -> bytes:
    data = value.get("bytes") if isinstance(value, dict) else value
    if data is None:
        path = value.get("path") if isinstance(value, dict) else None
        raise PhotoError(f"The row has no bytes, only the path {path}." if path else "The row holds no image.")
    return data


def _fail(reason: str) -> NoReturn:
    raise PhotoError(reason)


def line(error: Exception) -> str:
    """An error of a library's in one line."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".")
