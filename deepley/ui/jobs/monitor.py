"""All jobs, live: how far each is, its curves beside others', its log, and what can be done with it."""

from __future__ import annotations

import itertools
import secrets
import shutil
import time
from collections.abc import Callable
from html import escape
from pathlib import Path

import gradio as gr
import plotly.graph_objects as go

from deepley.hub import client
from deepley.hub.publish import PublishError, publish
from deepley.jobs.folder import Job
from deepley.jobs.job import JobError, JobStatus, State
from deepley.jobs.rented import huggingface
from deepley.jobs.runner import Runner, runner_of
from deepley.ui.jobs import account
from deepley.ui.parts import charts
from deepley.ui.parts.events import PRIVATE

TICK = 2.0
"""Seconds between two looks at the jobs' folders."""

_CURVES = ("loss", "accuracy", "learning_rate")
_SUMMARY = ["job", "model", "state", "best val. accuracy", "best val. AUC", "minutes", "cost"]


def build(using: gr.State, runs: Path) -> gr.Dropdown:
    """Adds the jobs' part of the tab; returns the choice of jobs, which `choices` updates.

    Args:
        using: The visitor's choice of a release for checking.
        runs: Folder of all jobs.
    """

    def look(ids: list[str] | None, seen: str | None, profile: gr.OAuthProfile | None) -> tuple:
        """What the chosen jobs say now; `seen` is what they said at the last tick, so that no news redraws nothing."""
        jobs = [job for job in account.jobs(runs, profile) if job.id in (ids or [])]
        news = repr([(job.id, job.status, len(job.history), job.log_tail(3)) for job in jobs])
        if news == seen:
            return (gr.skip(),) * len(outputs)
        first = jobs[0] if jobs else None
        state = first.status.state if first else None
        return (
            card(first) if first else _nothing(),
            *(curves(jobs, what) for what in _CURVES),
            summary(jobs),
            first.log_tail() if first else "",
            gr.update(visible=bool(jobs)),
            gr.update(interactive=state is not None and not state.over),
            gr.update(interactive=state is not None and state.over and state is not State.COMPLETED),
            *(gr.update(interactive=first is not None and first.release is not None),) * 3,
            news,
        )

    def cancelled(ids: list[str] | None, login: gr.OAuthToken | None, profile: gr.OAuthProfile | None) -> str:
        return act(lambda runner, job: runner.cancel(job), ids, login, profile)

    def resumed(ids: list[str] | None, login: gr.OAuthToken | None, profile: gr.OAuthProfile | None) -> str:
        return act(lambda runner, job: runner.resume(job), ids, login, profile)

    def act(
        do: Callable[[Runner, Job], None],
        ids: list[str] | None,
        login: gr.OAuthToken | None,
        profile: gr.OAuthProfile | None,
    ) -> str:
        try:
            job = account.find(runs, min(ids or [], default=""), profile)
            do(runner_of(job, lambda: account.token(login)), job)
        except JobError as error:
            return escape(str(error))
        return ""

    def named(profile: gr.OAuthProfile | None) -> dict:
        return gr.update(choices=_named(account.jobs(runs, profile)))

    def newest(profile: gr.OAuthProfile | None) -> dict:
        jobs = account.jobs(runs, profile)
        return choices(jobs, jobs[-1].id) if jobs else gr.skip()

    def finished(ids: list[str] | None, profile: gr.OAuthProfile | None) -> Job:
        job = account.find(runs, min(ids or [], default=""), profile)
        if job.release is None:
            raise JobError("This job has no model yet.")
        return job

    def use(ids: list[str] | None, profile: gr.OAuthProfile | None) -> tuple:
        try:
            job = finished(ids, profile)
        except JobError as error:
            return escape(str(error)), gr.skip()
        said = f"Your photos are now checked with **{escape(job.config.name)}** of job {job.id}, on this page only."
        return said, str(job.release)

    def push(ids: list[str] | None, repo: str, login: gr.OAuthToken | None, profile: gr.OAuthProfile | None) -> str:
        try:
            job = finished(ids, profile)
            pin = publish(job.release, (repo or "").strip(), client.api(account.token(login)))
        except (JobError, PublishError) as error:
            return f"**Not published.** {escape(str(error))}"
        return f"Published to {escape(repo.strip())}, privately; pinned, it is `{escape(pin)}`."

    def pack(ids: list[str] | None, profile: gr.OAuthProfile | None) -> str:
        try:
            job = finished(ids, profile)
        except JobError as error:
            raise gr.Error(str(error), print_exception=False) from error
        target = Path(packed.GRADIO_CACHE) / secrets.token_hex(16) / job.config.name.replace("/", "-")
        return shutil.make_archive(str(target), "zip", job.release)

    gr.Markdown("### Jobs")
    ids = gr.Dropdown(
        [],
        multiselect=True,
        label="Jobs to show; with several, the buttons and the log below belong to the oldest",
        elem_id="jobs",
    )
    status = gr.HTML(_nothing(), elem_id="job", padding=False)
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
            publish_button = gr.Button("Publish", elem_id="publish", interactive=False, min_width=140, scale=1)
        done = gr.Markdown(elem_id="done")
        back = gr.Button("Back to the shipped model", size="sm", visible=False, elem_id="back")
        with gr.Row():
            plots = []
            for what in _CURVES:
                with gr.Column(min_width=300):
                    plots.append(gr.Plot(show_label=False, elem_id=what))
        table = gr.Dataframe(headers=_SUMMARY, type="array", interactive=False, elem_id="summary", show_label=False)
        log = gr.Textbox(label="Log", lines=10, max_lines=10, interactive=False, elem_id="log")
    packed = gr.DownloadButton(elem_id="packed", visible="hidden")
    seen = gr.State("")

    outputs = [status, *plots, table, log, details, cancel, resume, take, download, publish_button, seen]
    timer = gr.Timer(TICK)
    timer.tick(look, [ids, seen], outputs, concurrency_limit=None, queue=False, **PRIVATE)
    ids.focus(named, None, ids, queue=False, **PRIVATE)
    gr.on(None, newest, None, ids, queue=False, **PRIVATE)  # when the page is opened
    cancel.click(cancelled, ids, done, **PRIVATE)
    resume.click(resumed, ids, done, **PRIVATE)
    publish_button.click(push, [ids, repo], done, **PRIVATE)
    take.click(use, ids, [done, using], **PRIVATE).then(
        lambda release: gr.update(visible=release is not None), using, back, **PRIVATE
    )
    back.click(
        lambda: ("Your photos are checked with the shipped model again.", None, gr.update(visible=False)),
        None, [done, using, back], **PRIVATE,
    )  # fmt: skip
    download.click(pack, ids, packed, **PRIVATE).success(
        None, None, None, js="() => { document.querySelector('#packed').click(); }"
    )
    return ids


