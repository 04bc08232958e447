"""Whose token and whose jobs: on a Space a visitor's own; on one's own machine, everything there is."""

from __future__ import annotations

import os
from pathlib import Path

import gradio as gr

from deepley.jobs import folder
from deepley.jobs.folder import Job
from deepley.jobs.job import JobError
from deepley.jobs.rented import huggingface


def on_space() -> bool:
    """Whether this is a Hugging Face Space, where strangers meet."""
    return bool(os.environ.get("SPACE_ID"))


def reader(login: gr.OAuthToken | None) -> str | None:
    """The token to read from the Hub with; on one's own machine None if it has none: what is public needs none.

    Raises:
        JobError: If nobody is logged in on a Space.
    """
    return token(login) if on_space() else huggingface.token_of_this_machine()


def token(login: gr.OAuthToken | None) -> str:
    """The token that pays.

    Args:
        login: Of the visitor, on a Space.

    Raises:
        JobError: If nobody is logged in: a Space never acts with a token of its own.
    """
    found = (login.token if login else None) if on_space() else huggingface.token_of_this_machine()
    if not found:
        how = "Log in above." if on_space() else "Run `hf auth login` in a terminal first."
        raise JobError(f"This needs your Hugging Face account. {how}")
    return found


def jobs(runs: Path, profile: gr.OAuthProfile | None) -> list[Job]:
    """The jobs that a visitor may see, oldest first."""
    return [job for job in folder.every(runs) if _sees(job, profile)]


def find(runs: Path, name: str, profile: gr.OAuthProfile | None) -> Job:
    """A job that the visitor may see.

    Raises:
        JobError: If there is none.
    """
    job = folder.find(runs, name)
    if not _sees(job, profile):
        raise JobError(f"There is no job {name!r}.")
    return job


def _sees(job: Job, profile: gr.OAuthProfile | None) -> bool:
    if not on_space():
        return True
    remote = huggingface.remote_of(job)
    return profile is not None and remote is not None and remote.namespace == profile.username
