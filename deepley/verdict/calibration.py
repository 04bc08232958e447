"""Turns a logit into a calibrated score and a band of evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize, minimize_scalar

from deepley.errors import WeightsError
from deepley.network.files import CONFIG
from deepley.records import from_json

if TYPE_CHECKING:
    from deepley.network.release import Release

FALSE_POSITIVES = 0.02
"""Share of validation reals at or above the shipped threshold."""

DOUBTFUL = 0.05
"""Share of validation reals at or above the score from which a face is inconclusive."""

PRIOR = {"real": 0.5, "generated": 0.4, "blended": 0.1}
"""Assumed share of each class, for calibrating the kinds of fake against each other. It is a choice: half of the faces
are real, and blends are rarer than in training, where every second real face also occurs as a blend."""


class Evidence(StrEnum):
    """A band of evidence that a face was manipulated, from none to very strong."""

    NONE = "none found"
    INCONCLUSIVE = "inconclusive"
    WEAK = "weak"
    MODERATE = "moderate"
    STRONG = "strong"
    VERY_STRONG = "very strong"

    @property
    def rank(self) -> int:
        """Place of the band in the order of strength, from 0 for the weakest."""
        return list(Evidence).index(self)


@dataclass(frozen=True)
class Calibration:
    """Parameters that turn the logits of a release into scores and bands, fitted on its validation images.

    Attributes:
        temperature: Divisor of the logit (Guo et al. 2017).
        doubt: Score, 0..1, from which a face is inconclusive: 5 % of validation reals reach it.
        threshold: Score, 0..1, from which there is evidence: 2 % of validation reals reach it.
        moderate: Score from which evidence is moderate; from the threshold to this score, it is weak.
        strong: Score from which evidence is strong.
        very_strong: Score from which evidence is very strong.
    """

    temperature: float = 1.0
    doubt: float = 0.25
    threshold: float = 0.5
    moderate: float = 0.5
    strong: float = 0.7
    very_strong: float = 0.9

    def __post_init__(self) -> None:
        if not (np.isfinite(self.temperature) and self.temperature > 0):
            raise ValueError(f"The temperature must be positive, not {self.temperature}.")
        if not 0 <= self.doubt <= self.threshold <= 1:
            raise ValueError(f"0 <= doubt <= threshold <= 1 does not hold for {self.doubt} and {self.threshold}.")
        if not 0 < self.moderate < self.strong < self.very_strong <= 1:
            raise ValueError("The bands must rise: 0 < moderate < strong < very strong <= 1.")

    def score(self, logits: np.ndarray | float) -> np.ndarray:
        """Calibrated scores, 1 / (1 + exp(-logit / temperature)): float64 in 0..1, in the shape of `logits`."""
        z = np.asarray(logits, np.float64) / self.temperature
        return np.exp(-np.logaddexp(0, -z))

    def evidence(self, score: float) -> Evidence:
        """The band of a calibrated score.

        Raises:
            ValueError: If the score does not lie in 0..1.
        """
        if not 0 <= score <= 1:
            raise ValueError(f"A score lies in 0..1, {score} does not.")
        if score < self.doubt:
            return Evidence.NONE
        if score < self.threshold:
            return Evidence.INCONCLUSIVE
        bands = (
            (self.very_strong, Evidence.VERY_STRONG),
            (self.strong, Evidence.STRONG),
            (self.moderate, Evidence.MODERATE),
        )
        return next((evidence for edge, evidence in bands if score >= edge), Evidence.WEAK)


def of_release(loaded: Release) -> Calibration:
    """Reads the calibration that is stored in a release.

    Args:
        loaded: Loaded release.

    Returns:
        The calibration.

    Raises:
        WeightsError: If it is missing or breaks its contract.
    """
    try:
        return from_json(Calibration, loaded.config["calibration"])
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{loaded.folder / CONFIG}: the calibration cannot be used ({error}): fetch the release again."
        ) from error


def fit(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fits temperature, threshold and doubt on validation images.

    The temperature minimises the negative log-likelihood; the two scores are quantiles of the reals' scores.

    Args:
        logits: (n,) float.
        labels: (n,) labels, 1 = fake, 0 = real.

    Returns:
        The calibration.

    Raises:
        ValueError: If one of the classes is missing.
    """
    logits, labels = np.asarray(logits, np.float64), np.asarray(labels, np.float64)
    if not 0 < labels.mean() < 1:
        raise ValueError("Calibration needs real and fake images.")

    def loss(log_temperature: float) -> float:
        z = logits / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, z) - labels * z))

    temperature = float(np.exp(minimize_scalar(loss, bounds=(-3, 3), method="bounded").x))
    reals = Calibration(temperature).score(logits[labels == 0])
    return Calibration(temperature, doubt=_cut(reals, DOUBTFUL), threshold=_cut(reals, FALSE_POSITIVES))


def fit_kinds(logits: np.ndarray, classes: np.ndarray, kinds: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Fits a scale and a shift of each kind's logit on validation images: vector scaling (Guo et al. 2017).

    They minimise the cross-entropy, in which every class weighs as much as its share in `PRIOR`. A kind without a
    validation image keeps scale 1 and shift 0.

    Args:
        logits: (n, k) float, against real, whose logit is zero.
        classes: (n,) int classes, 0 = real, 1 + i = a fake of kind i.
        kinds: Names of the k kinds.

    Returns:
        (k,) float64 scales and (k,) float64 shifts: calibrated logits are `logits * scale + shift`.
    """
    logits, classes = np.asarray(logits, np.float64), np.asarray(classes)
    counts = np.bincount(classes, minlength=1 + len(kinds))
    prior = np.array([PRIOR["real"], *(PRIOR[kind] for kind in kinds)])
    weights = (prior / np.maximum(counts, 1))[classes]
    present = np.flatnonzero(counts[1:])

    def unpack(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale, shift = np.ones(len(kinds)), np.zeros(len(kinds))
        scale[present], shift[present] = np.exp(values[: len(present)]), values[len(present) :]
        return scale, shift

    def loss(values: np.ndarray) -> float:
        scale, shift = unpack(values)
        padded = np.pad(logits * scale + shift, ((0, 0), (1, 0)))
        wrong = np.logaddexp.reduce(padded, axis=1) - padded[np.arange(len(classes)), classes]
        return float(weights @ wrong / weights.sum())

    bounds = [(-3, 3)] * len(present) + [(-20, 20)] * len(present)
    return unpack(minimize(loss, np.zeros(2 * len(present)), bounds=bounds, method="L-BFGS-B").x)


def _cut(reals: np.ndarray, share: float) -> float:
    """The smallest score that at most `share` of the reals reach: just above the score of the next lower one."""
    ranked = np.sort(reals)[::-1]
    return float(min(np.nextafter(ranked[int(share * len(ranked))], 2), 1.0))
