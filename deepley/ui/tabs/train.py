"""The tab "Train": pictures in, a fine-tuning job out; all jobs, live; and their models put to use."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from html import escape
from pathlib import Path

import gradio as gr

from deepley.config import FACE_SIZE, LONGEST_JOB
from deepley.errors import Refusal
from deepley.jobs import folder, local
from deepley.jobs.folder import DATA
from deepley.jobs.job import JobConfig, JobError, State
from deepley.jobs.rented import huggingface
from deepley.network.backbones.registry import backbone
from deepley.network.heads import HEAD
from deepley.recipes import PRESETS, Phase, TrainConfig
from deepley.training.fit.begin import TrainingError, for_start
from deepley.ui.jobs import account, machine, monitor, pictures
from deepley.ui.parts.events import PRIVATE

COLUMNS = ["phase", "trains", "rounds", "images", "crop", "rate"]
EXPLAINED = (
    "One row a phase, run in order. *trains*: the stages that learn (stage1, shallow, to stage5, head; **new** is the "
    "head and every stage without weights; **all** is everything). *rounds*: how often it is validated. *images*: in a "
    "round, at most all. *crop*: side of the random square in pixels, up to 256. *rate*: the learning rate at its "
    "peak; it falls over a phase."
)


def build(shipped: Path, using: gr.State, data: Path, runs: Path) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        shipped: The release folder that new jobs start from by default.
        using: The visitor's choice of a release for checking; "Use this model" sets it.
        data: Folder whose subfolders with real/ and fake/ can be trained on.
        runs: Folder of all jobs.
    """

    def start(
        taken: str | None, name: str, origin: str, begin: str, preset: str, rows: list, batch: float,
        where: str | None, flavor: str | None, hours: float | None,
        login: gr.OAuthToken | None, profile: gr.OAuthProfile | None,
    ) -> tuple:  # fmt: skip
        try:
            config = job_of(taken, name, origin, begin, preset, rows, batch)
            own = Path(taken) if pictures.UPLOADS in Path(taken).parts else None
            if own:
                config = dataclasses.replace(config, data=DATA)
            remote, token = machine.remote_of(where, flavor, hours, login)
            if remote is None:
                job = folder.create(runs, config, own)
                local.ensure_worker(runs)
            else:
                job = huggingface.submit(runs, config, remote, token, own)
        except (JobError, TrainingError, ValueError, OSError) as error:
            return f"**Not started.** {escape(str(error))}", *(gr.skip(),) * (2 + len(chosen.shown))
        # Uploaded pictures are the job's own now: a second job would find them gone.
        left, shown = (None, pictures.given_away(job.id)) if own else (taken, (gr.skip(),) * len(chosen.shown))
        return f"Job {job.id} is queued.", monitor.choices(account.jobs(runs, profile), job.id), left, *shown

    def estimate(
        taken: str | None, name: str, origin: str, begin: str, preset: str, rows: list, batch: float
    ) -> Iterator[str]:
        try:
            config = job_of(taken, name, origin, begin, preset, rows, batch)
            yield "Timing a few steps of every phase…"
            yield f"{local.estimate(config)} on this machine, by a few real steps of every phase."
        except (JobError, TrainingError, ValueError, OSError) as error:
            yield f"**No estimate.** {escape(str(error))}"

    def begins(profile: gr.OAuthProfile | None) -> dict:
        return gr.update(choices=starts(shipped, data, account.jobs(runs, profile)))

    gr.Markdown(
        "Fine-tune the detector on pictures of your own. A job goes on when you close the page; what it makes can be "
        "checked with here, downloaded, and published."
    )
    if account.on_space():
        gr.LoginButton()
    with gr.Row():
        with gr.Column(min_width=280):
            gr.Markdown("### Pictures")
            chosen = pictures.build(data, runs)
        with gr.Column(min_width=280):
            gr.Markdown("### Recipe")
            begin = gr.Dropdown(
                starts(shipped, data, [] if account.on_space() else folder.every(runs)), value=str(shipped),
                label="Start from", allow_custom_value=False,
            )  # fmt: skip
            preset = gr.Dropdown(sorted(PRESETS, key=list(PRESETS).index), value="quick", label="Preset")
            phases = gr.Dataframe(
                rows_of(PRESETS["quick"]), headers=COLUMNS, type="array", interactive=True, label="Phases",
                elem_id="phases", column_widths=["84px", "120px", "84px", "84px", "72px", "90px"], wrap=True,
                column_count=len(COLUMNS),
            )  # fmt: skip
            gr.Markdown(EXPLAINED, elem_classes="quiet")
            batch = gr.Number(PRESETS["quick"].batch_size, label="Batch size: images in a step", precision=0, minimum=2)
            name = gr.Textbox("my-detector", label="Name of the model", max_length=60)
            origin = gr.Textbox(label="Where the pictures come from, for the model's card", max_length=200)
            begin_button = gr.Button("Start", variant="primary", elem_id="start", render=False)
            place = machine.build(begin_button)
            with gr.Row():
                timing = gr.Button("Estimate the time", elem_id="estimate", visible=not account.on_space())
                begin_button.render()
            outcome = gr.Markdown(elem_id="outcome")
    jobs = monitor.build(using, runs)

    preset.input(
        lambda p: (rows_of(PRESETS[p]), PRESETS[p].batch_size), preset, [phases, batch], queue=False, **PRIVATE
    )
    begin.focus(begins, None, begin, queue=False, **PRIVATE)
    form = [chosen.folder, name, origin, begin, preset, phases, batch]
    timing.click(estimate, form, outcome, concurrency_limit=1, **PRIVATE)
    begin_button.click(start, [*form, *place.inputs], [outcome, jobs, chosen.folder, *chosen.shown], **PRIVATE)


