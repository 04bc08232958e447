"""Where a scan's photos come from, cut into slices.

A source is listed as a stream and always in the same order: at no time are more than a slice's names held.
"""

from __future__ import annotations

import glob
import os
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from deepley.photo.decode import SUFFIXES
from deepley.scan.slices import PART, Files, Members, Rows, Slice, Unreadable, line

_SHARDS = {".tar", ".parquet"}
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
"""What webdataset writes for numbered shards: `photos-{000..117}.tar`."""


class SourceError(ValueError):
    """A source that cannot be scanned; the message is one sentence for a person."""


def slices(source: str) -> Iterator[Slice]:
    """Cuts a source into slices.

    Args:
        source: A photo, a folder (photos and shards at any depth), a shard (an uncompressed tar, as webdataset writes
            them, or a parquet file with a column of images), a pattern of such paths (`*`, `?`, `{000..117}`), or
            @FILE, a list of such paths, one a line.

    Raises:
        SourceError: If there is nothing of that name.
    """
    run: list[str] = []
    for found in _paths(source):
        if isinstance(found, Path) and found.suffix.lower() in SUFFIXES:
            run.append(str(found))
            if len(run) == PART:
                yield Files(tuple(run))
                run = []
            continue
        if run:
            yield Files(tuple(run))
            run = []
        if isinstance(found, Unreadable):
            yield found
        else:
            yield from _rows(found) if found.suffix.lower() == ".parquet" else _members(found)
    if run:
        yield Files(tuple(run))


def _paths(source: str) -> Iterator[Path | Unreadable]:
    """Photos, shards and what cannot be read."""
    if source.startswith("@"):
        try:
            with open(source[1:]) as lines:
                for path in map(Path, filter(None, map(str.strip, lines))):
                    yield from _below(path) if path.is_dir() else [path]
        except (OSError, UnicodeDecodeError) as error:
            raise SourceError(f"The list {source[1:]} cannot be read: {line(error)}.") from error
        return
    named = [source] if os.path.exists(source) else sorted(p for one in _numbered(source) for p in glob.glob(one))
    if not named:
        raise SourceError(f"There is no photo, folder, tar or parquet file at {source}.")
    for path in map(Path, named):
        yield from _below(path) if path.is_dir() else [path]


def _numbered(pattern: str) -> Iterable[str]:
    found = _RANGE.search(pattern)
    if not found:
        return [pattern]
    first, last = found.groups()
    numbers = (str(i).zfill(len(first)) for i in range(int(first), int(last) + 1))
    return (one for number in numbers for one in _numbered(pattern[: found.start()] + number + pattern[found.end() :]))


def _below(folder: Path) -> Iterator[Path | Unreadable]:
    """Photos and shards below a folder, by name; hidden ones are passed over, linked folders are not entered."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        yield Unreadable(str(folder), f"The folder cannot be read: {error.strerror}.")
        return
    for entry in found:
        path = folder / entry.name
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(path)
        elif path.suffix.lower() in SUFFIXES | _SHARDS and not _is_special(entry):
            yield path


def _is_special(entry: os.DirEntry) -> bool:
    """A pipe or device would be waited for; a broken link is not special, but a row that says so."""
    return os.path.exists(entry.path) and not entry.is_file()


def _members(tar: Path) -> Iterator[Slice]:
    run: list[tuple[str, int, int]] = []
    broken = None
    try:
        with tarfile.open(tar, "r:") as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # else it holds every member of the archive
                name = Path(member.name)
                if member.isreg() and name.suffix.lower() in SUFFIXES and not name.name.startswith("."):
                    run.append((member.name, member.offset_data, member.size))
                if len(run) == PART:
                    yield Members(str(tar), tuple(run))
                    run = []
            archive.fileobj.seek(archive.offset)  # a damaged header looks to tarfile like the end
            if archive.fileobj.read(tarfile.BLOCKSIZE).strip(b"\0"):
                broken = f"The tar is cut off or damaged at byte {archive.offset}: nothing behind it could be read."
    except tarfile.ReadError as error:
        where = f"The tar is cut off or damaged ({error}): nothing behind that could be read."
        broken = (
            where
            if run or _is_tar(tar)
            else ("This is no tar, or a compressed one: unpack it, so that it can be read in place.")
        )
    except (tarfile.TarError, OSError, ValueError) as error:
        broken = f"The tar cannot be read: {line(error)}."
    if run:
        yield Members(str(tar), tuple(run))
    if broken:
        yield Unreadable(str(tar), broken)


def _is_tar(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(512)[257:262] == b"ustar"


def _rows(parquet: Path) -> Iterator[Slice]:
    try:
        with pq.ParquetFile(parquet) as file:
            column = _image_column(file.schema_arrow)
            sizes = [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]
    except SourceError as error:
        yield Unreadable(str(parquet), str(error))
        return
    except (pa.ArrowException, OSError) as error:
        yield Unreadable(str(parquet), f"The parquet file cannot be read: {line(error)}.")
        return
    before = 0
    for group, size in enumerate(sizes):
        for start in range(0, size, PART):
            yield Rows(str(parquet), column, group, start, min(start + PART, size), before)
        before += size


def _image_column(schema: pa.Schema) -> str:
    """The column `image`, or the only one that holds bytes, or structs with bytes as Hugging Face `datasets` writes."""
    found = [field.name for field in schema if _holds_bytes(field.type)]
    if "image" in found:
        return "image"
    if len(found) == 1:
        return found[0]
    raise SourceError(
        f"The columns {', '.join(found)} could all be the photos: name one of them image."
        if found
        else "The file has no column of images: bytes, or a struct with bytes."
    )


def _holds_bytes(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _holds_bytes(field.type) for field in kind)
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
