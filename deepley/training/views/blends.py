"""Blends as further fakes of a data set: made from its real pictures, anew in every view that training takes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tqdm

from deepley.photo import faces
from deepley.training.data.dataset import Dataset
from deepley.training.data.sources import Source, fingerprint, stem
from deepley.training.views import blending

SWAPPED = 1 / 3
"""Share of blends whose inside is another person's face."""

_CANDIDATES = 64
"""Other faces, drawn at random, of which the one with the most similar landmarks is the donor."""

_BATCH = 128


@dataclass(frozen=True)
class Pool:
    """Real pictures, and the landmarks of each: (n, 5, 2) float32."""

    sources: tuple[Source, ...]
    landmarks: np.ndarray


@dataclass(frozen=True)
class Blend:
    """A blend on the face of picture `index` of a pool; it stands beside `Source` in a split.

    Attributes:
        pool: Where the faces come from.
        index: The face that is changed.
    """

    pool: Pool
    index: int
    label = 1
    kind = "blended"

    @property
    def name(self) -> str:
        """Name of the real picture, marked."""
        return f"{self.real.name} (blend)"

    @property
    def twin(self) -> str:
        """Name of the real picture, without its suffix."""
        return stem(self.real.name)

    @property
    def real(self) -> Source:
        """The real picture."""
        return self.pool.sources[self.index]

    @property
    def origin(self) -> str:
        """The folder of the real picture, marked."""
        return f"{self.real.origin} (blends)"

    @property
    def path(self) -> Path:
        """The file of the real picture."""
        return self.real.path

    @property
    def size(self) -> int:
        """Bytes of the real picture; -1 for all of `path`."""
        return self.real.size

    def face(self, rng: np.random.Generator | None = None, reduction: np.random.Generator | None = None) -> np.ndarray:
        """(256, 256, 3) uint8, drawn with `rng`; without one, always the same blend. See `Source.face`."""
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
    """The data set with blends of `share` of each split's real pictures beside what it holds.

    Args:
        dataset: As `dataset.load` returns it.
        share: 0..1.
        folder: Where the landmarks of the real pictures are kept for the next time.
    """
    splits, counts = {}, {}
    for split, sources in dataset.splits.items():
        reals = tuple(source for source in sources if source.label == 0)
        blends: list[Blend] = []
        if reals:
            pool = Pool(reals, _landmarks(reals, folder / f"landmarks-{split}.npz"))
            chosen = np.random.default_rng(0).permutation(len(reals))[: round(share * len(reals))]
            blends = [Blend(pool, int(i)) for i in sorted(chosen)]
        splits[split] = (*sources, *blends)
        counts[split] = dataset.report.counts[split] | {"blended": len(blends)}
    return Dataset(splits, replace(dataset.report, counts=counts))


def _landmarks(sources: tuple[Source, ...], path: Path) -> np.ndarray:
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
