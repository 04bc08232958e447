"""How far jobs are: a card in words, their curves, and a table to compare them."""

from __future__ import annotations

import itertools
import time
from typing import TypeAlias

import plotly.graph_objects as go
from markupsafe import Markup

from deepley.jobs.folder import Job
from deepley.jobs.job import JobStatus
from deepley.jobs.rented import huggingface
from deepley.ui.parts import charts, html

CURVES = ("loss", "accuracy", "learning_rate")
"""Columns of a job's history that are drawn."""

COLUMNS = ["job", "model", "state", "best val. accuracy", "best val. AUC", "minutes", "cost"]
"""Columns of `summary`."""

Row: TypeAlias = list[str]
"""A line of `summary`."""


def nothing() -> Markup:
    """The card without a job."""
    return html.render("no_job")


def card(job: Job) -> Markup:
    """How far a job is, in words and as a bar."""
    status, history = job.status, job.history
    phases = ", ".join(
        f"{name} (round {first})" if first == last else f"{name} (rounds {first} to {last})"
        for name, first, last in charts.phases(history)
    )
    facts = [f"job {job.id}", status.device]
    if status.started:
        facts.append(f"{_minutes(status):.1f} minutes since its start")
    return html.render(
        "job",
        name=job.name,
        status=status,
        rounds=len(history),
        share=status.images / status.total if status.total else 0.0,
        left=_left(status.seconds_left),
        phases=phases,
        facts="; ".join(filter(None, facts)),
    )


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"; about {seconds / 60:.0f} minutes left" if seconds >= 90 else f"; about {seconds:.0f} seconds left"


def _minutes(status: JobStatus) -> float:
    return ((status.ended or time.time()) - status.started) / 60 if status.started else 0.0


def curves(jobs: list[Job], what: str) -> go.Figure:
    """A column of the jobs' histories by round, one curve for each job and split; the learning rate has no split."""
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


def summary(jobs: list[Job]) -> list[Row]:
    """One row for each job: its best figures, its time and its cost."""
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
