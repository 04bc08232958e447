"""The recipe of a fine-tuning job: from the cells of the form to a `JobConfig`, and presets as cells."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TypeAlias

from deepley.config import FACE_SIZE, LONGEST_JOB
from deepley.errors import Refusal
from deepley.jobs.folder import Job
from deepley.jobs.job import JobConfig, JobError, State
from deepley.network.backbones.registry import backbone
from deepley.network.heads import HEAD
from deepley.recipes import PRESETS, Phase, TrainConfig
from deepley.training.fit.begin import for_start

COLUMNS = ["phase", "trains", "rounds", "images", "crop", "rate"]
"""Columns of the form's phases."""

Row: TypeAlias = list[str | int | float]
"""A phase as the form shows it, with the columns `COLUMNS`."""


def job_of(
    taken: str | None, name: str, origin: str, begin: str, preset: str, rows: list[Row], batch: float
) -> JobConfig:
    """The job that a form describes.

    Args:
        taken: Folder of the pictures, or None.
        name: Name of the release.
        origin: Description of the pictures, for the model's card.
        begin: A release folder, a file of base weights, or "" for Keras's ImageNet weights.
        preset: Name of the preset.
        rows: Phases.
        batch: Batch size.

    Raises:
        JobError: If there are no pictures.
        TrainingError: If the recipe is for a release to start from and none is chosen.
        Refusal: If the recipe or the release cannot be used.
    """
    if taken is None:
        raise JobError("Choose pictures first.")
    path = Path(begin).resolve() if begin else None
    start = path if path and (path / "config.json").is_file() else None
    return JobConfig(
        (name or "").strip() or "my-detector",
        str(Path(taken).resolve()),
        for_start(recipe_of(preset, rows, batch), start),
        start=str(start) if start else None,
        base=str(path) if path and not start else None,
        origin=(origin or "").strip() or "a visitor's own pictures",
    )


def rows_of(recipe: TrainConfig) -> list[Row]:
    """A recipe's phases as rows of the form."""
    return [
        [p.name, " ".join(p.trainable), p.rounds, p.images_per_round, p.crop, f"{p.learning_rate:g}"]
        for p in recipe.phases
    ]


def recipe_of(preset: str, rows: list[Row], batch: float) -> TrainConfig:
    """The preset with the form's changes.

    Raises:
        Refusal: If a cell cannot be used; the message names it.
    """
    base = PRESETS[preset]
    phases = [_phase(base, row) for row in rows if str(row[0]).strip()]
    shown = sum(phase.rounds * phase.images_per_round for phase in phases)
    if shown > LONGEST_JOB:
        raise Refusal(f"This recipe shows {shown:,} images; a job may show {LONGEST_JOB:,}: take fewer rounds.")
    if not batch or not 2 <= batch <= 512:
        raise Refusal("The batch size must lie between 2 and 512.")
    return dataclasses.replace(base, phases=tuple(phases), batch_size=int(batch))


def _phase(base: TrainConfig, row: Row) -> Phase:
    name = str(row[0]).strip()
    known = {phase.name: phase for phase in base.phases}
    try:
        phase = dataclasses.replace(
            known.get(name, Phase(name, ("all",), 1, 1)),
            trainable=tuple(str(row[1]).split()),
            rounds=int(row[2]),
            images_per_round=int(row[3]),
            crop=int(row[4]),
            learning_rate=float(row[5]),
        )
    except Refusal:
        raise
    except (TypeError, ValueError) as error:
        raise Refusal(f"Phase {name!r}: {error}.") from error
    if phase.crop > FACE_SIZE:
        raise Refusal(f"Phase {name!r}: a crop of {phase.crop} px is larger than a face of {FACE_SIZE} px.")
    names = backbone(base.model.backbone).names
    unknown = set(phase.trainable) - {*names, HEAD, "new", "all"}
    if unknown or not phase.trainable:
        raise Refusal(f"Phase {name!r}: trains must name stages ({', '.join(names)}, head), new or all.")
    return phase


def starts(shipped: Path, data: Path, jobs: list[Job]) -> list[tuple[str, str]]:
    """Names and paths of all that a job can start from: the shipped release, finished jobs, base weights."""
    found = [("The shipped model", str(shipped))]
    for job in reversed(jobs):
        if job.status.state is State.COMPLETED and job.release:
            found.append((f"{job.name} (job {job.id})", str(job.release)))
    found += [(f"Base weights {path.name}", str(path)) for path in sorted(data.glob("*.npz"))]
    return [*found, ("ImageNet weights, downloaded by Keras", "")]
