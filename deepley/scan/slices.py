"""Slices: a few photos that lie one after the other in a source. They are named in one process and read in another.

A slice pickles to names alone. The bytes of one photo at a time are in memory (four in parquet files, which are read in
batches). A photo that cannot be read has a reader that raises the reason.
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
from typing import NoReturn, TypedDict

import pyarrow as pa
import pyarrow.parquet as pq

from deepley.photo.decode import PhotoError, check_size

PART = 32
"""Largest number of photos in a slice, the unit that is given to a core and that is lost if the scan is killed."""

Item = tuple[str, Callable[[], bytes]]
"""A photo's name, and a function that returns its bytes; it may raise OSError or PhotoError."""


class Slice(abc.ABC):
    """At most `PART` photos that lie one after the other in a source. A slice has a length and can be pickled."""

    @abc.abstractmethod
    def __len__(self) -> int: ...

    @abc.abstractmethod
    def items(self) -> Iterator[Item]:
        """The photos in order; each is read when its function is called."""

    @property
    def digest(self) -> str:
        """SHA-256, hexadecimal, of the slice's names; it stays the same while the source lists the same photos here."""
        return hashlib.sha256(repr(self).encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True)
class Files(Slice):
    """Image files.

    Attributes:
        paths: Paths of the files.
    """

    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def items(self) -> Iterator[Item]:
        """See `Slice`."""
        return ((path, functools.partial(_file, path)) for path in self.paths)


@dataclass(frozen=True)
class Members(Slice):
    """Image files in a tar.

    Attributes:
        tar: Path of the tar.
        members: Name, first byte and length in bytes of each file.
    """

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
    """Rows of a parquet file, all in one row group.

    Attributes:
        parquet: Path of the parquet file.
        column: Name of the column of images.
        group: Index of the row group.
        start: First row, counted in the row group.
        stop: Row after the last, counted in the row group.
        before: Number of rows of the file before the row group.
    """

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

    def _values(self) -> Iterator[_Value]:
        with pq.ParquetFile(self.parquet, buffer_size=1 << 20) as file:  # reads page by page, not the whole row group
            batches = file.iter_batches(4, row_groups=[self.group], columns=[self.column])
            rows = (value for batch in batches for value in batch.column(0))
            yield from (value.as_py() for value in itertools.islice(rows, self.start, self.stop))


@dataclass(frozen=True)
class Unreadable(Slice):
    """A folder or shard that cannot be read, or not to its end; it gives one row that says why.

    Attributes:
        path: Path of the folder or shard.
        reason: Reason, in a sentence.
    """

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


class _Image(TypedDict, total=False):
    """An image as Hugging Face `datasets` stores it."""

    bytes: bytes | None
    path: str | None


_Value = bytes | _Image | None
"""A value of a column of images."""


def _image(value: _Value) -> bytes:
    data = value if value is None or isinstance(value, bytes) else value.get("bytes")
    if data is None:
        path = value.get("path") if isinstance(value, dict) else None
        raise PhotoError(f"The row has no bytes, only the path {path}." if path else "The row holds no image.")
    return data


def _fail(reason: str) -> NoReturn:
    raise PhotoError(reason)


def line(error: Exception) -> str:
    """The message of a library's error in one line, without a full stop."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.splitlines()[0].rstrip(".")
