"""Figures of a detector on aligned face crops, with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tqdm
from sklearn.metrics import average_precision_score, roc_auc_score

from deepley.config import MICRO_BATCH
from deepley.errors import Refusal
from deepley.network import devices
from deepley.network.heads import EMBEDDING, LOGIT
from deepley.network.model import evidence
from deepley.photo.decode import PhotoError
from deepley.records import SCHEMA_VERSION
from deepley.training.data.pictures import Picture, Skipped
from deepley.training.measure import intervals
from deepley.training.measure.intervals import Figures
from deepley.verdict.calibration import Calibration

BINS = 15
"""Equal-width bins of the expected calibration error (Guo et al. 2017)."""


def looker(network: keras.Model) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """A compiled function from faces to logits and embeddings, on any Keras backend.

    Args:
        network: Network of `network.model.build`.

    Returns:
        A function that maps up to `MICRO_BATCH` faces, (n, h, w, 3) uint8, to (n,) float64 logits and (n, c) float32
        embeddings.
    """
    scorer = keras.Model(network.input, [network.get_layer(LOGIT).output, network.get_layer(EMBEDDING).output])
    scorer.compile(jit_compile=devices.jit_compile())

    def look(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = len(faces)
        # XLA compiles a network anew for each batch size, so smaller batches are padded.
        filled = np.concatenate([faces, np.zeros((MICRO_BATCH - n, *faces.shape[1:]), faces.dtype)])
        kinds, embeddings = scorer.predict_on_batch(filled)
        return evidence(np.asarray(kinds)[:n]), np.asarray(embeddings, np.float32)[:n]

    return look


def score_readable(
    score: Callable[[np.ndarray], np.ndarray], sources: Sequence[Picture], name: str = "Scoring"
) -> tuple[np.ndarray, tuple[Picture, ...], list[Skipped]]:
    """Scores aligned face crops and shows a progress bar.

    Args:
        score: Function from (n, 256, 256, 3) uint8 faces to (n,) logits, such as `Engine.score`.
        sources: Images to score.
        name: Label of the progress bar.

    Returns:
        (n,) float64 logits of the readable images, those images, and (name, reason) of the others.
    """
    logits: list[np.ndarray] = []
    readable: list[Picture] = []
    unreadable: list[Skipped] = []
    waiting: list[np.ndarray] = []
    for i, source in enumerate(tqdm.tqdm(sources, desc=name, unit=" images")):
        try:
            waiting.append(source.face())
            readable.append(source)
        except (PhotoError, OSError) as error:
            unreadable.append((source.name, str(error)))
        if waiting and (len(waiting) == MICRO_BATCH or i == len(sources) - 1):
            logits.append(score(np.stack(waiting)))
            waiting = []
    together = np.concatenate(logits) if logits else np.zeros(0)
    return together.astype(np.float64), tuple(readable), unreadable


def figures(
    logits: np.ndarray, labels: np.ndarray, calibration: Calibration, far: np.ndarray | None = None, seed: int = 0
) -> Figures:
    """All figures of one set, each with a 95 % bootstrap interval.

    Accuracy and balanced accuracy are taken at the calibrated score 0.5; the false-positive rate (real images called
    fake) and the recall (fakes found) at the shipped threshold. "Inconclusive" is the share of scores from doubt up to
    the threshold; the selective accuracy is that of the remaining images at the threshold. If a class is missing, only
    the figures that do not need it are given.

    Args:
        logits: (n,) float.
        labels: (n,) 1 = fake, 0 = real.
        calibration: Calibration of the release.
        far: (n,) bool, true for images unlike the training pictures (`verdict.novelty`); None if unknown.
        seed: Seed of the resampling, which is done within each class so that both are always present.

    Returns:
        The counts "n", "real" and "fake", and an interval for each figure.

    Raises:
        Refusal: If there are no images.
    """
    labels = np.asarray(labels).astype(int)
    reals, fakes = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    if not len(labels):
        raise Refusal("An evaluation needs images that can be read.")
    scores = calibration.score(logits)

    def values(pick: np.ndarray) -> dict[str, float]:
        beyond = None if far is None else far[pick]
        return _values(logits[pick], scores[pick], labels[pick], calibration, beyond)

    found = intervals.bootstrap(values, len(labels), intervals.within([reals, fakes]), seed)
    return {"n": len(labels), "real": len(reals), "fake": len(fakes), **found}


def _values(
    logits: np.ndarray, scores: np.ndarray, labels: np.ndarray, calibration: Calibration, far: np.ndarray | None
) -> dict[str, float]:
    """The figures of one sample, without intervals."""
    called, flagged = scores >= 0.5, scores >= calibration.threshold
    real, fake = labels == 0, labels == 1
    unsure = (scores >= calibration.doubt) & ~flagged
    alone = {"inconclusive": float(unsure.mean())}
    if far is not None:
        alone["unlike_training"] = float(far.mean())
    if real.any():
        alone["false_positive_rate"] = float(flagged[real].mean())
    if fake.any():
        alone["recall"] = float(flagged[fake].mean())
    if not (real.any() and fake.any()):
        return alone
    return alone | {
        "accuracy": float((called == fake).mean()),
        "balanced_accuracy": float((called[fake].mean() + (~called[real]).mean()) / 2),
        "auc": float(roc_auc_score(labels, logits)),
        "average_precision": float(average_precision_score(labels, logits)),
        "ece": expected_calibration_error(scores, labels),
        "selective_accuracy": float((flagged == fake)[~unsure].mean()) if not unsure.all() else 0.0,
    }


def expected_calibration_error(scores: np.ndarray, labels: np.ndarray) -> float:
    """The mean distance between predicted score and share of fakes, weighted over `BINS` equal bins.

    Args:
        scores: (n,) calibrated scores, 0..1.
        labels: (n,) 1 = fake, 0 = real.

    Returns:
        The error, 0..1.
    """
    return float(sum(n / len(scores) * abs(share - mean) for mean, share, n in reliability(scores, labels)))


def reliability(scores: np.ndarray, labels: np.ndarray) -> list[tuple[float, float, int]]:
    """A reliability diagram as numbers.

    Args:
        scores: (n,) calibrated scores, 0..1.
        labels: (n,) 1 = fake, 0 = real.

    Returns:
        (mean score, share of fakes, number of images) of every bin that is not empty.
    """
    index = np.minimum((np.asarray(scores) * BINS).astype(int), BINS - 1)
    labels = np.asarray(labels)
    counts = np.bincount(index, minlength=BINS)
    sums, fakes = np.bincount(index, scores, BINS), np.bincount(index, labels, BINS)
    return [(sums[i] / counts[i], fakes[i] / counts[i], int(counts[i])) for i in range(BINS) if counts[i]]


def summary(
    name: str, logits: np.ndarray, labels: np.ndarray, calibration: Calibration, far: np.ndarray | None = None
) -> Figures:
    """The figures of a set with each image's score and label, from which every plot can be drawn again.

    Args:
        name: Name of the set.
        logits: See `figures`.
        labels: See `figures`.
        calibration: See `figures`.
        far: See `figures`.

    Returns:
        The result of `figures`, with "set", "scores" and "labels" added.
    """
    return {
        "set": name,
        **figures(logits, labels, calibration, far),
        "scores": [float(score) for score in calibration.score(logits)],
        "labels": [int(label) for label in labels],
    }


def document(sets: dict[str, Figures]) -> dict[str, Any]:
    """The content of a metrics.json.

    Args:
        sets: Summaries by name of the set.

    Returns:
        The summaries, and what the figures mean.
    """
    return {
        "schema": SCHEMA_VERSION,
        "interval": f"95 % bootstrap, {intervals.RESAMPLES} resamples within each class",
        "accuracy_at": "calibrated score 0.5",
        "false_positive_rate_and_recall_at": "the shipped threshold",
        "sets": sets,
    }
