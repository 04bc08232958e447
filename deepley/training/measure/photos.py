"""What the page says of whole photos: every file goes the way of a visitor's, and the verdicts are counted as shown."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import tqdm
from sklearn.metrics import roc_auc_score

from deepley.photo.decode import PhotoError, decode, fit_within
from deepley.training.data.sources import Source
from deepley.training.measure.intervals import Figures, bootstrap, within
from deepley.verdict.calibration import Evidence
from deepley.verdict.detector import Detector
from deepley.verdict.photo import PhotoVerdict

BETWEEN, CROSSES, UNLIKE = INCONCLUSIVE = (
    "inconclusive: the score lies between doubt and threshold",
    "inconclusive: a treatment carries the score across the threshold",
    "inconclusive: the face is unlike the training pictures",
)
NOT_APPLICABLE = "not applicable"
OUTCOMES = (
    str(Evidence.NONE),
    *INCONCLUSIVE,
    *(str(band) for band in Evidence if band.rank > Evidence.INCONCLUSIVE.rank),
    NOT_APPLICABLE,
)
"""What a photo's verdict can come to, that of its face with the strongest evidence."""

_CLASSES, _KINDS = ("real", "fake"), ("none", "inconclusive", "evidence")


@dataclass(frozen=True)
class Delivery:
    """How photos reach the detector.

    Attributes:
        side: Longest side in pixels; larger photos are shrunk to it. 0 leaves the file as it is.
        quality: JPEG quality that the photo is saved with, 1..100.
    """

    side: int = 0
    quality: int = 0

    def __call__(self, data: bytes) -> bytes:
        """The photo as it arrives.

        Args:
            data: Bytes of the image file.

        Raises:
            PhotoError: If the file is no usable photo.
        """
        if not self.side:
            return data
        pixels, _ = fit_within(decode(data).pixels, self.side)
        return cv2.imencode(".jpg", pixels[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1].tobytes()


DELIVERIES = {"as it is": Delivery(), "web": Delivery(768, 60), "hard": Delivery(512, 40)}
"""The three in which Sieve reports itself (github.com/Phineas1500/sieve-ai-image-detector)."""


@dataclass(frozen=True)
class Shown:
    """What the page says of one photo.

    Attributes:
        label: 1 = fake, 0 = real.
        outcome: One of `OUTCOMES`.
        scores: Calibrated scores, 0..1, of the face with the strongest evidence: as it is, then under each treatment;
            empty if the question does not apply.
    """

    label: int
    outcome: str
    scores: tuple[float, ...]


def look(
    detector: Detector, sources: Sequence[Source], delivery: Delivery, name: str
) -> tuple[list[Shown], list[tuple[str, str]]]:
    """Checks photos as the page does.

    Args:
        detector: A loaded release.
        sources: Real and fake photos, whole or aligned.
        delivery: How they arrive.
        name: Label of the progress bar.

    Returns:
        What is shown of each readable photo, and (name, reason) of the others.
    """
    shown, unreadable = [], []
    for source in tqdm.tqdm(sources, desc=name, unit=" photos", mininterval=10):
        try:
            verdict = detector.check(delivery(source.read()))
        except (PhotoError, OSError) as error:
            unreadable.append((source.name, str(error)))
            continue
        scores: tuple[float, ...] = ()
        if verdict.verdicts:
            worst = verdict.verdicts[verdict.worst]
            scores = (worst.score, *worst.stability.treated.values())
        shown.append(Shown(source.label, outcome(verdict), scores))
    return shown, unreadable


def outcome(verdict: PhotoVerdict) -> str:
    """What a photo's verdict comes to: one of `OUTCOMES`."""
    if not verdict.verdicts:
        return NOT_APPLICABLE
    worst = verdict.verdicts[verdict.worst]
    if worst.evidence is not Evidence.INCONCLUSIVE:
        return str(worst.evidence)
    if worst.strange:
        return UNLIKE
    return CROSSES if worst.stability.flips else BETWEEN


def figures(shown: Sequence[Shown], threshold: float) -> Figures:
    """Rates of what is shown, each with its 95 % bootstrap interval, resampled within each class.

    Args:
        shown: See `look`.
        threshold: Score, 0..1, from which there is evidence.

    Returns:
        "real" and "fake": numbers of judged photos. "real_outcomes" and "fake_outcomes": numbers of photos by outcome.
        Intervals of the shares of the judged photos: "real_none", "real_inconclusive" and "real_evidence", and the same
        of "fake". Where both classes are there, intervals of "auc" and of "balanced_accuracy" (called fake from the
        threshold on), both of the score of the face as it is.
    """
    found: Figures = {}
    for label, name in enumerate(_CLASSES):
        counts = collections.Counter(each.outcome for each in shown if each.label == label)
        found[name] = sum(counts.values()) - counts[NOT_APPLICABLE]
        found[f"{name}_outcomes"] = {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]}
    judged = [each for each in shown if each.scores]
    labels = np.array([each.label for each in judged], int)
    scores = np.array([each.scores[0] for each in judged])
    kinds = np.array([_kind(each.outcome) for each in judged])

    def values(pick: np.ndarray) -> dict[str, float]:
        shares: dict[str, float] = {}
        for label, name in enumerate(_CLASSES):
            members = pick[labels[pick] == label]
            if len(members):
                shares |= {f"{name}_{kind}": float((kinds[members] == kind).mean()) for kind in _KINDS}
        if len(set(labels[pick].tolist())) == 2:
            above, fake = scores[pick] >= threshold, labels[pick] == 1
            shares["auc"] = float(roc_auc_score(labels[pick], scores[pick]))
            shares["balanced_accuracy"] = float((above[fake].mean() + (~above[~fake]).mean()) / 2)
        return shares

    classes = [np.flatnonzero(labels == label) for label in range(len(_CLASSES))]
    return found | dict(bootstrap(values, len(judged), within(classes))) if judged else found


def _kind(outcome: str) -> str:
    if outcome == OUTCOMES[0]:
        return "none"
    return "inconclusive" if outcome in INCONCLUSIVE else "evidence"
