"""Robustness of a detector: under treatments such as recompression, on other sets, and by group of people."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import tqdm

from deepley.config import MICRO_BATCH
from deepley.photo.treatment import blur, down_and_up, jpeg, webp
from deepley.training.data import audit
from deepley.training.data.dataset import thumbnails_of
from deepley.training.data.pictures import Picture, Skipped
from deepley.training.data.sources import DataError, find
from deepley.training.fit.batches import labels_of
from deepley.training.measure import evaluation
from deepley.training.measure.intervals import Figures
from deepley.verdict.calibration import Calibration

CONDITIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda face: face,
    "JPEG 90": lambda face: jpeg(face, 90),
    "JPEG 70": lambda face: jpeg(face, 70),
    "JPEG 50": lambda face: jpeg(face, 50),
    "JPEG 30": lambda face: jpeg(face, 30),
    "half size": lambda face: down_and_up(face, 0.5),
    "quarter size": lambda face: down_and_up(face, 0.25),
    "blur 1": lambda face: blur(face, 1.0),
    "blur 2": lambda face: blur(face, 2.0),
    "WebP 60": lambda face: webp(face, 60),
    "JPEG 80, three quarters, JPEG 60": lambda face: jpeg(down_and_up(jpeg(face, 80), 0.75), 60),
}
"""Treatments by name: functions from and to aligned (256, 256, 3) uint8 faces."""

Look: TypeAlias = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
"""A function from (n, 256, 256, 3) uint8 faces to their (n,) logits and (n,) bool, true for faces unlike the training
pictures; the latter is None if the release cannot tell."""

_RECODED = 95
"""JPEG quality at which every picture of another set is saved again."""

_UTKFACE = re.compile(r"(\d{1,3})_([01])_([0-4])_\d{17}")
_SEX = ("men", "women")
_RACE = ("White", "Black", "Asian", "Indian", "others")
_SMALLEST_GROUP = 100
"""Number of photos below which a group gets no figures."""


@dataclass(frozen=True)
class Elsewhere:
    """What was measured on other sets.

    Attributes:
        sets: Figures by name of the set, with the number of near-copies left out as "copies_left_out"; None for a set
            with nothing left to score.
        groups: Figures by group of people: age, sex and race, as the file names of UTKFace label them.
        unreadable: (name, reason) of every file that cannot be read.
    """

    sets: Mapping[str, Figures | None]
    groups: Mapping[str, Figures]
    unreadable: tuple[Skipped, ...]


def under_treatments(look: Look, sources: Sequence[Picture], calibration: Calibration) -> dict[str, Figures]:
    """Measures a set under each of `CONDITIONS`.

    Args:
        look: See `Look`.
        sources: Readable real and fake pictures.
        calibration: Calibration of the release.

    Returns:
        Figures by name of the condition, see `evaluation.figures`.
    """
    seen: dict[str, list[tuple[np.ndarray, np.ndarray | None]]] = {name: [] for name in CONDITIONS}
    for start in tqdm.trange(0, len(sources), MICRO_BATCH, desc="Treatments", mininterval=10):
        faces = [source.face() for source in sources[start : start + MICRO_BATCH]]
        for name, treat in CONDITIONS.items():
            seen[name].append(look(np.stack([treat(face) for face in faces])))
    labels = labels_of(sources)
    joined = {name: _joined(parts) for name, parts in seen.items()}
    return {name: evaluation.figures(logits, labels, calibration, far) for name, (logits, far) in joined.items()}


def _joined(parts: Sequence[tuple[np.ndarray, np.ndarray | None]]) -> tuple[np.ndarray, np.ndarray | None]:
    """The results of several calls of a `Look` as one."""
    far = [strange for _, strange in parts if strange is not None]
    return np.concatenate([logits for logits, _ in parts]), np.concatenate(far) if far else None


def trained_on(folders: list[Path]) -> dict[int, np.ndarray]:
    """Thumbnails of the training pictures of some data folders, for finding near-copies.

    Args:
        folders: Data folders, see `sources.find`.

    Returns:
        (n, 1024) thumbnails by label; empty without folders.

    Raises:
        DataError: If a folder has no training picture that can be read.
    """
    found: dict[int, list[np.ndarray]] = {}
    for folder in folders:
        sources = [source for source in find(folder) if source.split in ("train", None)]
        readable = [(s.label, small) for s, small in zip(sources, thumbnails_of(sources)) if small is not None]
        if not readable:
            raise DataError(f"{folder} has no training picture that can be read.")
        for label, small in readable:
            found.setdefault(label, []).append(small)
    return {label: np.array(small) for label, small in found.items()}


def elsewhere(
    look: Look, sets: Path, calibration: Calibration, trained: Mapping[int, np.ndarray] | None = None
) -> Elsewhere:
    """Measures every folder of `sets`, and groups of UTKFace photos in them.

    Real and fake pictures are saved again alike, as JPEG of quality 95.

    Args:
        look: See `Look`.
        sets: Folder of folders that hold real/ or fake/ or both.
        calibration: Calibration of the release.
        trained: (n, 1024) thumbnails of the training pictures by label. Near-copies of training pictures of the same
            label are left out, because they flatter the figures.

    Raises:
        DataError: If a folder holds no images.
        OSError: If `sets` cannot be listed.
    """
    found: dict[str, Figures | None] = {}
    groups: dict[str, Figures] = {}
    unreadable: list[Skipped] = []
    for folder in sorted(path for path in sets.iterdir() if path.is_dir()):
        every = find(folder)
        copies = _copies(every, trained or {})
        fresh = [source for source, copy in zip(every, copies) if not copy]
        logits, far, sources, skipped = _scored(look, fresh, folder.name)
        unreadable += [(f"{folder.name}/{name}", reason) for name, reason in skipped]
        if not sources:
            found[folder.name] = None
            continue
        labels = labels_of(sources)
        figures = evaluation.figures(logits, labels, calibration, far)
        found[folder.name] = figures | ({"copies_left_out": int(copies.sum())} if trained else {})
        for name, members in _groups(sources).items():
            if len(members) >= _SMALLEST_GROUP:
                theirs = None if far is None else far[members]
                groups[name] = evaluation.figures(logits[members], labels[members], calibration, theirs)
    return Elsewhere(found, groups, tuple(unreadable))


def _scored(
    look: Look, sources: Sequence[Picture], name: str
) -> tuple[np.ndarray, np.ndarray | None, tuple[Picture, ...], list[Skipped]]:
    """Scores recoded pictures; see `evaluation.score_readable`, with which are unlike the training pictures."""
    far: list[np.ndarray] = []

    def score(faces: np.ndarray) -> np.ndarray:
        logits, strange = look(np.stack([jpeg(face, _RECODED) for face in faces]))
        if strange is not None:
            far.append(strange)
        return logits

    logits, readable, skipped = evaluation.score_readable(score, sources, name)
    return logits, np.concatenate(far) if far else None, readable, skipped


def _copies(sources: Sequence[Picture], trained: Mapping[int, np.ndarray]) -> np.ndarray:
    """(n,) bool, true for near-copies of training pictures of the same label."""
    found = np.zeros(len(sources), bool)
    if trained:
        small, labels = thumbnails_of(sources), labels_of(sources)
        readable = np.array([thumbnail is not None for thumbnail in small], bool)
        for label, known in trained.items():
            members = np.flatnonzero(readable & (labels == label))
            if len(members):
                found[members] = audit.are_copies(np.array([small[i] for i in members]), known)
    return found


def _groups(sources: Sequence[Picture]) -> dict[str, list[int]]:
    """The positions of the real pictures of each group that the file names of UTKFace label."""
    groups: dict[str, list[int]] = {}
    for i, source in enumerate(sources):
        match = _UTKFACE.match(Path(source.name).name)
        if match and source.label == 0:
            age, sex, race = (int(part) for part in match.groups())
            band = "under 18" if age < 18 else "18 to 39" if age < 40 else "40 to 59" if age < 60 else "60 and over"
            for name in (f"age {band}", _SEX[sex] if sex < len(_SEX) else "", f"race label {_RACE[race]}"):
                groups.setdefault(name, []).append(i)
    return dict(sorted(groups.items()))
