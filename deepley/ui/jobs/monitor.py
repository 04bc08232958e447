"""All jobs, live: how far each is, its curves beside others', its log, and how to end it or go on with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from gradio.blocks import Block

from deepley.jobs.folder import Job
from deepley.jobs.job import JobError, State
from deepley.jobs.runner import Runner, runner_of
from deepley.ui.jobs import account, progress
from deepley.ui.jobs.models import Models
from deepley.ui.parts import html
from deepley.ui.parts.events import PRIVATE, Update, Updates

TICK = 2.0
"""Seconds between two looks at the jobs' folders."""


@dataclass(frozen=True)
class Monitor:
    """The components and handlers for running jobs, with what they need.

    Attributes:
        runs: Folder of all jobs.
        ids: The chosen jobs; the buttons and the log belong to the oldest of them.
        status: How far the oldest is.
        details: All that is hidden without a job.
        plots: One plot for each of `progress.CURVES`.
        table: The chosen jobs side by side.
        log: End of the log.
        cancel: Button that ends the job.
        resume: Button that goes on with the job.
        seen: The state of the jobs that the page shows.
        models: Buttons for a finished job's model.
    """

    runs: Path
    ids: gr.Dropdown
    status: gr.HTML
    details: gr.Column
    plots: tuple[gr.Plot, ...]
    table: gr.Dataframe
    log: gr.Textbox
    cancel: gr.Button
    resume: gr.Button
    seen: gr.State
    models: Models

    @property
    def outputs(self) -> list[Block]:
        """Outputs of a look at the jobs."""
        shown = [self.status, *self.plots, self.table, self.log, self.details, self.cancel, self.resume, self.seen]
        return [*shown, *self.models.buttons]

    def look(self, ids: list[str] | None, seen: str | None, profile: gr.OAuthProfile | None) -> Updates | Update:
        """Shows the chosen jobs; redraws nothing if they are as they were at the last tick, which `seen` keeps."""
        jobs = [job for job in account.jobs(self.runs, profile) if job.id in (ids or [])]
        news = repr([(job.id, job.status, len(job.history), job.log_tail(3)) for job in jobs])
        if news == seen:
            return gr.skip()
        first = jobs[0] if jobs else None
        state = first.status.state if first else None
        finished = gr.update(interactive=first is not None and first.release is not None)
        shown: Updates = {
            self.status: progress.card(first) if first else progress.nothing(),
            self.table: progress.summary(jobs),
            self.log: first.log_tail() if first else "",
            self.details: gr.update(visible=bool(jobs)),
            self.cancel: gr.update(interactive=state is not None and not state.over),
            self.resume: gr.update(interactive=state is not None and state.over and state is not State.COMPLETED),
            self.seen: news,
        }
        shown |= {plot: progress.curves(jobs, what) for plot, what in zip(self.plots, progress.CURVES)}
        return shown | {button: finished for button in self.models.buttons}

    def end(self, ids: list[str] | None, login: gr.OAuthToken | None, profile: gr.OAuthProfile | None) -> str:
        """Ends a job; returns why it could not."""
        return self._run(lambda runner, job: runner.cancel(job), ids, login, profile)

    def go_on(self, ids: list[str] | None, login: gr.OAuthToken | None, profile: gr.OAuthProfile | None) -> str:
        """Goes on with a job; returns why it could not."""
        return self._run(lambda runner, job: runner.resume(job), ids, login, profile)

    def _run(
        self,
        do: Callable[[Runner, Job], None],
        ids: list[str] | None,
        login: gr.OAuthToken | None,
        profile: gr.OAuthProfile | None,
    ) -> str:
        try:
            job = account.find(self.runs, min(ids or [], default=""), profile)
            do(runner_of(job, lambda: account.token(login)), job)
        except JobError as error:
            return html.fill("{error}", error=error)
        return ""

    def offer(self, profile: gr.OAuthProfile | None) -> Update:
        """Lists the jobs to choose from."""
        return gr.update(choices=_named(account.jobs(self.runs, profile)))

    def newest(self, profile: gr.OAuthProfile | None) -> Update:
        """Shows the newest job, if there is one."""
        jobs = account.jobs(self.runs, profile)
        return choices(jobs, jobs[-1].id) if jobs else gr.skip()

    def connect(self) -> None:
        """Adds the events."""
        timer = gr.Timer(TICK)
        timer.tick(self.look, [self.ids, self.seen], self.outputs, concurrency_limit=None, queue=False, **PRIVATE)
        self.ids.focus(self.offer, None, self.ids, queue=False, **PRIVATE)
        gr.on(None, self.newest, None, self.ids, queue=False, **PRIVATE)  # when the page is opened
        self.cancel.click(self.end, self.ids, self.models.done, **PRIVATE)
        self.resume.click(self.go_on, self.ids, self.models.done, **PRIVATE)
        self.models.connect(self.ids)


def build(using: gr.State, runs: Path) -> gr.Dropdown:
    """Adds the jobs' part of the tab; returns the choice of jobs, which `choices` updates.

    Args:
        using: The visitor's choice of a release for checking.
        runs: Folder of all jobs.
    """
    gr.Markdown("### Jobs")
    ids = gr.Dropdown(
        [],
        multiselect=True,
        label="Jobs to show. The buttons and the log below belong to the oldest one.",
        elem_id="jobs",
    )
    status = gr.HTML(progress.nothing(), elem_id="job", padding=False)
    with gr.Column(visible=False) as details:
        with gr.Row():
            cancel = gr.Button("Cancel", elem_id="cancel", interactive=False, min_width=140)
            resume = gr.Button("Resume", elem_id="resume", interactive=False, min_width=140)
            take = gr.Button("Use this model", elem_id="use", interactive=False, min_width=140)
            download = gr.Button("Download", elem_id="download", interactive=False, min_width=140)
        with gr.Row():
            repo = gr.Textbox(
                show_label=False, placeholder="Publish as OWNER/NAME on the Hub", elem_id="repo", min_width=220, scale=3
            )
            publish = gr.Button("Publish", elem_id="publish", interactive=False, min_width=140, scale=1)
        done = gr.Markdown(elem_id="done")
        back = gr.Button("Back to the shipped model", size="sm", visible=False, elem_id="back")
        plots = _plots()
        table = gr.Dataframe(
            headers=progress.COLUMNS, type="array", interactive=False, elem_id="summary", show_label=False
        )
        log = gr.Textbox(label="Log", lines=10, max_lines=10, interactive=False, elem_id="log")
    packed = gr.DownloadButton(elem_id="packed", visible="hidden")
    models = Models(runs, using, take, download, repo, publish, done, back, packed)
    monitor = Monitor(runs, ids, status, details, plots, table, log, cancel, resume, gr.State(""), models)
    monitor.connect()
    return ids


def _plots() -> tuple[gr.Plot, ...]:
    plots = []
    with gr.Row():
        for what in progress.CURVES:
            with gr.Column(min_width=300):
                plots.append(gr.Plot(show_label=False, elem_id=what))
    return tuple(plots)


def choices(jobs: list[Job], chosen: str) -> Update:
    """An update of the choice of jobs that shows one of them."""
    return gr.update(choices=_named(jobs), value=[chosen])


def _named(jobs: list[Job]) -> list[tuple[str, str]]:
    return [(f"{job.name}, {job.id}", job.id) for job in reversed(jobs)]
