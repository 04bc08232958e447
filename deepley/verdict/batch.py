"""Checks many photos in files and zips, one after the other: a row each; that of a bad file says what is wrong."""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deepley.config import ManyLimits, PhotoLimits
from deepley.errors import Refusal
from deepley.host.zips import ZipError, open_zip
from deepley.photo.decode import SUFFIXES, PhotoError, check_size
from deepley.verdict import record
from deepley.verdict.detector import Detector
from deepley.verdict.photo import PhotoVerdict
from deepley.verdict.record import NamedRecord


class ManyError(Refusal):
    """A selection of files that cannot be checked; the message is one sentence for a person."""


@dataclass(frozen=True)
class Item:
    """A file that may be a photo and was not read yet.

    Attributes:
        name: Name under which its owner knows it.
        read: Function that returns its bytes; raises OSError or PhotoError.
    """

    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Row:
    """The result for one file; exactly one of `verdict` and `error` is None.

    Attributes:
        name: Name of the file.
        verdict: Verdict on the photo.
        error: Reason why it could not be checked, in a sentence.
    """

    name: str
    verdict: PhotoVerdict | None
    error: str | None


def collect(files: Iterable[tuple[str, Path]], limits: ManyLimits = ManyLimits()) -> list[Item]:
    """Lists files, and the photos inside zips.

    Args:
        files: Name and path of each file.
        limits: Largest number of photos, and largest zip.

    Returns:
        The photos, at least one.

    Raises:
        ManyError: If a zip is damaged or too large, or there are too many files or none.
    """
    items: list[Item] = []
    for name, path in files:
        if path.suffix.lower() == ".zip":
            items += _from_zip(name, path, limits)
        else:
            items.append(Item(name, functools.partial(_file, path)))
    if not items:
        raise ManyError("There are no photos in this selection.")
    if len(items) > limits.max_files:
        raise ManyError(f"These are {len(items)} photos; at most {limits.max_files} are checked in one run.")
    return items


def _from_zip(name: str, path: Path, limits: ManyLimits) -> list[Item]:
    if path.stat().st_size > limits.max_zip_bytes:
        raise ManyError(f"{name} is larger than {limits.max_zip_bytes / 1e6:.0f} MB.")
    try:
        with open_zip(path) as archive:
            names = [info.filename for info in archive.infolist()]
    except ZipError as error:
        raise ManyError(f"{name}: {error}") from error
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ManyError(f"{name} is no zip file, or a damaged one.") from error
    wanted = [n for n in names if Path(n).suffix.lower() in SUFFIXES and not Path(n).name.startswith(".")]
    wanted = [n for n in wanted if not n.startswith("__MACOSX/")]
    return [Item(n, functools.partial(_member, path, n)) for n in wanted]


def _file(path: Path) -> bytes:
    check_size(path.stat().st_size)  # before it fills the memory
    return path.read_bytes()


def _member(path: Path, name: str, limit: int = PhotoLimits().max_bytes) -> bytes:
    """Reads one file of a zip: at most `limit` + 1 bytes, whatever size the zip's directory claims."""
    try:
        with open_zip(path) as archive, archive.open(name) as file:
            return file.read(limit + 1)
    # zipfile raises BadZipFile, RuntimeError (encrypted), NotImplementedError, zlib.error, EOFError and more.
    except Exception as error:
        raise PhotoError("The file cannot be unpacked: it is encrypted or damaged.") from error


def check(detector: Detector, items: Iterable[Item]) -> Iterator[Row]:
    """Checks each file. Whatever is wrong with one of them, the others are still checked.

    Args:
        detector: Detector to check with.
        items: Files, each read when its turn comes.

    Yields:
        One row a file, in order.
    """
    for item in items:
        try:
            yield Row(item.name, detector.check(item.read()), None)
        except PhotoError as error:
            yield Row(item.name, None, str(error))
        except OSError as error:
            yield Row(item.name, None, f"The file cannot be read: {error.strerror}.")
        # A file that raises an unforeseen error must not end the check of the others.
        except Exception as error:
            yield Row(item.name, None, f"The photo could not be checked ({type(error).__name__}: {error}).")


def to_json(row: Row, detector: Detector) -> NamedRecord:
    """Turns a row into plain JSON types: the name of the file as `path`, and the record of its photo."""
    return {"path": row.name, **record.of_photo(row.verdict, detector.release, row.error)}
