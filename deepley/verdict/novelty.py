"""Novelty: how unlike the training pictures a face is, as a Mahalanobis distance on the network's embedding.

Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples" (2018), take the distance to the
nearest class mean under a shared covariance. Here it is computed in the space of the leading principal components, with
the length of the rest as one more coordinate (Wang et al., "ViM", 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from deepley.errors import WeightsError
from deepley.host.files import write
from deepley.network.files import DOUBT

COMPONENTS = 64
"""Number of principal components that are kept: about 270 kB in float16 for 2,048 features."""

FAR = 0.01
"""Share of validation pictures whose distance exceeds the limit."""


@dataclass(frozen=True)
class Novelty:
    """The distribution of the training pictures' embeddings.

    Attributes:
        mean: (f,) float32, mean of all embeddings.
        components: (f, c) float32, orthonormal principal components.
        centres: (k, c) float32, class means in the space of the components.
        scale: (c,) float32, standard deviation around the class means.
        rest: (2,) float32, mean and standard deviation of the length of what the components leave out.
        limit: Distance above which a face is unlike anything the network was trained on.
    """

    mean: np.ndarray
    components: np.ndarray
    centres: np.ndarray
    scale: np.ndarray
    rest: np.ndarray
    limit: float

    def distance(self, embeddings: np.ndarray) -> np.ndarray:
        """Measures how unlike the training pictures faces are.

        Args:
            embeddings: (n, f) float.

        Returns:
            (n,) float64 distances; that of a usual face is about the root of the number of components.
        """
        centred = np.asarray(embeddings, np.float64) - self.mean
        inside = centred @ self.components
        left_out = np.sqrt(np.maximum(np.square(centred).sum(axis=1) - np.square(inside).sum(axis=1), 0))
        to_centres = np.square((inside[:, None] - self.centres) / self.scale).sum(axis=2).min(axis=1)
        return np.sqrt(to_centres + np.square((left_out - self.rest[0]) / self.rest[1]))

    def far(self, embeddings: np.ndarray) -> np.ndarray:
        """(n,) bool: for each of (n, f) embeddings, whether it is unlike anything the network was trained on."""
        return self.distance(embeddings) > self.limit

    def save(self, folder: Path) -> None:
        """Writes the distribution into a release folder."""
        tensors: dict[str, np.ndarray] = {
            "mean": self.mean.astype(np.float32),
            "components": self.components.astype(np.float16),
            "centres": self.centres.astype(np.float32),
            "scale": self.scale.astype(np.float32),
            "rest": self.rest.astype(np.float32),
            "limit": np.array([self.limit], np.float32),
        }
        write(folder / DOUBT, save_tensors(tensors))


def load(folder: Path) -> Novelty | None:
    """Reads the distribution from a release folder.

    Args:
        folder: Folder of the release.

    Returns:
        The distribution; None if the release has none.

    Raises:
        WeightsError: If the file is damaged.
    """
    path = folder / DOUBT
    if not path.is_file():
        return None
    try:
        tensors = {name: value.astype(np.float32) for name, value in load_tensors(path.read_bytes()).items()}
        limit = float(tensors.pop("limit")[0])
        return Novelty(**tensors, limit=limit)
    except (SafetensorError, OSError, KeyError, TypeError, IndexError) as error:
        raise WeightsError(f"{path} cannot be used ({error}): fetch the release again.") from error


def fit(embeddings: np.ndarray, classes: np.ndarray, held_out: np.ndarray) -> Novelty:
    """Fits the distribution on training pictures, and its limit on validation pictures.

    Args:
        embeddings: (n, f) float, embeddings of training pictures.
        classes: (n,) int, classes of the training pictures.
        held_out: (m, f) float, embeddings of validation pictures; `FAR` of them exceed the limit.

    Returns:
        The distribution.
    """
    embeddings = np.asarray(embeddings, np.float64)
    mean = embeddings.mean(axis=0)
    centred = embeddings - mean
    _, vectors = np.linalg.eigh(centred.T @ centred)
    components = vectors[:, ::-1][:, :COMPONENTS].astype(np.float16).astype(np.float64)  # as they are stored
    inside = centred @ components
    present = np.unique(classes)
    centres = np.stack([inside[classes == value].mean(axis=0) for value in present])
    around = inside - centres[np.searchsorted(present, classes)]
    left_out = np.sqrt(np.maximum(np.square(centred).sum(axis=1) - np.square(inside).sum(axis=1), 0))
    tiny = 1e-6
    fitted = Novelty(
        mean, components, centres, np.maximum(around.std(axis=0), tiny),
        np.array([left_out.mean(), max(left_out.std(), tiny)]), np.inf,
    )  # fmt: skip
    limit = float(np.quantile(fitted.distance(held_out), 1 - FAR))
    return Novelty(fitted.mean, fitted.components, fitted.centres, fitted.scale, fitted.rest, limit)
