"""Where pictures come from: a folder, the Kaggle CSVs beside one, or a tar read in place."""

from __future__ import annotations

import csv
import hashlib
import os
import re
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from deepley.config import FACE_SIZE
from deepley.errors import Refusal
from deepley.photo.decode import SUFFIXES, centre_crop, decode, reduce
from deepley.training.data.reduction import reduced

SPLITS = ("train", "valid", "test")
LABELS = {"real": 0, "fake": 1}
RECONSTRUCTED = "reconstructed"
"""Folder of the fakes that `reconstruction` made of the real pictures, which lie at the same place below `real/`."""
_BELOW = ("", "real-vs-fake", "real_vs_fake/real-vs-fake")
"""Where the Kaggle set's CSVs find their paths, as it is unpacked in one way or another."""
_CSV_NAME = re.compile(r"(train|valid|test)\.csv$")


class DataError(Refusal):
    """Training data that cannot be used; the message is one sentence for a person."""


@dataclass(frozen=True)
class Source:
    """One labelled image file, not read yet.

    Attributes:
        name: Path below the data folder, or member name in the tar.
        path: The file that holds the bytes.
        label: 0 = real, 1 = fake.
        split: "train", "valid", "test", or None where the data does not say.
        offset: First byte inside `path`.
        size: Bytes to read; -1 reads to the end.
        kind: Of a fake: "generated" whole, or "blended" where it lies below a folder of that name.
    """

    name: str
    path: Path
    label: int
    split: str | None
    offset: int = 0
    size: int = -1
    kind: str = "generated"

    def read(self) -> bytes:
        """Returns the image file's bytes."""
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(self.size)

    @property
    def twin(self) -> str | None:
        """Name of the real picture that this fake was made of, but for its suffix; None of one that was not."""
        head, made, tail = self.name.rpartition(f"fake/{RECONSTRUCTED}/")
        return f"{head}real/{stem(tail)}" if made else None

    @property
    def origin(self) -> str:
        """The folder that the picture lies in: its label, and where several sources were collected, its source."""
        return str(PurePosixPath(self.name).parent)

    def face(self, rng: np.random.Generator | None = None, reduction: np.random.Generator | None = None) -> np.ndarray:
        """Decodes a training picture: its shorter side at 256 px, its middle square.

        Args:
            rng: Unused here: a picture is what it is. `blends.Blend` draws with it.
            reduction: Draws how a larger picture is reduced (`reduction.reduced`); None does it as serving would.

        Returns:
            (256, 256, 3) uint8; a 256 px picture is returned untouched.
        """
        pixels = decode(self.read()).pixels
        if reduction is not None and min(pixels.shape[:2]) > FACE_SIZE:
            pixels = reduced(pixels, FACE_SIZE, reduction)
        height, width = pixels.shape[:2]
        factor = FACE_SIZE / min(height, width)
        pixels = reduce(pixels, max(FACE_SIZE, round(width * factor)), max(FACE_SIZE, round(height * factor)))
        return centre_crop(pixels, FACE_SIZE)


def stem(name: str) -> str:
    """A name without its suffix."""
    return str(PurePosixPath(name).with_suffix(""))


def find(data: Path) -> list[Source]:
    """Lists the labelled images of a folder or tar, sorted by name.

    A folder holds `real/` and `fake/`, or `{train,valid,test}/{real,fake}`, at any depth and with any folders below
    (`train/real/utkface/1.jpg`; what lies below a folder "blended" of `fake/` is a swap); where `train.csv`,
    `valid.csv` or `test.csv` of the Kaggle set lie in it, they alone say what belongs to which split (in their
    column `label`, 1 is real).

    Args:
        data: The folder, or a `.tar` file (compressed tars are refused: they cannot be read in place).

    Raises:
        DataError: If there is nothing to read, or a CSV does not fit.
    """
    if data.is_dir():
        tables = sorted(p for p in data.iterdir() if _CSV_NAME.fullmatch(p.name))
        found = _from_csvs(data, tables) if tables else _from_folder(data)
    elif data.is_file():
        found = _from_tar(data)
    else:
        raise DataError(f"There is no folder or tar at {data}.")
    if not found:
        raise DataError(f"{data} holds no images below folders named real/ and fake/.")
    return sorted(found, key=lambda source: source.name)


def place(path: PurePosixPath) -> tuple[int, str | None, str] | None:
    """Label, split and kind that the folders of `path` name, or None where there is no label."""
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
    found = []
    for folder, folders, files in os.walk(data):
        folders.sort()
        for file in files:
            path = Path(folder, file)
            # `data` itself may be a split folder (train/), so its name counts as a parent too.
            name = PurePosixPath(path.relative_to(data).as_posix())
            where = place(PurePosixPath(data.name) / name)
            if where:
                found.append(Source(str(name), path, *where[:2], kind=where[2]))
    return found


def _from_csvs(data: Path, tables: list[Path]) -> list[Source]:
    found = []
    for table in tables:
        split = _CSV_NAME.fullmatch(table.name)[1]
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


def fingerprint(sources: tuple) -> str:
    """SHA-256 over the names, labels and sizes of the images."""
    digest = hashlib.sha256()
    for source in sources:
        size = source.size if source.size >= 0 else source.path.stat().st_size
        digest.update(f"{source.name}\t{source.label}\t{size}\n".encode())
    return digest.hexdigest()
