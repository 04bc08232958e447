"""Tracking: faces are matched by position from one sampled pair to the next, and by appearance across cuts.

The detector's embedding does not tell people apart. Of 150 validation faces, each compared with a moved, bent, relit
and recompressed copy of itself and with the others, it ranks the own copy first for 9 %; `likeness` does so for all.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from scipy.optimize import linear_sum_assignment

from deepley.config import FaceLimits, VideoLimits
from deepley.photo import faces
from deepley.photo.faces import Face
from deepley.video.reader import Pair

_SAME = 0.62
"""Likeness from which two faces are one person's: 0.1 % of different validation faces reach it, 95 % of own copies."""

_UNLIKE = 0.3
"""Likeness below which a face in the same place is another person's, at a cut that the reader missed."""

_OVERLAP = 0.3
"""Intersection over union of two boxes from which a face is in the same place."""

_RECENT = 3
"""Number of pairs within which a face must have been seen for its place to count."""


@dataclass(frozen=True)
class Sighting:
    """One face in both frames of a pair.

    Attributes:
        first: Face in the first frame.
        second: Face in the second frame; None if it was not found there.
    """

    first: Face
    second: Face | None


def likeness(crop: np.ndarray) -> np.ndarray:
    """Describes the appearance of an aligned face by coarse colours and edge directions (as Dalal & Triggs 2005).

    Args:
        crop: (256, 256, 3) uint8.

    Returns:
        (1376,) float32 of length 1. The dot product of two lies in -1..1, and is 1 for the same picture.
    """
    lab = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2LAB)[48:228, 48:208].astype(np.float32)
    colours = np.asarray(cv2.resize(cv2.GaussianBlur(lab, (0, 0), 5), (16, 18), interpolation=cv2.INTER_AREA))
    colours = (colours - colours.mean(axis=(0, 1))) / (colours.std(axis=(0, 1)) + 3)
    sharp = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_RGB2GRAY)[40:232, 40:216].astype(np.float32)
    grey = cv2.GaussianBlur(sharp, (0, 0), 2)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength, angle = np.hypot(across, down), np.arctan2(down, across) % np.pi / np.pi * 8
    parts: list[np.ndarray] = []
    for k in range(8):
        apart = np.abs(angle - k)
        weight = np.maximum(0, 1 - np.minimum(apart, 8 - apart))
        parts.append(np.sqrt(cv2.resize(strength * weight, (8, 8), interpolation=cv2.INTER_AREA)))
    edges = np.stack(parts) - np.mean(parts, axis=(1, 2), keepdims=True)
    return np.concatenate([_unit(colours.ravel()), _unit(edges.ravel())]) / np.float32(np.sqrt(2))


def _unit(vector: np.ndarray) -> np.ndarray:
    """A vector scaled to length 1."""
    return vector / max(float(np.linalg.norm(vector)), 1e-6)


def overlap(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> float:
    """The intersection over union, 0..1, of two boxes (x, y, width, height)."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(width, 0) * max(height, 0)
    return common / max(one[2] * one[3] + other[2] * other[3] - common, 1)


def _matches(gain: np.ndarray) -> list[tuple[int, int]]:
    """The one-to-one assignment with the largest sum; pairs without gain are left out."""
    return [(int(i), int(j)) for i, j in zip(*linear_sum_assignment(gain, maximize=True)) if gain[i, j] > 0]


@dataclass
class _Track:
    """A followed face.

    Attributes:
        box: Last box.
        shot: Shot that it was last seen in.
        pair: Pair that it was last seen in.
        looks: Last appearance, see `likeness`.
        average: Running average of its appearance.
    """

    box: tuple[int, int, int, int]
    shot: int
    pair: int
    looks: np.ndarray
    average: np.ndarray


class Tracker:
    """Assigns a track number to every face of a clip; call `follow` for one pair after the other.

    Args:
        limits: Limits of a clip, such as the number of faces followed at a time.
        face_limits: Limits of face detection. Every face is aligned, even if the frame already is an aligned crop: a
            photo would then be taken whole, but a square clip would switch between the two.

    Attributes:
        beyond: Largest number of faces of a pair that were not followed because there were larger ones.
    """

    def __init__(self, limits: VideoLimits = VideoLimits(), face_limits: FaceLimits = FaceLimits()) -> None:
        self._limits, self._face_limits = limits, replace(face_limits, aligned_tolerance=-1.0)
        self.beyond = 0
        self._tracks: list[_Track] = []
        self._pairs = 0

    def follow(self, pair: Pair) -> dict[int, Sighting]:
        """Finds the faces of a pair.

        Args:
            pair: Next sampled pair of the clip.

        Returns:
            Sightings by track number; tracks are numbered from 0 in the order of appearance.
        """
        sightings = self._find(pair)
        looks = [likeness(sighting.first.crop) for sighting in sightings]
        gain = np.zeros((len(sightings), len(self._tracks)))
        for i, sighting in enumerate(sightings):
            for j, track in enumerate(self._tracks):
                gain[i, j] = self._gain(sighting.first.box, looks[i], track, pair.shot)
        known = dict(_matches(gain))
        found = {}
        for i, sighting in enumerate(sightings):
            if i not in known:
                known[i] = len(self._tracks)
                self._tracks.append(_Track(sighting.first.box, pair.shot, self._pairs, looks[i], looks[i]))
            track = self._tracks[known[i]]
            track.box, track.shot, track.pair, track.looks = sighting.first.box, pair.shot, self._pairs, looks[i]
            track.average = _unit(0.8 * track.average + 0.2 * looks[i])
            found[known[i]] = sighting
        self._pairs += 1
        return dict(sorted(found.items()))

    def _find(self, pair: Pair) -> list[Sighting]:
        """The faces of the first frame, each with its match in the second."""
        first, second = faces.find_many([pair.first.pixels, pair.second.pixels], self._face_limits)
        if not first:
            return []
        self.beyond = max(self.beyond, len(first) - self._limits.max_faces)
        first = first[: self._limits.max_faces]
        common = np.array([overlap(one.box, other.box) for one in first for other in second])
        common = common.reshape(len(first), len(second))
        common[common < _OVERLAP] = 0
        again = dict(_matches(common))
        return [Sighting(face, second[again[i]] if i in again else None) for i, face in enumerate(first)]

    def _gain(self, box: tuple[int, int, int, int], looks: np.ndarray, track: _Track, shot: int) -> float:
        """The gain of assigning a face to a track; 0 if it cannot be the same person."""
        alike = max(float(looks @ track.looks), float(looks @ track.average))
        recent = track.shot == shot and self._pairs - track.pair <= _RECENT
        near = overlap(box, track.box) if recent else 0.0
        same = alike >= _SAME or (near >= _OVERLAP and alike >= _UNLIKE)
        return alike + near if same else 0.0
