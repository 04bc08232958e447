"""The tab "Train": choose pictures and a recipe, start a fine-tuning job, watch all jobs, and use their models."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from deepley.errors import Refusal
from deepley.jobs import folder, local
from deepley.jobs.folder import DATA
from deepley.jobs.rented import huggingface
from deepley.recipes import PRESETS
from deepley.ui.jobs import account, machine, monitor, pictures
from deepley.ui.jobs.machine import Place
from deepley.ui.jobs.pictures import Pictures
from deepley.ui.jobs.recipe import COLUMNS, Row, job_of, rows_of, starts
from deepley.ui.parts import html
from deepley.ui.parts.events import PRIVATE, Update, Updates

EXPLAINED = (
    "One row is one phase; phases run in order. *trains*: the stages that learn (stage1, shallow, to stage5, head; "
    "**new** is the head and every stage without weights; **all** is everything). *rounds*: how often it is validated. "
    "*images*: in a round, at most all. *crop*: side of the random square in pixels, up to 256. *rate*: the learning "
    "rate at its peak; it falls over a phase."
)


@dataclass(frozen=True)
class Tab:
    """The tab's components and handlers, with what they need.

    Attributes:
        shipped: Release folder that new jobs start from by default.
        data: Folder with base weights, and with pictures of this machine.
        runs: Folder of all jobs.
        pictures: The pictures.
        begin: Release or weights that the training starts from.
        preset: Name of the preset.
        phases: Phases of the recipe.
        batch: Batch size.
        name: Name of the model.
        origin: Description of the pictures.
        place: Machine that the job runs on.
        outcome: Result of the last click on "Start" or "Estimate the time".
        jobs: The jobs that are shown.
    """

    shipped: Path
    data: Path
    runs: Path
    pictures: Pictures
    begin: gr.Dropdown
    preset: gr.Dropdown
    phases: gr.Dataframe
    batch: gr.Number
    name: gr.Textbox
    origin: gr.Textbox
    place: Place
    outcome: gr.Markdown
    jobs: gr.Dropdown

    @property
    def form(self) -> list[Block]:
        """Inputs in the order of `job_of`'s arguments."""
        return [self.pictures.folder, self.name, self.origin, self.begin, self.preset, self.phases, self.batch]

    def start(
        self, taken: str | None, name: str, origin: str, begin: str, preset: str, rows: list[Row], batch: float,
        where: str | None, flavor: str | None, hours: float | None,
        login: gr.OAuthToken | None, profile: gr.OAuthProfile | None,
    ) -> Updates:  # fmt: skip
        """Starts a job; an upload's pictures become the job's own, so a second job would find them gone."""
        try:
            config = job_of(taken, name, origin, begin, preset, rows, batch)
            own = Path(config.data) if pictures.UPLOADS in Path(config.data).parts else None
            if own:
                config = dataclasses.replace(config, data=DATA)
            rented = machine.remote_of(where, flavor, hours, login)
            if rented is None:
                job = folder.create(self.runs, config, own)
                local.ensure_worker(self.runs)
            else:
                job = huggingface.submit(self.runs, config, *rented, own)
        except (Refusal, OSError) as error:
            return {self.outcome: html.fill("**Not started.** {error}", error=error)}
        return {
            self.outcome: f"Job {job.id} is queued.",
            self.jobs: monitor.choices(account.jobs(self.runs, profile), job.id),
            **(self.pictures.given_away(job.id) if own else {}),
        }

    def offer(self, profile: gr.OAuthProfile | None) -> Update:
        """Lists what a job can start from."""
        return gr.update(choices=starts(self.shipped, self.data, account.jobs(self.runs, profile)))

    def take_preset(self, preset: str) -> Updates:
        """Fills the form with a preset."""
        return {self.phases: rows_of(PRESETS[preset]), self.batch: PRESETS[preset].batch_size}


def estimate(
    taken: str | None, name: str, origin: str, begin: str, preset: str, rows: list[Row], batch: float
) -> Iterator[str]:
    """Handler: how long the job would take on this machine."""
    try:
        config = job_of(taken, name, origin, begin, preset, rows, batch)
        yield "Timing a few steps of every phase…"
        yield f"{local.estimate(config)} on this machine, by a few real steps of every phase."
    except (Refusal, OSError) as error:
        yield html.fill("**No estimate.** {error}", error=error)


def build(shipped: Path, using: gr.State, data: Path, runs: Path) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        shipped: Release folder that new jobs start from by default.
        using: The visitor's choice of a release for checking; "Use this model" sets it.
        data: Folder whose subfolders with real/ and fake/ can be trained on.
        runs: Folder of all jobs.
    """
    gr.Markdown(
        "Fine-tune the detector on pictures of your own. A job goes on when you close the page. Try the finished model "
        "here, download it, or publish it."
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
            preset = gr.Dropdown(list(PRESETS), value="quick", label="Preset")
            phases = gr.Dataframe(
                rows_of(PRESETS["quick"]), headers=COLUMNS, type="array", interactive=True, label="Phases",
                elem_id="phases", column_widths=["84px", "120px", "84px", "84px", "72px", "90px"], wrap=True,
                column_count=len(COLUMNS),
            )  # fmt: skip
            gr.Markdown(EXPLAINED, elem_classes="quiet")
            batch = gr.Number(PRESETS["quick"].batch_size, label="Batch size: images in a step", precision=0, minimum=2)
            name = gr.Textbox("my-detector", label="Name of the model", max_length=60)
            origin = gr.Textbox(label="Where the pictures come from, for the model's card", max_length=200)
            place = machine.build()
            outcome = gr.Markdown(elem_id="outcome")
    jobs = monitor.build(using, runs)
    _connect(Tab(shipped, data, runs, chosen, begin, preset, phases, batch, name, origin, place, outcome, jobs))


def _connect(tab: Tab) -> None:
    tab.preset.input(tab.take_preset, tab.preset, [tab.phases, tab.batch], queue=False, **PRIVATE)
    tab.begin.focus(tab.offer, None, tab.begin, queue=False, **PRIVATE)
    tab.place.timing.click(estimate, tab.form, tab.outcome, concurrency_limit=1, **PRIVATE)
    outputs = [tab.outcome, tab.jobs, *tab.pictures.outputs, tab.pictures.archive]
    tab.place.start.click(tab.start, [*tab.form, *tab.place.inputs], outputs, **PRIVATE)
