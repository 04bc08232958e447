"""Sources of a scan: folders, tars and parquet files, listed as a stream and cut into slices.

A source is listed in the same order each time, and no more than the names in one folder are in memory at a time.
"""

from __future__ import annotations

import glob
import itertools
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deepley.errors import Refusal
from deepley.photo.decode import SUFFIXES
from deepley.scan.slices import PART, Files, Members, Rows, Slice, Unreadable, line

_TAR, _PARQUET = ".tar", ".parquet"
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
"""Numbered shards as webdataset writes them: `photos-{000..117}.tar`."""


class SourceError(Refusal):
    """A source that cannot be scanned; the message is one sentence for a person."""


def slices(source: str) -> Iterator[Slice]:
    """Cuts a source into slices.

    Args:
        source: Path of a photo, of a folder (with photos and shards at any depth), or of a shard (an uncompressed tar,
            as webdataset writes them, or a parquet file with a column of images); a pattern of such paths (`*`, `?`,
            `{000..117}`); or @FILE, a list of such paths, one a line.

    Yields:
        The slices, in the same order each time.

    Raises:
        SourceError: If there is nothing of that name.
    """
    for is_photo, paths in itertools.groupby(_paths(source), lambda path: Path(path).suffix.lower() in SUFFIXES):
        if is_photo:
            while run := tuple(itertools.islice(paths, PART)):
                yield Files(run)
        else:
            for path in paths:
                yield from _in_shard(path)


def _paths(source: str) -> Iterator[str]:
    """Paths of photos, of shards, of unreadable folders, and of anything else that was named."""
    if source.startswith("@"):
        try:
            with open(source[1:]) as lines:
                for named in filter(None, map(str.strip, lines)):
                    yield from _below(named)
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"The list {source[1:]} cannot be read: {line(error)}.") from error
        return
    paths = [source]
    if not os.path.exists(source):
        paths = [path for one in _numbered(source) for path in sorted(glob.glob(one)) or [one]]
    if not any(map(os.path.exists, paths)):
        raise SourceError(f"There is no photo, folder, tar or parquet file at {source}.")
    for path in paths:
        yield from _below(path)


def _numbered(pattern: str) -> Iterable[str]:
    match = _RANGE.search(pattern)
    if not match:
        return [pattern]
    first, last = match.groups()
    numbers = (str(i).zfill(len(first)) for i in range(int(first), int(last) + 1))
    return (one for number in numbers for one in _numbered(pattern[: match.start()] + number + pattern[match.end() :]))


def _below(path: str) -> Iterator[str]:
    """The path of a file; or the photos and shards below a folder, by name, without hidden files and linked folders."""
    if not os.path.isdir(path):
        yield path
        return
    try:
        with os.scandir(path) as entries:
            names = sorted(entry.name for entry in entries if _is_wanted(entry))
    except OSError:
        yield path  # it becomes a row that says why
        return
    for name in names:
        yield from _below(os.path.join(path, name))


def _is_wanted(entry: os.DirEntry[str]) -> bool:
    if entry.name.startswith("."):
        return False
    if entry.is_dir():
        return not entry.is_symlink()
    # Reading a pipe or device could wait for ever; a broken link becomes a row that says so.
    special = os.path.exists(entry.path) and not entry.is_file()
    return Path(entry.name).suffix.lower() in SUFFIXES | {_TAR, _PARQUET} and not special


def _in_shard(path: str) -> Iterator[Slice]:
    kind = Path(path).suffix.lower()
    try:
        if kind == _TAR:
            yield from _members(path)
        elif kind == _PARQUET:
            yield from _rows(path)
        elif os.path.isdir(path):
            os.scandir(path).close()  # raises the reason why the folder cannot be read
        else:
            raise SourceError("By its name this is no photo, tar without compression, or parquet file.")
    except SourceError as error:
        yield Unreadable(path, str(error))
    except (tarfile.TarError, pa.ArrowException, OSError, ValueError) as error:
        yield Unreadable(path, f"This cannot be read, or not to its end: {line(error)}.")


def _members(tar: str) -> Iterator[Slice]:
    run: list[tuple[str, int, int]] = []
    wrong = None
    try:
        for member in _listed(tar):
            run.append(member)
            if len(run) == PART:
                yield Members(tar, tuple(run))
                run = []
    except (tarfile.TarError, OSError, ValueError) as error:
        wrong = error
    if run:
        yield Members(tar, tuple(run))
    if wrong:
        raise wrong


class _Tar(tarfile.TarFile):
    """A tar; typeshed does not know its list of members."""

    members: list[tarfile.TarInfo]


def _listed(tar: str) -> Iterator[tuple[str, int, int]]:
    """The photos in a tar: name, first byte and length in bytes of each."""
    try:
        archive = _Tar.open(tar, "r:")
    except tarfile.ReadError as error:
        raise SourceError("This tar is compressed or damaged: unpack it, so that it can be read in place.") from error
    with archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # otherwise it keeps every member of the archive in memory
            name = Path(member.name)
            if member.isreg() and name.suffix.lower() in SUFFIXES and not name.name.startswith("."):
                yield member.name, member.offset_data, member.size
        archive.fileobj.seek(archive.offset)  # tarfile takes a damaged header for the end of the archive
        if archive.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise SourceError(f"The tar is damaged at byte {archive.offset}: nothing behind it could be read.")


def _rows(parquet: str) -> Iterator[Slice]:
    with pq.ParquetFile(parquet) as file:
        column = _image_column(file.schema_arrow)
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    before = 0
    for group, size in enumerate(sizes):
        for start in range(0, size, PART):
            yield Rows(parquet, column, group, start, min(start + PART, size), before)
        before += size


def _image_column(schema: pa.Schema) -> str:
    """Name of the column `image`, or of the only one that holds bytes or structs with bytes."""
    names = [field.name for field in schema if _holds_bytes(field.type)]
    if "image" in names:
        return "image"
    if len(names) == 1:
        return names[0]
    raise SourceError(
        f"The columns {', '.join(names)} could all be the photos: name one of them image."
        if names
        else "The file has no column of images: bytes, or a struct with bytes."
    )


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
