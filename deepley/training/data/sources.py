"""Labelled image files: of a folder, of the Kaggle CSVs in one, or of a tar that is read in place."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from deepley.config import FACE_SIZE
from deepley.errors import Refusal
from deepley.photo.decode import SUFFIXES, centre_crop, decode, reduce
from deepley.training.data import names
from deepley.training.data.pictures import Picture
from deepley.training.data.reduction import reduced

SPLITS = ("train", "valid", "test")
LABELS = {"real": 0, "fake": 1}

_BELOW = ("", "real-vs-fake", "real_vs_fake/real-vs-fake")
"""Folders against which the paths in the Kaggle set's CSVs are tried: it is unpacked in several ways."""

_CSV_NAME = re.compile(r"(train|valid|test)\.csv$")


class DataError(Refusal):
    """Training data that cannot be used; the message is one sentence for a person."""


@dataclass(frozen=True)
class Source:
    """One labelled image file, not read yet.

    Attributes:
        name: Path below the data folder, or member name in the tar.
        path: File that holds the bytes.
        label: 0 = real, 1 = fake.
        split: "train", "valid", "test", or None if the data does not name one.
        offset: Position of the first byte in `path`.
        size: Number of bytes; -1 for the rest of the file.
        kind: Kind of fake: "blended" below a folder of that name, else "generated".
    """

    name: str
    path: Path
    label: int
    split: str | None
    offset: int = 0
    size: int = -1
    kind: str = "generated"

    def read(self) -> bytes:
        """The image file's bytes.

        Raises:
            OSError: If the file cannot be read.
        """
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size)

    @property
    def twin(self) -> str | None:
        """Key of the real picture that this fake reconstructs (`names.real_key`); None for every other image."""
        return names.twin_key(self.name) if self.label else None

    @property
    def origin(self) -> str:
        """The set that the picture belongs to; see `names.origin`."""
        return names.origin(self.name)

    def face(self, rng: np.random.Generator | None = None, reduction: np.random.Generator | None = None) -> np.ndarray:
        """Decodes a training picture: the middle square after its shorter side was reduced to 256 px.

        Args:
            rng: Unused; `blends.Blend` draws its blend with it.
            reduction: Generator that draws how a larger picture is reduced (`reduction.reduced`); None reduces it as
                serving does.

        Returns:
            (256, 256, 3) uint8; the pixels of a 256 px picture are unchanged.

        Raises:
            PhotoError: If the file cannot be decoded.
            OSError: If the file cannot be read.
        """
        pixels = decode(self.read()).pixels
        if reduction is not None and min(pixels.shape[:2]) > FACE_SIZE:
            pixels = reduced(pixels, FACE_SIZE, reduction)
        height, width = pixels.shape[:2]
        factor = FACE_SIZE / min(height, width)
        pixels = reduce(pixels, max(FACE_SIZE, round(width * factor)), max(FACE_SIZE, round(height * factor)))
        return centre_crop(pixels, FACE_SIZE)


def find(data: Path) -> list[Source]:
    """Lists the labelled images of a folder or tar, sorted by name.

    A folder holds `real/` and `fake/`, or `{train,valid,test}/{real,fake}`, at any depth and with any folders below,
    as in `train/real/utkface/1.jpg`. Images below a folder "blended" in `fake/` are face swaps. If the folder holds
    `train.csv`, `valid.csv` or `test.csv` of the Kaggle set, only these name images, splits and labels (in their
    column `label`, 1 is real).

    Args:
        data: The folder, or an uncompressed `.tar` file: a compressed one cannot be read in place.

    Returns:
        The images, sorted by name.

    Raises:
        DataError: If there are no images, or a CSV is wrong.
    """
    if data.is_dir():
        tables = sorted(p for p in data.iterdir() if _CSV_NAME.fullmatch(p.name))
        try:
            found = _from_csvs(data, tables) if tables else _from_folder(data)
        except (UnicodeDecodeError, csv.Error) as error:
            raise DataError(f"A CSV in {data.name} is not UTF-8 text ({error}): save it as UTF-8.") from error
    elif data.is_file():
        found = _from_tar(data)
    else:
        raise DataError(f"There is no folder or tar at {data}.")
    if not found:
        raise DataError(f"{data} holds no images below folders named real/ and fake/.")
    return sorted(found, key=lambda source: source.name)


def place(path: PurePosixPath) -> tuple[int, str | None, str] | None:
    """Reads label, split and kind from the folders of a path.

    Args:
        path: Path of an image below the data folder.

    Returns:
        (label, split or None, kind); None if no folder names a label or the file is no image.
    """
    if path.suffix.lower() not in SUFFIXES:
        return None
    folders = [part.lower() for part in path.parts[:-1]]
    nearest = next((i for i in reversed(range(len(folders))) if folders[i] in LABELS), None)
    if nearest is None:
        return None
    above = folders[nearest - 1] if nearest else ""
    above = {"val": "valid", "validation": "valid"}.get(above, above)
    kind = "blended" if "blended" in folders[nearest + 1 :] else "generated"
    return LABELS[folders[nearest]], above if above in SPLITS else None, kind


def _from_folder(data: Path) -> list[Source]:
    """The images of a folder."""
    found = []
    for folder, folders, files in os.walk(data):
        folders.sort()
        for file in files:
            path = Path(folder, file)
            # `data` may itself be a split folder (train/), so its name counts as a parent.
            name = PurePosixPath(path.relative_to(data).as_posix())
            where = place(PurePosixPath(data.name) / name)
            if where:
                found.append(Source(str(name), path, *where[:2], kind=where[2]))
    return found


def _from_csvs(data: Path, tables: list[Path]) -> list[Source]:
    """The images that the Kaggle set's CSVs name."""
    found = []
    for table in tables:
        split = table.stem
        with open(table, newline="") as file:
            rows = csv.DictReader(file)
            if not {"path", "label"} <= set(rows.fieldnames or ()):
                raise DataError(f"{table.name} needs the columns 'path' and 'label'.")
            for row in rows:
                if row["label"] not in ("0", "1"):
                    raise DataError(f"{table.name}, line {rows.line_num}: label must be 0 or 1, not {row['label']!r}.")
                path = next(
                    (p for p in (data / below / row["path"] for below in _BELOW) if p.is_file()),
                    data / row["path"],
                )
                if not path.resolve().is_relative_to(data.resolve()):
                    raise DataError(f"{table.name}, line {rows.line_num}: {row['path']!r} leaves the data folder.")
                found.append(Source(row["path"], path, 1 - int(row["label"]), split))
    return found


def _from_tar(data: Path) -> list[Source]:
    """The images of an uncompressed tar."""
    found = []
    try:
        with tarfile.open(data, "r:") as archive:
            for member in archive:
                where = place(PurePosixPath(member.name)) if member.isreg() else None
                if where:
                    label, split, kind = where
                    found.append(Source(member.name, data, label, split, member.offset_data, member.size, kind))
    except (tarfile.TarError, OSError) as error:
        raise DataError(f"{data.name} cannot be read as an uncompressed tar ({error}).") from error
    return found


def fingerprint(sources: Sequence[Picture]) -> str:
    """SHA-256, hexadecimal, over the names, labels and sizes of images."""
    digest = hashlib.sha256()
    for source in sources:
        size = source.size if source.size >= 0 else source.path.stat().st_size
        digest.update(f"{source.name}\t{source.label}\t{size}\n".encode())
    return digest.hexdigest()
