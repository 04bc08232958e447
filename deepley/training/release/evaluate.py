"""The evaluation of a release: on a set, under treatments, and on further sets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from deepley.network import files, release
from deepley.training.data.pictures import Skipped
from deepley.training.data.sources import find
from deepley.training.fit.batches import labels_of
from deepley.training.measure import evaluation, robustness
from deepley.training.measure.intervals import Figures
from deepley.training.release import finish
from deepley.verdict import novelty
from deepley.verdict.calibration import of_release


@dataclass(frozen=True)
class Evaluation:
    """What was measured of a release.

    Attributes:
        release: Name of the release.
        sha256: SHA-256 of its weights, hexadecimal.
        sets: Figures by name of the set that was scored.
        unreadable: (name, reason) of every file that cannot be read.
        treated: Figures by treatment; empty if not asked for.
        elsewhere: Figures by name of a further set, None for a set with nothing left to score; None if no further sets
            were asked for.
        groups: Figures by group of people in the further sets.
    """

    release: str
    sha256: str
    sets: dict[str, Figures]
    unreadable: tuple[Skipped, ...]
    treated: dict[str, Figures] = field(default_factory=dict)
    elsewhere: Mapping[str, Figures | None] | None = None
    groups: Mapping[str, Figures] = field(default_factory=dict)

    @property
    def further(self) -> dict[str, Mapping[str, Figures]]:
        """The tables beside `sets` that were asked for, as `model_card.tables` and `finish.add` take them."""
        tables: dict[str, Mapping[str, Figures]] = {"treated": self.treated} if self.treated else {}
        if self.elsewhere is not None:
            scored = {name: figures for name, figures in self.elsewhere.items() if figures is not None}
            tables |= {"groups": self.groups, "elsewhere": scored}
        return tables

    def to_json(self) -> dict[str, Any]:
        """The evaluation as plain JSON types."""
        return {
            **evaluation.document(self.sets),
            **self.further,
            "release": self.release,
            "sha256": self.sha256,
            "unreadable": [{"path": name, "error": reason} for name, reason in self.unreadable],
        }


def evaluate(
    folder: Path, data: Path, treated: bool = False, sets: Path | None = None, trained: Sequence[Path] = ()
) -> Evaluation:
    """Measures a release.

    Args:
        folder: Release folder.
        data: Aligned faces in real/ and fake/, see `sources.find`.
        treated: Whether to score `data` under each of `robustness.CONDITIONS` too.
        sets: Folder of further sets to score, or None; see `robustness.elsewhere`.
        trained: Data folders that the release was trained on: near-copies of their pictures are left out of `sets`.

    Raises:
        DataError: If a folder holds no images.
        WeightsError: If the release cannot be used.
        Refusal: If no image of `data` can be read.
    """
    sources = find(data)
    loaded = release.load(folder)
    known = robustness.trained_on(list(trained))
    cut, usual = of_release(loaded), novelty.load(loaded.folder)
    seen = evaluation.looker(loaded.model)

    def look(faces: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        logits, embeddings = seen(faces)
        return logits, None if usual is None else usual.far(embeddings)

    logits, readable, unreadable = evaluation.score_readable(lambda faces: seen(faces)[0], sources)
    figures = {data.resolve().name: evaluation.figures(logits, labels_of(readable), cut)}
    conditions = robustness.under_treatments(look, readable, cut) if treated else {}
    if sets is None:
        return Evaluation(loaded.name, loaded.sha256, figures, tuple(unreadable), conditions)
    other = robustness.elsewhere(look, sets, cut, known)
    skipped = (*unreadable, *other.unreadable)
    return Evaluation(loaded.name, loaded.sha256, figures, skipped, conditions, other.sets, other.groups)


def store(measured: Evaluation, folder: Path) -> None:
    """Adds an evaluation to a release's metrics.json and its card.

    Figures of further sets are added to those of earlier evaluations; a set with nothing left to score is removed.

    Args:
        measured: Evaluation of the release.
        folder: Release folder.

    Raises:
        OSError: If a file of the release cannot be read or written.
    """
    kept = {name: table for name, table in measured.further.items() if table}
    if measured.elsewhere is not None:
        earlier = json.loads((folder / files.METRICS).read_text()).get("elsewhere", {})
        together: dict[str, Figures | None] = {**earlier, **measured.elsewhere}
        kept["elsewhere"] = {name: figures for name, figures in sorted(together.items()) if figures is not None}
    finish.add(folder, kept)
