"""Blends as further fakes of a data set, drawn anew from its real pictures for every training view."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tqdm

from deepley.photo import faces
from deepley.training.data.dataset import Dataset
from deepley.training.data.names import real_key
from deepley.training.data.pictures import Picture
from deepley.training.data.sources import Source, fingerprint
from deepley.training.views import blending

SWAPPED = 1 / 3
"""Share of blends with another person's face inside."""

_CANDIDATES = 64
"""Number of faces drawn at random, of which the one with the most similar landmarks is the donor."""

_BATCH = 128


@dataclass(frozen=True)
class Pool:
    """Real pictures and their landmarks.

    Attributes:
        sources: n real pictures.
        landmarks: (n, 5, 2) float32.
    """

    sources: tuple[Source, ...]
    landmarks: np.ndarray


@dataclass(frozen=True)
class Blend:
    """A blend into the face of a real picture: a `Picture` of a split, like `Source`.

    Attributes:
        pool: Real pictures that the faces come from.
        index: Position of the changed face in the pool.
    """

    pool: Pool
    index: int

    @property
    def label(self) -> int:
        """1, fake."""
        return 1

    @property
    def kind(self) -> str:
        """The kind of fake, "blended"."""
        return "blended"

    @property
    def name(self) -> str:
        """The name of the real picture with a mark."""
        return f"{self.real.name} (blend)"

    @property
    def twin(self) -> str:
        """The name of the real picture without its suffix."""
        return real_key(self.real.name)

    @property
    def real(self) -> Source:
        """The real picture."""
        return self.pool.sources[self.index]

    @property
    def origin(self) -> str:
        """The folder of the real picture with a mark."""
        return f"{self.real.origin} (blends)"

    @property
    def path(self) -> Path:
        """The file of the real picture."""
        return self.real.path

    @property
    def size(self) -> int:
        """The number of bytes of the real picture; -1 for all of `path`."""
        return self.real.size

    def face(self, rng: np.random.Generator | None = None, reduction: np.random.Generator | None = None) -> np.ndarray:
        """Draws a blend.

        Args:
            rng: Source of every draw; None gives the same blend every time.
            reduction: See `Source.face`.

        Returns:
            (256, 256, 3) uint8.

        Raises:
            PhotoError: If a real picture cannot be decoded.
            OSError: If a real picture cannot be read.
        """
        rng = rng or np.random.default_rng(list(hashlib.sha256(self.name.encode()).digest()[:8]))
        pool, here = self.pool, self.pool.landmarks[self.index]
        pixels = self.real.face(reduction=reduction)
        if rng.random() >= SWAPPED:
            return blending.self_blended(pixels, here, rng)
        others = rng.integers(len(pool.sources), size=_CANDIDATES)
        others = others[others != self.index] if len(pool.sources) > 1 else others
        donor = int(others[np.argmin(np.square(pool.landmarks[others] - here).sum(axis=(1, 2)))])
        return blending.swapped(pixels, here, pool.sources[donor].face(), pool.landmarks[donor], rng)


def add(dataset: Dataset, share: float, folder: Path) -> Dataset:
    """Adds blends of real pictures to each split of a data set.

    Args:
        dataset: Result of `dataset.load`.
        share: Number of blends as a share of the real pictures, 0..1.
        folder: Folder in which the landmarks of the real pictures are stored for the next run.

    Returns:
        A data set with the blends after the other images of each split.
    """
    splits: dict[str, tuple[Picture, ...]] = {}
    counts: dict[str, Mapping[str, int]] = {}
    for split, sources in dataset.splits.items():
        reals = tuple(source for source in sources if isinstance(source, Source) and source.label == 0)
        blends: list[Blend] = []
        if reals:
            pool = Pool(reals, _landmarks(reals, folder / f"landmarks-{split}.npz"))
            chosen = np.random.default_rng(0).permutation(len(reals))[: round(share * len(reals))]
            blends = [Blend(pool, int(i)) for i in sorted(chosen)]
        splits[split] = (*sources, *blends)
        counts[split] = {**dataset.report.counts[split], "blended": len(blends)}
    return Dataset(splits, replace(dataset.report, counts=counts))


def _landmarks(sources: tuple[Source, ...], path: Path) -> np.ndarray:
    """The landmarks of pictures, read from `path` if they were stored for the same pictures."""
    key = fingerprint(sources)
    if path.is_file():
        with np.load(path) as stored:
            if str(stored["key"]) == key:
                return stored["landmarks"]
    found = []
    for start in tqdm.trange(0, len(sources), _BATCH, desc="Finding landmarks", mininterval=5):
        found.append(faces.landmarks(np.stack([source.face() for source in sources[start : start + _BATCH]])))
    together = np.concatenate(found)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, key=key, landmarks=together)
    return together
