"""Checks a clip and gives a verdict for each face that was followed; page and command line call only this."""

from __future__ import annotations

import collections
import hashlib
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from deepley.config import FaceLimits, VideoLimits
from deepley.host.steps import finish
from deepley.network.files import TEMPORAL
from deepley.photo.decode import fit_within
from deepley.verdict.calibration import Calibration, Evidence
from deepley.verdict.detector import Detector
from deepley.video import reader, temporal_head
from deepley.video.observations import GAP, Observation, look, unusable
from deepley.video.reader import Pair, Reading
from deepley.video.tracks import Tracker
from deepley.video.verdict import BRIEF, ClipVerdict, Shown, TrackVerdict


@dataclass(frozen=True)
class Step:
    """The progress of a check.

    Attributes:
        stage: Current stage, in words.
        share: Share that is done, 0..1; None if the length of the clip is unknown.
        left: Estimated seconds to go; None if unknown.
    """

    stage: str
    share: float | None = None
    left: float | None = None


@dataclass
class _Seen:
    """What was seen of the faces of a clip so far, by track number.

    Attributes:
        tracker: Tracker of the clip.
        shown: Small copies of frames.
        looks: Observations of each track.
        refused: Reasons why faces of each track were not usable, with counts.
    """

    tracker: Tracker
    shown: list[Shown] = field(default_factory=list)
    looks: dict[int, list[Observation]] = field(default_factory=lambda: collections.defaultdict(list))
    refused: dict[int, collections.Counter[str]] = field(
        default_factory=lambda: collections.defaultdict(collections.Counter)
    )


