"""Clips as the temporal head sees them: made of photos, then read, followed and looked at as a check does.

Each photo's features are stored as soon as they are there, so that a killed run goes on where it was.
"""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tqdm

from deepley.config import FaceLimits
from deepley.host.files import write
from deepley.network import release
from deepley.photo import faces
from deepley.photo.decode import PhotoError
from deepley.training.data import dataset
from deepley.training.data.sources import SPLITS, DataError, Source
from deepley.training.video import clips
from deepley.training.views import blending
from deepley.verdict import calibration
from deepley.video import changes, observations, reader, temporal_head, tracks
from deepley.video.reader import Pair

SHARES = {"train": 0.5, "valid": 0.15, "test": 0.35}
"""Of the photos, by what their clips are for."""

_CODE = (blending, clips, faces, observations, reader, changes, tracks)
"""Modules on which the features of a clip depend."""


@dataclass(frozen=True)
class Examples:
    """Clips as the head sees them: photo by photo, each photo's in the order of `clips.KINDS`.

    Attributes:
        sequences: (n, `head.WINDOW`, f + 7) float32.
        spatial: (n,) float64, mean calibrated logit of the detector.
        kinds: (n,) str, of `clips.KINDS`.
        splits: (n,) str, of `SHARES`.
        lost: Photos left out because in one of their clips the face was not found and usable in every pair.
    """

    sequences: np.ndarray
    spatial: np.ndarray
    kinds: np.ndarray
    splits: np.ndarray
    lost: int

    def of(self, split: str, kinds: tuple[str, ...] = ("real", "blended")) -> np.ndarray:
        """(n,) bool: the clips of a split and of these kinds."""
        return (self.splits == split) & np.isin(self.kinds, kinds)


def split_of(digest: str, split: str) -> str:
    """What a photo's clips are for: by its SHA-256, so that copies are never on two sides.

    Args:
        digest: Of the photo's bytes, in hexadecimal.
        split: The photo's: one of "test" tests, one of "valid" trains the head or validates it.
    """
    if split == "test":
        return "test"
    place = int(digest[:8], 16) / 2**32 * (1 - SHARES["test"])
    return "train" if place < SHARES["train"] else "valid"


def choose(sources: list[Source], limit: int = 0) -> list[tuple[str, str, Source]]:
    """The real photos to film, as (SHA-256, split, source), in the order of their SHA-256.

    Photos that training takes (`dataset.split_of`), and copies of them, are left out: the release has seen them.

    Args:
        sources: Aligned faces.
        limit: Take at most this many, `SHARES` of them for each split; 0 takes all.
    """
    named = {source.split for source in sources}
    by_split: dict[str, dict[str, Source]] = {split: {} for split in SPLITS}
    for source in sources:
        if source.label == 0:
            digest = hashlib.sha256(source.read())
            by_split[dataset.split_of(source, digest.digest(), named)].setdefault(digest.hexdigest(), source)
    found: dict[str, tuple[str, str, Source]] = {}
    for split in ("test", "valid"):  # of a copy in both, the first counts
        for digest, source in by_split[split].items():
            if digest not in by_split["train"]:
                found.setdefault(digest, (digest, split_of(digest, split), source))
    chosen = []
    for split, share in SHARES.items():
        photos = sorted((photo for photo in found.values() if photo[1] == split), key=lambda photo: photo[0])
        chosen += photos[: round(limit * share)] if limit else photos
    return sorted(chosen, key=lambda photo: photo[0])


def examples(sources: list[Source], loaded: release.Release, store: Path, limit: int = 0) -> Examples:
    """Makes a real and a blended clip of every chosen photo, of test photos a control too, and looks at each.

    Args:
        sources: See `choose`.
        loaded: The release that looks.
        store: Folder in which each photo's features are kept; those that are there are not made again.
        limit: See `choose`.

    Raises:
        DataError: If a split has no clip.
    """
    photos, key = choose(sources, limit), _key(loaded)
    tasks = [(store / f"{digest}-{key}.npz", digest, split, source) for digest, split, source in photos]
    missing = [task for task in tasks if not task[0].exists()]
    # Threads: nearly all of the work is done in TensorFlow, OpenCV, NumPy and FFmpeg, which run beside each other.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = pool.map(_Filmer(loaded), missing)
        for _ in tqdm.tqdm(done, "Filming", len(missing), unit=" photos", mininterval=10):
            pass
    rows, lost = [], 0
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
    return clips.KINDS if split == "test" else clips.KINDS[:2]


def _key(loaded: release.Release) -> str:
    temperature = calibration.of_release(loaded).temperature
    digest = hashlib.sha256(f"{loaded.sha256} {temperature} {temporal_head.WINDOW}".encode())
    for module in _CODE:
        digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()[:12]


class _Filmer:
    """Films photos and looks at the clips with a release."""

    def __init__(self, loaded: release.Release) -> None:
        from deepley.engine.tensorflow import (
            TensorFlowEngine,  # needs TensorFlow, which a training machine may not have
        )

        self._explain = TensorFlowEngine(loaded.model).explain
        self._temperature = calibration.of_release(loaded).temperature

    def __call__(self, task: tuple[Path, str, str, Source]) -> None:
        path, digest, split, source = task
        try:
            pixels = source.face()
        except PhotoError:
            found = [None]
        else:
            found = list(self._clips(pixels, digest, split))
        lost = any(each is None for each in found)
        content = io.BytesIO()
        np.savez(
            content, sequences=[] if lost else np.stack([each[0] for each in found]),
            spatial=[] if lost else [each[1] for each in found],
        )  # fmt: skip
        write(path, content.getvalue())

    def _clips(self, pixels: np.ndarray, digest: str, split: str) -> Iterator[tuple[np.ndarray, float] | None]:
        (landmarks,) = faces.landmarks(pixels[None]).astype(np.float64)
        shot = clips.shot(_draw(f"{digest} shot"))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            for kind in _kinds(split):
                clips.render(path, pixels, landmarks, kind, shot, _draw(f"{digest} {kind}"))
                yield watched(path, self._explain, self._temperature)


def _draw(name: str) -> np.random.Generator:
    return np.random.default_rng(list(hashlib.sha256(name.encode()).digest()))


def watched(path: Path, explain: Callable, temperature: float) -> tuple[np.ndarray, float] | None:
    """The first `head.WINDOW` pairs of a made clip's face; None if it is not found and usable in all of them.

    Returns:
        (WINDOW, f + 7) float32, and the detector's mean calibrated logit.
    """
    tracker, limits, seen = tracks.Tracker(), FaceLimits(), []
    for pair in reader.read(path):
        if not isinstance(pair, Pair):
            break
        usable = [s for s in tracker.follow(pair).values() if observations.unusable(s.first, limits) is None]
        seen += observations.look(usable[:1], pair, explain, temperature)
    found = temporal_head.sequence(seen)[: temporal_head.WINDOW]
    if len(found) < temporal_head.WINDOW:
        return None
    return found, float(np.mean([each.logit for each in seen[: temporal_head.WINDOW]]))
