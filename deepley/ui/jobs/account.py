"""Tokens and jobs of a visitor: on a Space only the visitor's own; on a machine at home, all there are."""

from __future__ import annotations

import os
from pathlib import Path

import gradio as gr

from deepley.jobs import folder
from deepley.jobs.folder import Job
from deepley.jobs.job import JobError
from deepley.jobs.rented import huggingface


def on_space() -> bool:
    """Whether this is a Hugging Face Space, which strangers share."""
    return bool(os.environ.get("SPACE_ID"))


def reader(login: gr.OAuthToken | None) -> str | None:
    """The token to read from the Hub with; None on a machine at home without one, as public data needs none.

    Raises:
        JobError: If nobody is logged in on a Space.
    """
    return token(login) if on_space() else huggingface.token_of_this_machine()


def token(login: gr.OAuthToken | None) -> str:
    """The token of the account that pays.

    Args:
        login: Token of the visitor on a Space.

    Raises:
        JobError: If there is no account; a Space never uses a token of its own.
    """
    if not on_space():
        return huggingface.needed_token()
    if login is None:
        raise JobError("This needs your Hugging Face account. Log in above.")
    return login.token


def jobs(runs: Path, profile: gr.OAuthProfile | None) -> list[Job]:
    """The jobs that a visitor may see, oldest first."""
    return [job for job in folder.every(runs) if _sees(job, profile)]


def find(runs: Path, name: str, profile: gr.OAuthProfile | None) -> Job:
    """A job that the visitor may see.

    Raises:
        JobError: If there is no such job.
    """
    job = folder.find(runs, name)
    if not _sees(job, profile):
        raise JobError(f"There is no job {name!r}.")
    return job


def _sees(job: Job, profile: gr.OAuthProfile | None) -> bool:
    if not on_space():
        return True
    return profile is not None and not job.here and job.remote.namespace == profile.username
