"""The tab "Train": pictures in, a fine-tuning job out; all jobs, live; and their models put to use."""

from __future__ import annotations

import dataclasses
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

import gradio as gr
import numpy as np

from deepley.config import FACE_SIZE, PRESETS, Phase, TrainConfig
from deepley.jobs import folder, local, upload
from deepley.jobs.folder import DATA, JobConfig, JobError, State
from deepley.network.backbones import BACKBONES
from deepley.network.model import HEAD
from deepley.training import dataset
from deepley.training.fit import TrainingError
from deepley.training.sources import LABELS, DataError
from deepley.ui import live

COLUMNS = ["phase", "trains", "rounds", "images", "crop", "rate"]
EXPLAINED = (
    "One row a phase, run in order. *trains*: the stages that learn (conv1 to conv5, head; **new** is the head and "
    "every stage without weights; **all** is everything). *rounds*: how often it is validated. *images*: in a "
    "round, at most all. *crop*: side of the random square in pixels, up to 256. *rate*: the learning rate at its "
    "peak; it falls over a phase."
)
_UPLOADS = ".uploads"
_FORGOTTEN = 86_400  # seconds


def build(shipped: Path, using: gr.State, data: Path, runs: Path) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        shipped: The release folder that new jobs start from by default.
        using: The visitor's choice of a release for checking; "Use this model" sets it.
        data: Folder whose subfolders with real/ and fake/ can be trained on.
        runs: Folder of all jobs.
    """
    if not offered():
        gr.Markdown("Training is switched off on this Space: clone the repository and run it on your own machine.")
        return

    no_samples = gr.update(value=[], visible=False)

    def unpack(archive: str | None) -> Iterator[tuple]:
        if archive is None:
            yield "", no_samples, None
            return
        into, taken, left_out = runs / _UPLOADS / secrets.token_hex(8), 0, []
        try:
            for name, reason in upload.unpack(Path(archive), into):
                taken += reason is None
                left_out += [(name, reason)] if reason else []
                if (taken + len(left_out)) % 20 == 1:
                    yield f"Looking for faces: {taken} taken, {len(left_out)} left out…", no_samples, None
            yield _found(into, left_out)
        except (JobError, DataError, OSError) as error:
            shutil.rmtree(into, ignore_errors=True)
            skipped = "".join(f"\n- `{escape(name)}`: {escape(reason)}" for name, reason in left_out[:10])
            yield f"**These pictures cannot be trained on.** {escape(str(error))}{skipped}", no_samples, None

    def choose(name: str | None) -> tuple:
        if not name:
            return "", no_samples, None
        try:
            return _found(data / name, [])
        except (DataError, OSError) as error:
            return f"**These pictures cannot be trained on.** {escape(str(error))}", no_samples, None

    def start(pictures: str | None, name: str, origin: str, begin: str, preset: str, rows: list, batch: float) -> tuple:
        try:
            if pictures is None:
                raise JobError("Choose pictures first.")
            recipe = recipe_of(preset, rows, batch)
            begins = {"start": begin} if (Path(begin) / "config.json").is_file() else {"base": begin or None}
            config = JobConfig(
                (name or "").strip() or "my-detector",
                DATA if _UPLOADS in Path(pictures).parts else str(Path(pictures).resolve()),
                recipe,
                origin=(origin or "").strip() or "a visitor's own pictures",
                **begins,
            )
            job = folder.create(runs, config, Path(pictures) if config.data == DATA else None)
            local.ensure_worker(runs)
        except (JobError, TrainingError, ValueError) as error:
            return f"**Not started.** {escape(str(error))}", gr.skip()
        return f"Job {job.id} is queued.", live.choices(runs, job.id)

    for left in (runs / _UPLOADS).glob("*"):  # of visitors who went without starting anything
        if time.time() - left.stat().st_mtime > _FORGOTTEN:
            shutil.rmtree(left, ignore_errors=True)
    gr.Markdown(
        "Fine-tune the detector on pictures of your own. A job runs on this machine, one at a time, and goes on when "
        "you close the page; what it makes can be checked with here, and downloaded."
    )
    with gr.Row():
        with gr.Column(min_width=280):
            gr.Markdown("### Pictures")
            archive = gr.File(
                label="A zip or tar with folders real and fake",
                file_types=[".zip", ".tar", ".gz", ".tgz"],
                height=130,
                elem_id="archive",
            )
            local_data = gr.Dropdown(
                folders_in(data),
                value=None,
                label=f"Or a folder of aligned faces below {data}",
                elem_id="folder",
            )
            said = gr.Markdown(elem_id="pictures")
            samples = gr.Gallery(
                label="Samples, as the network sees them",
                columns=4,
                height=210,
                format="png",
                object_fit="contain",
                visible=False,
                elem_id="samples",
            )
        with gr.Column(min_width=280):
            gr.Markdown("### Recipe")
            begin = gr.Dropdown(
                starts(shipped, data, runs), value=str(shipped), label="Start from", allow_custom_value=False
            )
            preset = gr.Dropdown(sorted(PRESETS, key="deepley deck quick".find), value="quick", label="Preset")
            phases = gr.Dataframe(
                rows_of(PRESETS["quick"]), headers=COLUMNS, type="array", interactive=True, label="Phases",
                elem_id="phases", column_widths=["84px", "120px", "84px", "84px", "72px", "90px"], wrap=True,
                column_count=len(COLUMNS),
            )  # fmt: skip
            gr.Markdown(EXPLAINED, elem_classes="quiet")
            batch = gr.Number(PRESETS["quick"].batch_size, label="Batch size: images in a step", precision=0, minimum=2)
            name = gr.Textbox("my-detector", label="Name of the model", max_length=60)
            origin = gr.Textbox(label="Where the pictures come from, for the model's card", max_length=200)
            begin_button = gr.Button("Start", variant="primary", elem_id="start")
            outcome = gr.Markdown(elem_id="outcome")
    pictures = gr.State(None)
    jobs = live.build(using, runs)

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    archive.upload(unpack, archive, [said, samples, pictures], concurrency_limit=1, **quiet)
    archive.clear(lambda: ("", no_samples, None), None, [said, samples, pictures], queue=False, **quiet)
    local_data.input(choose, local_data, [said, samples, pictures], **quiet)
    preset.input(lambda p: (rows_of(PRESETS[p]), PRESETS[p].batch_size), preset, [phases, batch], queue=False, **quiet)
    begin.focus(lambda: gr.update(choices=starts(shipped, data, runs)), None, begin, queue=False, **quiet)
    begin_button.click(start, [pictures, name, origin, begin, preset, phases, batch], [outcome, jobs], **quiet)


def offered() -> bool:
    """Whether visitors may train here: on their own machine everybody, on a Space nobody."""
    return not os.environ.get("SPACE_ID")


def rows_of(recipe: TrainConfig) -> list[list]:
    """A recipe's phases as rows of the form."""
    return [
        [p.name, " ".join(p.trainable), p.rounds, p.images_per_round, p.crop, f"{p.learning_rate:g}"]
        for p in recipe.phases
    ]


