"""How good a detector is: figures with bootstrap intervals, on aligned face crops."""

from __future__ import annotations

from collections.abc import Callable

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
from deepley.verdict.calibration import Calibration

BINS = 15
"""Equal-width bins of the expected calibration error (Guo et al. 2017)."""

RESAMPLES = 1000
"""Bootstrap resamples; within each class, so that both are always there."""


def looker(network: keras.Model) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Maps up to `MICRO_BATCH` faces to logits and embeddings, on any Keras backend.

    (n, h, w, 3) uint8 becomes (n,) float64 and (n, c) float32. Fewer are filled up to `MICRO_BATCH`: XLA compiles a
    network anew for each number of them.

    Args:
        network: As `network.model.build` returns it.
    """
    scorer = keras.Model(network.input, [network.get_layer(LOGIT).output, network.get_layer(EMBEDDING).output])
    scorer.compile(jit_compile=devices.jit_compile())

    def look(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        n = len(faces)
        filled = np.concatenate([faces, np.zeros((MICRO_BATCH - n, *faces.shape[1:]), faces.dtype)])
        kinds, embeddings = scorer.predict_on_batch(filled)
        return evidence(np.asarray(kinds)[:n]), np.asarray(embeddings, np.float32)[:n]

    return look


def score_readable(
    score: Callable[[np.ndarray], np.ndarray], sources: tuple, name: str = "Scoring"
) -> tuple[np.ndarray, tuple, list[tuple[str, str]]]:
    """Logits of images that are aligned crops, with a progress bar.

    Args:
        score: (n, 256, 256, 3) uint8 to (n,) logits, such as `Engine.score`.
        sources: The images.
        name: Of the progress bar.

    Returns:
        (n,) float64 logits of the readable images, those images, and (name, reason) of the others.
    """
    logits, readable, unreadable, waiting = [], [], [], []
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
) -> dict:
    """All figures of one set, each with a 95 % bootstrap interval.

    Accuracy and balanced accuracy are at calibrated score 0.5; false-positive rate (reals called fake) and recall
    (fakes found) at the shipped threshold. Inconclusive is the share between doubt and threshold, selective accuracy
    that of the others, called by the threshold. Where a class is missing, only what needs no other is there.

    Args:
        logits: (n,) float.
        labels: (n,) 1 = fake, 0 = real.
        calibration: Of the release.
        far: (n,) bool, which are unlike the training pictures (`verdict.doubt`); None if that is not known.
        seed: Of the resampling.

    Returns:
        {"n", "real", "fake", and per figure {"value", "low", "high"}}.

    Raises:
        ValueError: If there are no images.
    """
    labels = np.asarray(labels).astype(int)
    reals, fakes = np.flatnonzero(labels == 0), np.flatnonzero(labels == 1)
    if not len(labels):
        raise Refusal("An evaluation needs images that can be read.")
    scores = calibration.score(logits)
    values = _values(logits, scores, labels, calibration, far)
    rng = np.random.default_rng(seed)
    samples = []
    for _ in range(RESAMPLES):
        pick = np.concatenate([rng.choice(of, len(of)) for of in (reals, fakes) if len(of)])
        beyond = None if far is None else far[pick]
        samples.append(_values(logits[pick], scores[pick], labels[pick], calibration, beyond))
    result: dict = {"n": len(labels), "real": len(reals), "fake": len(fakes)}
    for name, value in values.items():
        low, high = np.quantile([sample[name] for sample in samples], [0.025, 0.975])
        result[name] = {"value": value, "low": float(low), "high": float(high)}
    return result


def _values(
    logits: np.ndarray, scores: np.ndarray, labels: np.ndarray, calibration: Calibration, far: np.ndarray | None
) -> dict[str, float]:
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
    """Mean distance, weighted by bin, between predicted score and share of fakes in `BINS` equal bins; 0..1."""
    return float(sum(n / len(scores) * abs(share - mean) for mean, share, n in reliability(scores, labels)))


def reliability(scores: np.ndarray, labels: np.ndarray) -> list[tuple[float, float, int]]:
    """(mean score, share of fakes, n) of every bin that is not empty."""
    index = np.minimum((np.asarray(scores) * BINS).astype(int), BINS - 1)
    labels = np.asarray(labels)
    counts = np.bincount(index, minlength=BINS)
    sums, fakes = np.bincount(index, scores, BINS), np.bincount(index, labels, BINS)
    return [(sums[i] / counts[i], fakes[i] / counts[i], int(counts[i])) for i in range(BINS) if counts[i]]


def summary(
    name: str, logits: np.ndarray, labels: np.ndarray, calibration: Calibration, far: np.ndarray | None = None
) -> dict:
    """`figures`, with each image's score and label, from which every plot can be drawn again."""
    return {
        "set": name,
        **figures(logits, labels, calibration, far),
        "scores": [float(score) for score in calibration.score(logits)],
        "labels": [int(label) for label in labels],
    }


def document(sets: dict[str, dict]) -> dict:
    """metrics.json: the summaries by split, and what the figures mean."""
    return {
        "schema": SCHEMA_VERSION,
        "interval": f"95 % bootstrap, {RESAMPLES} resamples within each class",
        "accuracy_at": "calibrated score 0.5",
        "false_positive_rate_and_recall_at": "the shipped threshold",
        "sets": sets,
    }