def choices(jobs: list[Job], chosen: str) -> dict:
    """An update of the choice of jobs that shows one of them."""
    return gr.update(choices=_named(jobs), value=[chosen])


def _named(jobs: list[Job]) -> list[tuple[str, str]]:
    return [(f"{job.name}, {job.id}", job.id) for job in reversed(jobs)]


def _nothing() -> str:
    return '<section class="panel"><p>No job is shown. Start one above.</p></section>'


def card(job: Job) -> str:
    """How far a job is, in words and as a bar."""
    status = job.status
    share = status.images / status.total if status.total else 0.0
    parts = [f"<h3>{escape(job.name)}: {status.state}</h3>"]
    if status.total:
        parts.append(
            f'<div class="bar" role="progressbar" aria-label="Training" aria-valuemin="0" aria-valuemax="100" '
            f'aria-valuenow="{share * 100:.0f}"><span style="width: {share:.1%}"></span></div>'
            + f"<p>{status.images:,} of {status.total:,} images, {share:.0%}{_left(status.seconds_left)}</p>"
        )
    if status.message:
        parts.append(f"<p>{escape(status.message)}</p>")
    if phases := charts.phases(job.history):
        named = (
            f"{name} (round {first})" if first == last else f"{name} (rounds {first} to {last})"
            for name, first, last in phases
        )
        parts.append(f"<p>Phases so far: {escape(', '.join(named))}</p>")
    facts = [f"job {job.id}", status.device]
    if status.started:
        facts.append(f"{_minutes(status):.1f} minutes since its start")
    parts.append(f'<p class="quiet">{escape("; ".join(filter(None, facts)))}</p>')
    marks = f'data-state="{status.state}" data-rounds="{len(job.history)}"'
    return f'<section class="panel" {marks}>{"".join(parts)}</section>'


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"; about {seconds / 60:.0f} minutes left" if seconds >= 90 else f"; about {seconds:.0f} seconds left"


def _minutes(status: JobStatus) -> float:
    return ((status.ended or time.time()) - status.started) / 60 if status.started else 0.0


def curves(jobs: list[Job], what: str) -> go.Figure:
    """A column of the jobs' histories by round, one curve a job and split; the learning rate has no split."""
    figure, colours = charts.blank(what.replace("_", " ").capitalize(), "round", ""), itertools.cycle(charts.COLOURS)
    for job in jobs:
        history, name = job.history, f"{job.name} {job.id[9:15]} " if len(jobs) > 1 else ""
        splits = {what: "rate"} if what == "learning_rate" else {what: "training", f"val_{what}": "validation"}
        for column, split in splits.items():
            figure.add_scatter(
                x=[row["round"] for row in history],
                y=[row[column] for row in history],
                name=name + split,
                text=[row["phase"] for row in history],
                mode="lines+markers",
                line={"color": next(colours)},
            )
    figure.update_layout(height=300)
    return figure


def summary(jobs: list[Job]) -> list[list]:
    """One row a job: what it reached and what it took."""
    rows = []
    for job in jobs:
        history, status = job.history, job.status
        best = [max((row[key] for row in history), default=None) for key in ("val_accuracy", "val_auc")]
        rows.append(
            [
                job.id,
                job.name,
                str(status.state),
                *(f"{value:.4f}" if value is not None else "" for value in best),
                f"{sum(row['seconds'] for row in history) / 60:.1f}",
                "" if (paid := huggingface.cost(job)) is None else f"${paid:.2f}",
            ]
        )
    return rows
