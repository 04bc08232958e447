"""The training of a temporal head from photos to a release that has it, as the command line runs it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from deepley.errors import Refusal
from deepley.network.files import TEMPORAL
from deepley.network.release import load
from deepley.training.data.sources import find
from deepley.training.measure.intervals import Figures
from deepley.training.release import finish
from deepley.training.video import footage, temporal
from deepley.video import temporal_head


@dataclass(frozen=True)
class Trained:
    """A temporal head that was stored in a release.

    Attributes:
        path: File of the head.
        rows: Figures on test clips, a row for each kind of evidence; see `model_card.comparison`.
        lost: Number of photos left out because a face was lost in one of their clips.
    """

    path: Path
    rows: Mapping[str, Figures]
    lost: int


def train(data: Path, release: Path, origin: str, limit: int = 0) -> Trained:
    """Films photos, trains a temporal head on the clips, and stores it in a release.

    Args:
        data: Aligned faces, see `sources.find`; photos that the release was trained on are left out.
        release: Release folder that gets the head.
        origin: Description of the photos in words, for the card.
        limit: Number of photos to film at most; 0 films all.

    Raises:
        Refusal: If the head has learnt the renderer.
        DataError: If there are too few photos.
        WeightsError: If the release cannot be used.
        OSError: If a file cannot be read or written.
    """
    loaded = load(release)
    out = loaded.folder / TEMPORAL
    clips = out.with_suffix(".clips")
    made = footage.examples(find(data), loaded, clips, limit)
    head, measured = temporal.fit(made)
    if temporal.learnt_renderer(measured):
        raise Refusal(
            f"The head has learnt the renderer, not the blend (AUC {measured['control']['temporal']['value']:.2f} on "
            "controls), and was not stored: train it on more photos."
        )
    details = temporal.details(loaded.name, loaded.sha256, made, measured, origin)
    finish.add(loaded.folder, temporal.metrics(details))
    temporal_head.save(out, replace(head, details=details))
    shutil.rmtree(clips)
    return Trained(out, temporal.rows(measured), made.lost)