class Watcher:
    """Checks clips with a detector and the temporal head of its release, if there is one.

    Args:
        detector: Detector of a loaded release.

    Attributes:
        detector: Detector of a loaded release.
        head: Temporal head, or None.

    Raises:
        WeightsError: If the temporal head cannot be used.
    """

    def __init__(self, detector: Detector) -> None:
        self.detector = detector
        self.head = temporal_head.load(detector.release.folder / TEMPORAL, detector.release.sha256)

    def calibration(self, track: TrackVerdict) -> Calibration:
        """The calibration of the score that the verdict on a track is based on."""
        return self.head.combined if self.head and track.decided == "both" else self.detector.calibration

    def check(self, path: Path, limits: VideoLimits = VideoLimits()) -> ClipVerdict:
        """Checks one clip.

        Args:
            path: File of the clip.
            limits: Limits of size, format and length.

        Raises:
            VideoError: If the file is not a usable clip.
        """
        return finish(self.steps(path, limits))

    def steps(
        self, path: Path, limits: VideoLimits = VideoLimits(), face_limits: FaceLimits = FaceLimits()
    ) -> Generator[Step, None, ClipVerdict]:
        """Checks one clip step by step; closing the generator stops the work.

        Args:
            path: File of the clip.
            limits: Limits of size, format and length.
            face_limits: Limits of face detection.

        Yields:
            The progress of the check.

        Returns:
            The verdict.

        Raises:
            VideoError: If the file is not a usable clip.
        """
        yield Step("Reading the file")
        known = reader.facts(path, limits)
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole = min(known.seconds, limits.max_seconds) if known.seconds else None
        seen = _Seen(Tracker(limits, face_limits))
        reading = yield from self._follow(path, limits, face_limits, seen, whole)
        yield Step("Weighing the evidence", 1.0, 0.0)
        tracks = tuple(self._judge(i, seen.looks[number]) for i, number in enumerate(sorted(seen.looks), 1))
        nowhere = [number for number in seen.refused if number not in seen.looks]
        reason = None if tracks else _reason([seen.refused[number] for number in nowhere], face_limits)
        return ClipVerdict(digest, reading, tuple(seen.shown), tracks, reason, len(nowhere), seen.tracker.beyond)

    def _follow(
        self, path: Path, limits: VideoLimits, face_limits: FaceLimits, seen: _Seen, whole: float | None
    ) -> Generator[Step, None, Reading]:
        """Follows the faces of a clip through its pairs and adds what it sees to `seen`."""
        started = time.monotonic()
        pairs = reader.read(path, limits)
        while True:
            try:
                pair = next(pairs)
            except StopIteration as end:
                return end.value
            usable = {}
            for number, sighting in seen.tracker.follow(pair).items():
                why = unusable(sighting.first, face_limits)
                if why:
                    seen.refused[number][why] += 1
                else:
                    usable[number] = sighting
            temperature = self.detector.calibration.temperature
            explained = look(list(usable.values()), pair, self.detector.engine.explain, temperature)
            for number, each in zip(usable, explained):
                seen.looks[number].append(each)
            seen.shown.append(_shown(pair, limits))
            done = min((pair.first.seconds - seen.shown[0].seconds + limits.every) / whole, 1.0) if whole else None
            left = (time.monotonic() - started) * (1 - done) / done if done else None
            yield Step(f"Following faces, at {pair.first.seconds:.1f} s", done, left)

    def _judge(self, number: int, looks: list[Observation]) -> TrackVerdict:
        """The verdict on one followed face."""
        cut = self.detector.calibration
        logits = np.array([each.logit for each in looks])
        spatial_scores, spatial = _scores(logits), float(_scores(logits.mean()))
        score, scores, evidence, decided = spatial, spatial_scores, cut.evidence(spatial), "frames"
        temporal, over_time, why = None, np.full(len(looks), np.nan), self._why_not(looks)
        if self.head is not None and why is None:
            found = self.head.logits(temporal_head.sequence(looks))
            temporal = float(_scores(found.mean()))
            changes = _over_time(found, looks)
            known = ~np.isnan(changes)
            over_time[known] = _scores(changes[known])
            together = float(self.head.combined.score(self.head.combination.logit(logits.mean(), found.mean())))
            band = self.head.combined.evidence(together)
            if band.rank >= evidence.rank:
                score, evidence, decided = together, band, "both"
                scores = spatial_scores.copy()
                scores[known] = self.head.combined.score(self.head.combination.logit(logits[known], changes[known]))
        strange = self._strange(looks)
        if strange or len(looks) < BRIEF:
            evidence = Evidence.INCONCLUSIVE
        return TrackVerdict(
            number, tuple(looks), spatial, spatial_scores, temporal, over_time, score, scores, evidence, decided,
            strange, why,
        )  # fmt: skip

    def _why_not(self, looks: list[Observation]) -> str | None:
        """The reason why changes between frames are not judged; None if they are."""
        if self.head is None:
            return "This release has no temporal head, so changes between frames were not judged."
        if len(temporal_head.sequence(looks)) < temporal_head.WINDOW:
            return (
                f"Changes between frames were not judged: that takes {temporal_head.WINDOW} pairs of different "
                f"frames, {GAP[0] * 1000:.0f} to {GAP[1] * 1000:.0f} ms apart, in which the face is found."
            )
        return None

    def _strange(self, looks: list[Observation]) -> bool:
        """Whether most observations are unlike the faces that the network was trained on."""
        novelty = self.detector.novelty
        return novelty is not None and bool(novelty.far(np.stack([each.embedding for each in looks])).mean() > 0.5)


def _scores(logits: np.ndarray | float) -> np.ndarray:
    """The scores of logits that are calibrated already."""
    return Calibration().score(logits)


def _over_time(found: np.ndarray, looks: list[Observation]) -> np.ndarray:
    """The (t,) mean logit of the stretches around each observation; NaN without any."""
    pairs = len(found) + temporal_head.WINDOW - 1
    sums, counts = np.zeros(pairs), np.zeros(pairs)
    for i, logit in enumerate(found):
        sums[i : i + temporal_head.WINDOW] += logit
        counts[i : i + temporal_head.WINDOW] += 1
    means = np.full(len(looks), np.nan)
    means[[i for i, each in enumerate(looks) if each.features is not None]] = sums / counts
    return means


def _shown(pair: Pair, limits: VideoLimits) -> Shown:
    """A small copy of the first frame of a pair."""
    small, factor = fit_within(pair.first.pixels, limits.shown_side)
    _, jpeg = cv2.imencode(".jpg", small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return Shown(pair.first.seconds, pair.shot, jpeg.tobytes(), factor)


def _reason(refused: list[collections.Counter[str]], limits: FaceLimits) -> str:
    """The reason why no face of a clip was judged, with advice."""
    why: collections.Counter[str] = sum(refused, collections.Counter())
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