def recipe_of(preset: str, rows: list[list], batch: float) -> TrainConfig:
    """The preset with what the form changed.

    Raises:
        ValueError: If a cell cannot be used; the message names it.
    """
    base, phases = PRESETS[preset], []
    known = {phase.name: phase for phase in base.phases}
    for row in rows:
        if not str(row[0]).strip():
            continue
        name = str(row[0]).strip()
        try:
            phases.append(
                dataclasses.replace(
                    known.get(name, Phase(name, ("all",), 1, 1)),
                    trainable=tuple(str(row[1]).split()),
                    rounds=int(row[2]),
                    images_per_round=int(row[3]),
                    crop=int(row[4]),
                    learning_rate=float(row[5]),
                )
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"Phase {name!r}: {error}.") from error
        if phases[-1].crop > FACE_SIZE:
            raise ValueError(f"Phase {name!r}: a crop of {phases[-1].crop} px is larger than a face of {FACE_SIZE} px.")
        unknown = set(phases[-1].trainable) - {*BACKBONES[base.model.backbone].stages, HEAD, "new", "all"}
        if unknown or not phases[-1].trainable:
            raise ValueError(f"Phase {name!r}: trains must name stages (conv1 to conv5, head), new or all.")
    if not batch or not 2 <= batch <= 512:
        raise ValueError("The batch size must lie between 2 and 512.")
    return dataclasses.replace(base, phases=tuple(phases), batch_size=int(batch))


def folders_in(data: Path) -> list[str]:
    """Folders below `data` that can be trained on, by their path below it."""
    found = {path.parent for path in data.rglob("real") if (path.parent / "fake").is_dir()} if data.is_dir() else set()
    tops = {path.parent if path.name in ("train", "valid", "test") else path for path in found}
    return sorted(str(path.relative_to(data)) for path in tops if path != data)


def starts(shipped: Path, data: Path, runs: Path) -> list[tuple[str, str]]:
    """What a job can start from: the shipped release, finished jobs, base weights."""
    found = [("The shipped model", str(shipped))]
    for job in reversed(folder.every(runs)):
        if job.status.state is State.COMPLETED and job.release:
            found.append((f"{job.config.name} (job {job.id})", str(job.release)))
    found += [(f"Base weights {path.name}", str(path)) for path in sorted(data.glob("*.npz"))]
    return [*found, ("ImageNet weights, downloaded by Keras", "")]


def _found(pictures: Path, left_out: list[tuple[str, str]]) -> tuple[str, dict, str]:
    loaded = dataset.load(pictures)
    report = escape(loaded.report.text(), quote=False)
    skipped = "".join(f"\n- `{escape(name)}`: {escape(reason)}" for name, reason in left_out[:10])
    if left_out:
        skipped = f"\n\n{len(left_out)} files were left out, such as:{skipped}"
    samples = []
    for label, value in LABELS.items():
        some = [source for source in loaded.splits["train"] if source.label == value]
        chosen = np.random.default_rng(0).choice(len(some), min(4, len(some)), replace=False)
        samples += [(some[i].face(), label) for i in sorted(chosen)]
    return f"```\n{report}\n```{skipped}", gr.update(value=samples, visible=True), str(pictures)
