"""How a detector fares under treatments, on other sets, by group of people, and against an attacker."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tqdm

from deepley.config import MICRO_BATCH
from deepley.photo.treatment import blur, down_and_up, jpeg, webp
from deepley.training.data import audit
from deepley.training.data.dataset import thumbnails_of
from deepley.training.data.sources import DataError, Source, find
from deepley.training.fit.batches import labels_of
from deepley.training.measure import evaluation
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
"""By name: functions on the aligned (256, 256, 3) uint8 face."""

Look = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray | None]]
"""(n, 256, 256, 3) uint8 faces to their (n,) logits and, if the release can tell, which are unlike its training
pictures, (n,) bool."""

_RECODED = 95
_UTKFACE = re.compile(r"(\d{1,3})_([01])_([0-4])_\d{17}")
_SEX = ("men", "women")
_RACE = ("White", "Black", "Asian", "Indian", "others")
_SMALLEST_GROUP = 100


def under_treatments(look: Look, sources: tuple[Source, ...], calibration: Calibration) -> dict[str, dict]:
    """`evaluation.figures` of a set under each of `CONDITIONS`.

    Args:
        look: See `Look`.
        sources: Real and fake pictures.
        calibration: Of the release.
    """
    seen: dict[str, list[tuple]] = {name: [] for name in CONDITIONS}
    for start in tqdm.trange(0, len(sources), MICRO_BATCH, desc="Treatments", mininterval=10):
        faces = [source.face() for source in sources[start : start + MICRO_BATCH]]
        for name, treat in CONDITIONS.items():
            seen[name].append(look(np.stack([treat(face) for face in faces])))
    labels = labels_of(sources)
    joined = {name: _joined(parts) for name, parts in seen.items()}
    return {name: evaluation.figures(logits, labels, calibration, far) for name, (logits, far) in joined.items()}


def _joined(parts: list[tuple]) -> tuple[np.ndarray, np.ndarray | None]:
    logits, far = zip(*parts)
    return np.concatenate(logits), None if far[0] is None else np.concatenate(far)


def trained_on(folders: list[Path]) -> dict[int, np.ndarray]:
    """By label the (n, 1024) thumbnails of the training pictures of some data folders; empty without folders.

    Raises:
        DataError: If a folder has none that can be read.
    """
    found: dict[int, list] = {}
    for folder in folders:
        sources = [source for source in find(folder) if source.split in ("train", None)]
        readable = [(s.label, small) for s, small in zip(sources, thumbnails_of(sources)) if small is not None]
        if not readable:
            raise DataError(f"{folder} has no training picture that can be read.")
        for label, small in readable:
            found.setdefault(label, []).append(small)
    return {label: np.array(small) for label, small in found.items()}


def elsewhere(
    look: Look, sets: Path, calibration: Calibration, trained: dict[int, np.ndarray] | None = None
) -> tuple[dict[str, dict | None], dict[str, dict], list[tuple[str, str]]]:
    """Figures on every folder of `sets`, real and fake recoded alike (JPEG 95), and on groups of UTKFace photos.

    Args:
        look: See `Look`.
        sets: A folder of folders with real/ or fake/ or both.
        calibration: Of the release.
        trained: By label the (n, 1024) thumbnails of what the release was trained on. Near-copies of them are left out:
            of real photos among the real ones and of fakes among the fakes, as those flatter the figures.

    Returns:
        Figures by set, with the number of those left out as "copies_left_out", None for a set of which nothing is left;
        figures by group: age, sex and race, as UTKFace's file names label them, of at least 100 photos; and (name,
        reason) of every file that cannot be read.
    """
    found, groups, unreadable = {}, {}, []
    for folder in sorted(path for path in sets.iterdir() if path.is_dir()):
        every, far = tuple(find(folder)), []
        copies = _copies(every, trained or {})

        def score(faces: np.ndarray, far: list = far) -> np.ndarray:
            logits, strange = look(np.stack([jpeg(face, _RECODED) for face in faces]))
            far.append(strange)
            return logits

        fresh = tuple(source for source, copy in zip(every, copies) if not copy)
        logits, sources, skipped = evaluation.score_readable(score, fresh, folder.name)
        unreadable += [(f"{folder.name}/{name}", reason) for name, reason in skipped]
        if not sources:
            found[folder.name] = None
            continue
        labels, far = labels_of(sources), None if far[0] is None else np.concatenate(far)
        found[folder.name] = evaluation.figures(logits, labels, calibration, far)
        if trained:
            found[folder.name]["copies_left_out"] = int(copies.sum())
        for name, members in _groups(sources).items():
            if len(members) >= _SMALLEST_GROUP:
                theirs = None if far is None else far[members]
                groups[name] = evaluation.figures(logits[members], labels[members], calibration, theirs)
    return found, groups, unreadable


def _copies(sources: tuple[Source, ...], trained: dict[int, np.ndarray]) -> np.ndarray:
    """(n,) bool: which are near-copies of what was trained on under the same label."""
    found = np.zeros(len(sources), bool)
    if trained:
        small, labels = thumbnails_of(sources), labels_of(sources)
        readable = np.array([thumbnail is not None for thumbnail in small], bool)
        for label, known in trained.items():
            members = np.flatnonzero(readable & (labels == label))
            if len(members):
                found[members] = audit.are_copies(np.stack([small[i] for i in members]), known)
    return found


def _groups(sources: tuple[Source, ...]) -> dict[str, list[int]]:
    """Positions of the real pictures of each group that UTKFace's names label."""
    groups: dict[str, list[int]] = {}
    for i, source in enumerate(sources):
        match = _UTKFACE.match(Path(source.name).name)
        if match and source.label == 0:
            age, sex, race = (int(part) for part in match.groups())
            band = "under 18" if age < 18 else "18 to 39" if age < 40 else "40 to 59" if age < 60 else "60 and over"
            for name in (f"age {band}", _SEX[sex] if sex < len(_SEX) else "", f"race label {_RACE[race]}"):
                groups.setdefault(name, []).append(i)
    return dict(sorted(groups.items()))
