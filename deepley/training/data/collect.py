"""Photos of any size made into training pictures: every face aligned as serving aligns it, and all saved alike."""

from __future__ import annotations

import collections
import hashlib
import io
from pathlib import Path

import numpy as np
import tqdm
from PIL import Image

from deepley.config import FACE_SIZE, FaceLimits
from deepley.host.files import write
from deepley.photo import faces
from deepley.photo.decode import SUFFIXES, PhotoError, decode
from deepley.training.data.sources import DataError

QUALITY = 95
"""JPEG quality, 4:2:0, of every picture written: that of the Kaggle set, so that tables tell nothing of the label."""

LARGEST = 512
"""Largest side, in pixels, of a picture written: views draw from it how it is reduced to what the network sees."""


def collect(photos: Path, out: Path, limit: int = 0, skip: int = 0) -> list[tuple[str, str]]:
    """Writes the largest face of each photo to `out` as a JPEG of 256 px, or up to `LARGEST` where the photo has them.

    Photos are taken in the order of their SHA-256: `skip` and `limit` cut the same disjoint parts every time. A face
    that serving would not judge, too small or too blurred, is left out. Pictures have the names of their photos, and
    of photos that share a name, the beginning of their SHA-256 too.

    Args:
        photos: A folder, searched at any depth.
        out: Made if missing.
        limit: Photos to take at most; 0 takes all.
        skip: Photos to pass over first.

    Returns:
        (name, reason) of each photo without a picture.

    Raises:
        DataError: If there is no such folder.
    """
    if not photos.is_dir():
        raise DataError(f"There is no folder at {photos}.")
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    found.sort(key=digests.get)
    limits, refused = FaceLimits(), []
    stems = collections.Counter(_stem(path) for path in found)
    for path in tqdm.tqdm(found[skip : skip + limit if limit else None], desc=out.name, unit=" photos", mininterval=10):
        try:
            pixels = decode(path.read_bytes()).pixels
            seen = faces.find(pixels, limits)
        except PhotoError as error:
            refused.append((str(path.relative_to(photos)), str(error)))
            continue
        if not seen or seen[0].side < limits.min_side or seen[0].sharpness < limits.min_sharpness:
            refused.append((str(path.relative_to(photos)), "no face, or one too small or too blurred"))
            continue
        buffer = io.BytesIO()
        Image.fromarray(_crop(pixels, seen[0], limits)).save(buffer, "JPEG", quality=QUALITY, subsampling="4:2:0")
        name = _stem(path) if stems[_stem(path)] == 1 else f"{_stem(path)}-{digests[path][:12]}"
        write(out / f"{name}.jpg", buffer.getvalue())
    return refused


def _crop(pixels: np.ndarray, face: faces.Face, limits: FaceLimits) -> np.ndarray:
    """The aligned face at the photo's own resolution, within 256 px and `LARGEST`."""
    own = round(FACE_SIZE / np.hypot(*face.to_crop[0, :2]))
    if own <= FACE_SIZE:
        return face.crop
    crop, _ = faces.align(pixels, face.landmarks, limits.aligned_tolerance, min(own, LARGEST))
    return crop


def _stem(path: Path) -> str:
    return path.name.split(".")[0]
