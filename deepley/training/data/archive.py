"""An uploaded zip or tar of real/ and fake/ pictures is unpacked as aligned faces; nothing is written elsewhere."""

from __future__ import annotations

import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from PIL import Image

from deepley.config import FACE_SIZE, PhotoLimits, UploadLimits
from deepley.host.files import write
from deepley.host.zips import ZipError, open_zip
from deepley.photo import faces
from deepley.photo.decode import SUFFIXES, PhotoError, decode
from deepley.training.data.sources import LABELS, DataError, place

_ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz"}


@dataclass(frozen=True)
class Member:
    """A regular file of an archive.

    Attributes:
        name: Name in the archive.
        size: Number of bytes that the archive claims.
        read: Function that returns at most the given number of bytes.
        refused: Reason why it is left out, or None.
    """

    name: str
    size: int
    read: Callable[[int], bytes]
    refused: str | None = None


def unpack(archive: Path, into: Path, limits: UploadLimits = UploadLimits()) -> Iterator[tuple[str, str | None]]:
    """Writes the largest face of every picture below a folder named real or fake, aligned as checking aligns it.

    A picture that already is an aligned 256 px crop keeps its bytes. Splits named train, valid and test are kept.

    Args:
        archive: A zip, a tar or a folder.
        into: Folder of the pictures, {split}/{real,fake}/NUMBER.SUFFIX; made if missing.
        limits: Limits of an upload.

    Yields:
        (name, None) for a picture that was taken, (name, reason) for one that was left out.

    Raises:
        DataError: If this is no archive, it is damaged or larger than the limits, or the disk is too full.
        OSError: If the archive cannot be read or a picture cannot be written.
    """
    if archive.stat().st_size > limits.max_bytes:
        raise DataError(f"The archive is larger than {limits.max_bytes / 1e9:.0f} GB.")
    into.mkdir(parents=True, exist_ok=True)
    taken = written = 0
    for member in _unbroken(archive):
        place = _place(PurePosixPath(member.name.replace("\\", "/")))
        if isinstance(place, str) or member.refused:
            yield member.name, member.refused or str(place)
            continue
        if taken >= limits.max_images:
            raise DataError(f"The archive holds more than {limits.max_images:,} pictures.")
        if shutil.disk_usage(into).free < limits.min_free:
            raise DataError("The disk of this machine is too full for these pictures.")
        try:
            data, suffix = _face(member.read(PhotoLimits().max_bytes + 1))
        except PhotoError as error:
            yield member.name, str(error)
            continue
        taken, written = taken + 1, written + len(data)
        if written > limits.max_bytes:
            raise DataError(f"The pictures take more than {limits.max_bytes / 1e9:.0f} GB.")
        write(into.joinpath(*place, f"{taken:06}{suffix}"), data)
        yield member.name, None


def _unbroken(archive: Path) -> Iterator[Member]:
    """The members of an archive; whatever a damaged one raises becomes a `DataError`."""
    try:
        yield from _members(archive)
    # A damaged directory raises BadZipFile, TarError, EOFError, zlib.error, struct.error and more.
    except (DataError, OSError):
        raise
    except ZipError as error:
        raise DataError(str(error)) from error
    except Exception as error:
        raise DataError("The archive is damaged: create it again.") from error


def _members(archive: Path) -> Iterator[Member]:
    """The regular files, links and devices of a zip, tar or folder."""
    if archive.is_dir():
        for path in sorted(archive.rglob("*")):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(archive).parts):
                yield Member(str(path.relative_to(archive)), path.stat().st_size, _from_folder(path))
    elif zipfile.is_zipfile(archive):
        with open_zip(archive) as opened:
            for info in opened.infolist():
                if info.is_dir():
                    continue
                link = (info.external_attr >> 16) & 0o170000 == 0o120000
                yield Member(info.filename, info.file_size, _from_zip(opened, info), "It is a link." if link else None)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            for entry in tar:
                if entry.isdir():
                    continue
                odd = None if entry.isfile() else "It is a link or a device."
                yield Member(entry.name, entry.size, _from_tar(tar, entry), odd)
    else:
        raise DataError("This is not a zip or tar archive.")


def _from_folder(path: Path) -> Callable[[int], bytes]:
    """A reader of a file, see `Member.read`."""

    def read(limit: int) -> bytes:
        with open(path, "rb") as file:
            return file.read(limit)

    return read


def _from_zip(opened: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    """A reader of a file in a zip, see `Member.read`."""

    def read(limit: int) -> bytes:
        try:
            with opened.open(info) as file:
                return file.read(limit)
        except Exception as error:  # BadZipFile, RuntimeError (encrypted), zlib.error, EOFError and more
            raise PhotoError("The file cannot be unpacked: it is encrypted or damaged.") from error

    return read


def _from_tar(opened: tarfile.TarFile, info: tarfile.TarInfo) -> Callable[[int], bytes]:
    """A reader of a file in a tar, see `Member.read`."""

    def read(limit: int) -> bytes:
        try:
            file = opened.extractfile(info)
            return b"" if file is None else file.read(limit)
        except (tarfile.TarError, OSError, EOFError) as error:
            raise PhotoError("The file cannot be unpacked: the archive is damaged.") from error

    return read


def _place(path: PurePosixPath) -> tuple[str, ...] | str:
    """The folders for a member, built from known names only; or the reason why it is left out."""
    if path.is_absolute() or ".." in path.parts:
        return "Its name leads out of the archive."
    if path.suffix.lower() in _ARCHIVES:
        return "It is an archive in the archive."
    if path.suffix.lower() not in SUFFIXES or path.name.startswith(".") or "__MACOSX" in path.parts:
        return "It is not a picture."
    found = place(path)
    if found is None:
        return "It is not in a folder named real or fake."
    label = next(name for name, value in LABELS.items() if value == found[0])
    kind = () if found[2] == "generated" else (found[2],)
    return (found[1], label, *kind) if found[1] else (label, *kind)


def _face(data: bytes) -> tuple[bytes, str]:
    """The aligned face of a picture as bytes and suffix of a file: those of the picture if it already is one."""
    photo = decode(data)
    found = faces.find(photo.pixels)
    if not found:
        raise PhotoError("No face was found in it.")
    if photo.pixels.shape[:2] == (FACE_SIZE, FACE_SIZE) and found[0].to_crop[0, 0] == 1:
        return data, f".{photo.format.lower()}"
    buffer = io.BytesIO()
    Image.fromarray(found[0].crop).save(buffer, "PNG")
    return buffer.getvalue(), ".png"
