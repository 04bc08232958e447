"""Clip in, one verdict a face followed out: the one thing that page and command line call."""

from __future__ import annotations

import collections
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from deepley.config import FaceLimits, VideoLimits
from deepley.network.files import TEMPORAL
from deepley.photo.decode import fit_within
from deepley.verdict.calibration import Calibration, Evidence
from deepley.verdict.detector import Detector
from deepley.video import reader, temporal_head
from deepley.video.observations import GAP, Observation, look, unusable
from deepley.video.reader import Reading
from deepley.video.tracks import Tracker
from deepley.video.verdict import BRIEF, ClipVerdict, Shown, TrackVerdict


@dataclass(frozen=True)
class Step:
    """How far a check has come.

    Attributes:
        stage: What is being done, in words.
        share: Of the whole, 0..1; None where the file does not say how long it is.
        left: Seconds to go, estimated from those gone; None where nothing can be said.
    """

    stage: str
    share: float | None = None
    left: float | None = None


class Watcher:
    """A detector and, if its release has one, its temporal head, ready to check clips.

    Args:
        detector: A loaded release.

    Raises:
        WeightsError: If there is a temporal head that cannot be used.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.head = temporal_head.load(detector.release.folder / TEMPORAL, detector.release.sha256)

    def calibration(self, track: TrackVerdict) -> Calibration:
        """Of the score that the verdict on a track goes by."""
        return self.head.combined if track.decided == "both" else self.detector.calibration

    def check(self, path: Path, limits: VideoLimits = VideoLimits()) -> ClipVerdict:
        """Checks one clip.

        Raises:
            VideoError: If the file is no usable clip.
        """
        *_, verdict = self.steps(path, limits)
        return verdict

    def steps(
        self, path: Path, limits: VideoLimits = VideoLimits(), face_limits: FaceLimits = FaceLimits()
    ) -> Iterator[Step | ClipVerdict]:
        """Checks one clip; yields how far it has come, and last the verdict. Closing it stops the work.

        Raises:
            VideoError: If the file is no usable clip.
        """
        yield Step("Reading the file")
        known = reader.facts(path, limits)
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole = min(known.seconds, limits.max_seconds) if known.seconds else None
        tracker, shown, started = Tracker(limits, face_limits), [], time.monotonic()
        looks: dict[int, list[Observation]] = collections.defaultdict(list)
        refused: dict[int, collections.Counter] = collections.defaultdict(collections.Counter)
        reading = None
        for pair in reader.read(path, limits):
            if isinstance(pair, Reading):
                reading = pair
                break
            usable = {}
            for number, seen in tracker.follow(pair).items():
                why = unusable(seen.first, face_limits)
                if why:
                    refused[number][why] += 1
                else:
                    usable[number] = seen
            temperature = self.detector.calibration.temperature
            explained = look(list(usable.values()), pair, self.detector.engine.explain, temperature)
            for number, each in zip(usable, explained):
                looks[number].append(each)
            shown.append(_shown(pair, limits))
            done = min((pair.first.seconds - shown[0].seconds + limits.every) / whole, 1.0) if whole else None
            left = (time.monotonic() - started) * (1 - done) / done if done else None
            yield Step(f"Following faces, at {pair.first.seconds:.1f} s", done, left)
        yield Step("Weighing the evidence", 1.0, 0.0)
        tracks = tuple(self._judge(i, looks[number]) for i, number in enumerate(sorted(looks), 1))
        nowhere = [number for number in refused if number not in looks]
        reason = None if tracks else _reason([refused[number] for number in nowhere], face_limits)
        yield ClipVerdict(digest, reading, tuple(shown), tracks, reason, len(nowhere), tracker.beyond)

    def _judge(self, number: int, looks: list[Observation]) -> TrackVerdict:
        cut, novelty = self.detector.calibration, self.detector.novelty
        logits = np.array([each.logit for each in looks])
        spatial = _score(float(logits.mean()))
        temporal, over_time, why = None, np.full(len(looks), np.nan), None
        scores = spatial_scores = _score(logits)
        score, evidence, decided = spatial, cut.evidence(spatial), "frames"
        if self.head is None:
            why = "This release has no temporal head, so what changes between frames was not judged."
        elif len(sequence := temporal_head.sequence(looks)) < temporal_head.WINDOW:
            why = (
                f"What changes between frames was not judged: that takes {temporal_head.WINDOW} pairs of different "
                f"frames, {GAP[0] * 1000:.0f} to {GAP[1] * 1000:.0f} ms apart, in which the face is found."
            )
        else:
            found = self.head.logits(sequence)
            temporal = _score(float(found.mean()))
            changes = _over_time(found, looks)
            known = ~np.isnan(changes)
            over_time[known] = _score(changes[known])
            together = float(self.head.combined.score(self.head.combination.logit(logits.mean(), found.mean())))
            band = self.head.combined.evidence(together)
            if band.rank >= evidence.rank:
                score, evidence, decided = together, band, "both"
                scores = spatial_scores.copy()
                scores[known] = self.head.combined.score(self.head.combination.logit(logits[known], changes[known]))
        strange = False
        if novelty is not None:
            far = novelty.distance(np.stack([each.embedding for each in looks])) > novelty.limit
            strange = bool(far.mean() > 0.5)
        if strange or len(looks) < BRIEF:
            evidence = Evidence.INCONCLUSIVE
        return TrackVerdict(
            number, tuple(looks), spatial, spatial_scores, temporal, over_time, score, scores, evidence, decided,
            strange, why,
        )  # fmt: skip


def _score(logit: float | np.ndarray) -> float | np.ndarray:
    """Of logits that are calibrated already."""
    score = Calibration().score(logit)
    return score if score.ndim else float(score)


def _over_time(found: np.ndarray, looks: list[Observation]) -> np.ndarray:
    """(t,) mean logit of the stretches that hold each look; NaN for looks in none."""
    pairs = len(found) + temporal_head.WINDOW - 1
    sums, counts = np.zeros(pairs), np.zeros(pairs)
    for i, logit in enumerate(found):
        sums[i : i + temporal_head.WINDOW] += logit
        counts[i : i + temporal_head.WINDOW] += 1
    means = np.full(len(looks), np.nan)
    means[[i for i, each in enumerate(looks) if each.features is not None]] = sums / counts
    return means


def _shown(pair: reader.Pair, limits: VideoLimits) -> Shown:
    small, factor = fit_within(pair.first.pixels, limits.shown_side)
    _, jpeg = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return Shown(pair.first.seconds, pair.shot, jpeg.tobytes(), factor)


def _reason(refused: list[collections.Counter], limits: FaceLimits) -> str:
    why = sum(refused, collections.Counter())
    if why["too blurred"]:
        return "The faces are too blurred: there is not enough detail left to judge. Try a sharper version of the clip."
    if why["too small"]:
        return (
            f"The faces are smaller than {limits.min_side} pixels, where scores are not reliable. Try a larger version "
            "of the clip."
        )
    return (
        f"No face was found. Try a clip in which a face is upright, turned to the camera and at least "
        f"{limits.min_side} pixels wide."
    )
