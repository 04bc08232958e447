"""Examples for the temporal head: synthetic clips of photos, read and followed as a check does it.

The features of each photo are stored as soon as they are computed, so a killed run goes on where it was.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tqdm

from deepley.config import FaceLimits
from deepley.host.files import write
from deepley.network import release
from deepley.photo import alignment, faces
from deepley.photo.decode import PhotoError
from deepley.training.data import dataset
from deepley.training.data.sources import SPLITS, DataError, Source
from deepley.training.video import clips
from deepley.training.views import blending
from deepley.verdict import calibration
from deepley.video import changes, frames, observations, reader, temporal_head, tracks
from deepley.video.observations import Explain, Observation

SHARES = {"train": 0.5, "valid": 0.15, "test": 0.35}
"""Share of the photos for each split."""

_CODE = (alignment, blending, clips, faces, observations, reader, frames, changes, tracks)
"""Modules on which the features of a clip depend: stored features are computed anew when their text changes."""


@dataclass(frozen=True)
class Examples:
    """Examples for the head: n clips in the order of the photos and, for each photo, of `clips.KINDS`.

    Attributes:
        sequences: (n, `temporal_head.WINDOW`, f + 7) float32, embeddings and temporal features.
        spatial: (n,) float64, mean calibrated logit of the detector.
        kinds: (n,) str, one of `clips.KINDS` each.
        splits: (n,) str, one of `SHARES` each.
        lost: Number of photos left out because a pair of one of their clips has no usable face.
    """

    sequences: np.ndarray
    spatial: np.ndarray
    kinds: np.ndarray
    splits: np.ndarray
    lost: int

    def of(self, split: str, kinds: tuple[str, ...] = ("real", "blended")) -> np.ndarray:
        """(n,) bool, true for the clips of a split and of some kinds."""
        return (self.splits == split) & np.isin(self.kinds, kinds)


def split_of(digest: str, split: str) -> str:
    """The split of a photo's clips. It depends on the SHA-256, so that copies are never in two splits.

    Args:
        digest: SHA-256 of the photo's bytes, hexadecimal.
        split: Split of the photo: one of "test" tests the head, one of "valid" trains or validates it.

    Returns:
        A key of `SHARES`.
    """
    if split == "test":
        return "test"
    place = int(digest[:8], 16) / 2**32 * (1 - SHARES["test"])
    return "train" if place < SHARES["train"] else "valid"


def choose(sources: list[Source], limit: int = 0) -> list[tuple[str, str, Source]]:
    """Chooses the real photos to film.

    Photos that the release was trained on (`dataset.split_of`) and copies of them are left out.

    Args:
        sources: Aligned faces.
        limit: Number of photos at most, shared out by `SHARES`; 0 takes all.

    Returns:
        (SHA-256, split, source) in the order of the SHA-256.
    """
    named = {source.split for source in sources}
    by_split: dict[str, dict[str, Source]] = {split: {} for split in SPLITS}
    for source in sources:
        if source.label == 0:
            content = hashlib.sha256(source.read())
            by_split[dataset.split_of(source, content.digest(), named)].setdefault(content.hexdigest(), source)
    found: dict[str, tuple[str, str, Source]] = {}
    for split in ("test", "valid"):  # a copy in both counts as test
        for digest, source in by_split[split].items():
            if digest not in by_split["train"]:
                found.setdefault(digest, (digest, split_of(digest, split), source))
    chosen: list[tuple[str, str, Source]] = []
    for split, share in SHARES.items():
        photos = sorted((photo for photo in found.values() if photo[1] == split), key=lambda photo: photo[0])
        chosen += photos[: round(limit * share)] if limit else photos
    return sorted(chosen, key=lambda photo: photo[0])


def examples(sources: list[Source], loaded: release.Release, store: Path, limit: int = 0) -> Examples:
    """Makes a real and a blended clip of every chosen photo, and a control of every test photo, and computes features.

    Args:
        sources: See `choose`.
        loaded: Release that embeds the faces.
        store: Folder in which the features of each photo are stored; stored ones are reused.
        limit: See `choose`.

    Raises:
        DataError: If a split has no clip.
        OSError: If a photo cannot be read or features cannot be written.
    """
    photos, key = choose(sources, limit), _key(loaded)
    tasks = [(store / f"{digest}-{key}.npz", digest, split, source) for digest, split, source in photos]
    missing = [task for task in tasks if not task[0].exists()]
    # Threads suffice: TensorFlow, OpenCV, NumPy and FFmpeg release the interpreter's lock.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(_Filmer(loaded), missing)
        for _ in tqdm.tqdm(done, "Filming", len(missing), unit=" photos", mininterval=10):
            pass
    rows: list[tuple[np.ndarray, float, str, str]] = []
    lost = 0
    for path, _, split, _ in tasks:
        with np.load(path) as kept:
            lost += not len(kept["spatial"])
            rows += zip(kept["sequences"], kept["spatial"], _kinds(split), [split] * len(kept["spatial"]))
    empty = [split for split in SHARES if not any(row[3] == split for row in rows)]
    if empty:
        raise DataError(
            f"There are too few real photos: none of {len(photos)} became a clip of the {' and the '.join(empty)} "
            "split. Photos that training takes are left out, as the release has seen them."
        )
    sequences, spatial, kinds, splits = zip(*rows)
    return Examples(np.stack(sequences), np.array(spatial), np.array(kinds), np.array(splits), lost)


def _kinds(split: str) -> tuple[str, ...]:
    """The kinds of clips that are made of a photo."""
    return clips.KINDS if split == "test" else clips.KINDS[:2]


def _key(loaded: release.Release) -> str:
    """A digest of everything that features depend on besides the photo."""
    temperature = calibration.of_release(loaded).temperature
    digest = hashlib.sha256(f"{loaded.sha256} {temperature} {temporal_head.WINDOW}".encode())
    for module in _CODE:
        digest.update(Path(str(module.__file__)).read_bytes())
    return digest.hexdigest()[:12]


class _Filmer:
    """Films a photo, computes the features of its clips and stores them.

    Args:
        loaded: Release that embeds the faces.
    """

    def __init__(self, loaded: release.Release) -> None:
        # TensorFlow may be missing on a machine that trains with another backend.
        from deepley.engine.tensorflow import TensorFlowEngine

        self._explain = TensorFlowEngine(loaded.model).explain
        self._temperature = calibration.of_release(loaded).temperature

    def __call__(self, task: tuple[Path, str, str, Source]) -> None:
        path, digest, split, source = task
        try:
            pixels = source.face()
        except PhotoError:
            found = []
        else:
            found = list(self._clips(pixels, digest, split))
        complete = [each for each in found if each is not None]
        kept = complete if len(complete) == len(found) else []
        content = io.BytesIO()
        np.savez(content, sequences=[sequence for sequence, _ in kept], spatial=[logit for _, logit in kept])
        write(path, content.getvalue())

    def _clips(self, pixels: np.ndarray, digest: str, split: str) -> Iterator[tuple[np.ndarray, float] | None]:
        """The features of each clip of a photo, see `watched`."""
        (landmarks,) = faces.landmarks(pixels[None]).astype(np.float64)
        shot = clips.shot(_draw(f"{digest} shot"))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            for kind in _kinds(split):
                clips.render(path, pixels, landmarks, kind, shot, _draw(f"{digest} {kind}"))
                yield watched(path, self._explain, self._temperature)


def _draw(name: str) -> np.random.Generator:
    """A generator whose seed is a name."""
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))


def watched(path: Path, explain: Explain, temperature: float) -> tuple[np.ndarray, float] | None:
    """The features of the first `temporal_head.WINDOW` pairs of a synthetic clip.

    Args:
        path: File of the clip.
        explain: Function from faces to activations, such as `Engine.explain`.
        temperature: Temperature of the release.

    Returns:
        (WINDOW, f + 7) float32 and the mean calibrated logit of the detector; None if a pair has no usable face.

    Raises:
        VideoError: If the file is not a usable clip.
    """
    tracker, limits = tracks.Tracker(), FaceLimits()
    seen: list[Observation] = []
    for pair in reader.read(path):
        usable = [s for s in tracker.follow(pair).values() if observations.unusable(s.first, limits) is None]
        seen += observations.look(usable[:1], pair, explain, temperature)
    found = temporal_head.sequence(seen)[: temporal_head.WINDOW]
    if len(found) < temporal_head.WINDOW:
        return None
    return found, float(np.mean([each.logit for each in seen[: temporal_head.WINDOW]]))
