"""What may be said of a clip: per face, per sampled frame, and which of them decides."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from deepley.explain.drawing import outline, overlay
from deepley.explain.heatmap import on_photo
from deepley.verdict.calibration import Evidence
from deepley.video.observations import Observation
from deepley.video.reader import Reading

BRIEF = 3
"""Pairs below which a face was seen too briefly: one slip of the face finder must not decide about a clip."""


@dataclass(frozen=True)
class Shown:
    """A small copy of the first frame of a pair.

    Attributes:
        seconds: Its time.
        shot: Number of cuts before it.
        jpeg: The picture, its longest side at most `VideoLimits.shown_side`.
        factor: Its scale against the frame, 0 < factor <= 1.
    """

    seconds: float
    shot: int
    jpeg: bytes
    factor: float

    @property
    def pixels(self) -> np.ndarray:
        """(h, w, 3) uint8."""
        return cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


@dataclass(frozen=True)
class TrackVerdict:
    """What may be said of one face of a clip.

    Attributes:
        number: Of the track, from 1, in the order of appearance.
        looks: One a pair in which the face was judged, in order of time.
        spatial: Calibrated score of single frames: that of the mean logit, 0..1.
        spatial_scores: (t,) the score of each look.
        temporal: Calibrated score of what changes between frames, 0..1; None if it was not judged.
        temporal_scores: (t,) the mean score of the stretches around each look; NaN where there is none.
        score: The one that the verdict goes by.
        scores: (t,) the same at each look: of single frames where changes were not judged there.
        evidence: Its band; inconclusive if the face was seen too briefly, or is mostly unlike any trained on.
        decided: "both" if that is the combined score, "frames" if it is the spatial one: where the temporal evidence
            was not judged, or single frames alone give a stronger band. A head has only seen blends, so what it does
            not find must not outweigh a generator's traces; each score has its own false positives, at worst they add.
        strange: The face is, in most looks, unlike anything that the network was trained on.
        why: Why the temporal evidence was not judged, in a sentence; None if it was.
    """

    number: int
    looks: tuple[Observation, ...]
    spatial: float
    spatial_scores: np.ndarray
    temporal: float | None
    temporal_scores: np.ndarray
    score: float
    scores: np.ndarray
    evidence: Evidence
    decided: str
    strange: bool
    why: str | None

    @property
    def brief(self) -> bool:
        """Whether it was seen in too few pairs to be judged."""
        return len(self.looks) < BRIEF

    @property
    def peak(self) -> int:
        """Index of the look at which the score that the verdict goes by is highest."""
        return int(np.argmax(self.scores))


@dataclass(frozen=True)
class ClipVerdict:
    """What may be said of a clip.

    Attributes:
        sha256: Of the file, in hexadecimal.
        reading: What was read of it.
        shown: One a pair, in order of time.
        tracks: One a face with a usable look, in the order of appearance.
        reason: Why the question does not apply, or None if there is a verdict.
        left_out: Faces followed of which no look was usable.
        beyond: Most faces seen at one time that were not followed, as there were larger ones.
    """

    sha256: str
    reading: Reading
    shown: tuple[Shown, ...]
    tracks: tuple[TrackVerdict, ...]
    reason: str | None
    left_out: int
    beyond: int

    @property
    def strongest(self) -> int:
        """Index of the track with the strongest evidence, brief ones last; there must be one."""
        return max(
            range(len(self.tracks)),
            key=lambda i: (not self.tracks[i].brief, self.tracks[i].evidence.rank, self.tracks[i].score),
        )

    def nearest(self, seconds: float) -> int:
        """Index of the shown frame that is nearest to a time."""
        return int(np.argmin([abs(shown.seconds - seconds) for shown in self.shown]))

    def overlay(self, index: int, opacity: float = 0.7) -> tuple[np.ndarray, list[int]]:
        """A shown frame with its faces outlined and their heatmaps laid over it.

        Args:
            index: In `shown`.
            opacity: Of the hottest place, 0..1.

        Returns:
            (h, w, 3) uint8, and the numbers of the tracks in it, which the outlines bear if the clip has several.
        """
        shown = self.shown[index]
        pixels = shown.pixels
        height, width = pixels.shape[:2]
        # A pixel i of the shrunk frame is centred on pixel (i + 0.5) / factor - 0.5 of the frame.
        shift = 0.5 / shown.factor - 0.5
        grow = np.array([[1 / shown.factor, 0, shift], [0, 1 / shown.factor, shift], [0, 0, 1]])
        here = [(t.number, each) for t in self.tracks for each in t.looks if each.seconds == shown.seconds]
        to_crops = [each.to_crop @ grow for _, each in here]
        heat = np.zeros((height, width), np.float32)
        for (_, each), to_crop in zip(here, to_crops):
            heat = np.maximum(heat, on_photo(each.heatmap, to_crop, width, height))
        numbers = [number for number, _ in here]
        shown_numbers = numbers if len(self.tracks) > 1 else None
        return outline(overlay(pixels, heat, opacity), to_crops, shown_numbers), numbers