def job_of(taken: str | None, name: str, origin: str, begin: str, preset: str, rows: list, batch: float) -> JobConfig:
    """What the form asks for.

    Raises:
        JobError: If there are no pictures.
        TrainingError: If the recipe is for a release to start from and none is chosen.
        ValueError: If the recipe or the release cannot be used.
    """
    if taken is None:
        raise JobError("Choose pictures first.")
    path = str(Path(begin).resolve()) if begin else None
    begins = {"start": path} if path and (Path(path) / "config.json").is_file() else {"base": path}
    recipe = for_start(recipe_of(preset, rows, batch), Path(path) if "start" in begins else None)
    return JobConfig(
        (name or "").strip() or "my-detector",
        str(Path(taken).resolve()),
        recipe,
        origin=(origin or "").strip() or "a visitor's own pictures",
        **begins,
    )


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
            raise Refusal(f"Phase {name!r}: {error}.") from error
        if phases[-1].crop > FACE_SIZE:
            raise Refusal(f"Phase {name!r}: a crop of {phases[-1].crop} px is larger than a face of {FACE_SIZE} px.")
        names = backbone(base.model.backbone).names
        unknown = set(phases[-1].trainable) - {*names, HEAD, "new", "all"}
        if unknown or not phases[-1].trainable:
            raise Refusal(f"Phase {name!r}: trains must name stages ({', '.join(names)}, head), new or all.")
    shown = sum(phase.rounds * phase.images_per_round for phase in phases)
    if shown > LONGEST_JOB:
        raise Refusal(f"This recipe shows {shown:,} images; a job may show {LONGEST_JOB:,}: take fewer rounds.")
    if not batch or not 2 <= batch <= 512:
        raise Refusal("The batch size must lie between 2 and 512.")
    return dataclasses.replace(base, phases=tuple(phases), batch_size=int(batch))


def starts(shipped: Path, data: Path, jobs: list[folder.Job]) -> list[tuple[str, str]]:
    """What a job can start from: the shipped release, finished jobs, base weights."""
    found = [("The shipped model", str(shipped))]
    for job in reversed(jobs):
        if job.status.state is State.COMPLETED and job.release:
            found.append((f"{job.name} (job {job.id})", str(job.release)))
    found += [(f"Base weights {path.name}", str(path)) for path in sorted(data.glob("*.npz"))]
    return [*found, ("ImageNet weights, downloaded by Keras", "")]
