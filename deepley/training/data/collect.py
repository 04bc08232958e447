"""Training pictures from photos of any size: faces are aligned as serving aligns them, and all are saved alike."""

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
from deepley.photo import alignment, faces
from deepley.photo.decode import SUFFIXES, PhotoError, decode
from deepley.training.data.pictures import Skipped
from deepley.training.data.sources import DataError

QUALITY = 95
"""JPEG quality, 4:2:0, of every picture: that of the Kaggle set, so that quantisation tables do not show the label."""

LARGEST = 512
"""Largest side of a picture in pixels; training draws how it is reduced to the input of the network."""


def collect(photos: Path, out: Path, limit: int = 0, skip: int = 0) -> list[Skipped]:
    """Writes the largest face of each photo as a JPEG of 256 px, or up to `LARGEST` if the photo is large enough.

    Photos are taken in the order of their SHA-256, so `skip` and `limit` select the same disjoint parts every time.
    Faces that serving would not judge because they are too small or too blurred are left out. A picture has the name
    of its photo; if several photos share a name, the beginning of the SHA-256 is added.

    Args:
        photos: Folder of photos, searched at any depth.
        out: Folder of the pictures; made if missing.
        limit: Number of photos to take at most; 0 takes all.
        skip: Number of photos to pass over first.

    Returns:
        (name, reason) of each photo without a picture.

    Raises:
        DataError: If there is no such folder.
        OSError: If a photo cannot be read or a picture cannot be written.
    """
    if not photos.is_dir():
        raise DataError(f"There is no folder at {photos}.")
    found = sorted(path for path in photos.rglob("*") if path.suffix.lower() in SUFFIXES)
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    found.sort(key=digests.__getitem__)
    limits, refused = FaceLimits(), list[Skipped]()
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
    """The aligned face at the photo's own resolution, from 256 px to `LARGEST`."""
    own = round(FACE_SIZE / np.hypot(*face.to_crop[0, :2]))
    if own <= FACE_SIZE:
        return face.crop
    crop, _ = alignment.align(pixels, face.landmarks, limits.aligned_tolerance, min(own, LARGEST))
    return crop


def _stem(path: Path) -> str:
    """The name of a file up to its first dot."""
    return path.name.split(".")[0]
