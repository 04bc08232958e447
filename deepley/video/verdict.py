"""The verdict on a clip: by face, by sampled frame, and which of them decides."""

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
"""Number of pairs below which a face was seen too briefly: one false detection must not decide about a clip."""


@dataclass(frozen=True)
class Shown:
    """A small copy of the first frame of a pair.

    Attributes:
        seconds: Time of the frame.
        shot: Number of cuts before it.
        jpeg: Picture as JPEG, its longest side at most `VideoLimits.shown_side`.
        factor: Scale of the picture against the frame, 0 < factor <= 1.
    """

    seconds: float
    shot: int
    jpeg: bytes
    factor: float

    @property
    def pixels(self) -> np.ndarray:
        """The picture, (h, w, 3) uint8 RGB."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR))[:, :, ::-1]


@dataclass(frozen=True)
class TrackVerdict:
    """The verdict on one face of a clip.

    Attributes:
        number: Number of the track, from 1, in the order of appearance.
        looks: Observations in order of time, one for each pair in which the face was judged.
        spatial: Calibrated score of single frames, 0..1: that of the mean logit.
        spatial_scores: (t,) score of each observation.
        temporal: Calibrated score of changes between frames, 0..1; None if they were not judged.
        temporal_scores: (t,) mean score of the stretches around each observation; NaN without any.
        score: Score that the verdict is based on, 0..1.
        scores: (t,) the same for each observation; the score of single frames where changes were not judged.
        evidence: Band of the score; inconclusive if the face was seen too briefly or is mostly unlike the training
            faces.
        decided: "both" if the combined score decides; "frames" if the spatial one does, because changes were not judged
            or single frames alone give a stronger band. The head was trained on blends only, so its finding nothing
            must not outweigh the traces of a generator. Each score has its own false positives; at worst they add up.
        strange: Whether the face is, in most observations, unlike the faces that the network was trained on.
        why: Reason why changes were not judged, as a sentence; None if they were.
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
        """Whether the face was seen in too few pairs to be judged."""
        return len(self.looks) < BRIEF

    @property
    def peak(self) -> int:
        """The index of the observation with the highest score."""
        return int(np.argmax(self.scores))


@dataclass(frozen=True)
class ClipVerdict:
    """The verdict on a clip.

    Attributes:
        sha256: SHA-256 of the file, hexadecimal.
        reading: Part of the clip that was read, and its facts.
        shown: Small copies of frames in order of time, one for each pair.
        tracks: Faces that were judged, in the order of appearance.
        reason: Reason why no face was judged, as a sentence; None if one was.
        left_out: Number of followed faces that were never usable.
        beyond: Largest number of faces at one time that were not followed because there were larger ones.
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
        """The index of the track with the strongest evidence, brief tracks last.

        Raises:
            ValueError: If there are no tracks.
        """
        return max(
            range(len(self.tracks)),
            key=lambda i: (not self.tracks[i].brief, self.tracks[i].evidence.rank, self.tracks[i].score),
        )

    def nearest(self, seconds: float) -> int:
        """The index of the shown frame nearest to a time in seconds."""
        return int(np.argmin([abs(shown.seconds - seconds) for shown in self.shown]))

    def overlay(self, index: int, opacity: float = 0.7) -> tuple[np.ndarray, list[int]]:
        """A shown frame with its faces outlined and their heatmaps laid over it.

        Args:
            index: Index in `shown`.
            opacity: Opacity of the heatmap's maximum, 0..1.

        Returns:
            (h, w, 3) uint8, and the numbers of the tracks in the frame; the outlines show them if the clip has several
            tracks.
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
