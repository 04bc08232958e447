"""How a job is resumed and cancelled, on this machine and on a rented one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from deepley.jobs import local
from deepley.jobs.folder import Job
from deepley.jobs.rented import huggingface


class Runner(Protocol):
    """Resumes and cancels jobs."""

    def resume(self, job: Job) -> None:
        """Goes on with a job that is over.

        Raises:
            JobError: If the job still runs or waits, or is complete.
        """

    def cancel(self, job: Job) -> None:
        """Ends a job, or takes it out of the queue.

        Raises:
            JobError: If the job is over, or could not be ended.
        """


@dataclass(frozen=True)
class Rented:
    """Hugging Face Jobs under one account.

    Attributes:
        token: Token of the account.
    """

    token: str

    def resume(self, job: Job) -> None:
        """See `Runner.resume`."""
        huggingface.resume(job, self.token)

    def cancel(self, job: Job) -> None:
        """See `Runner.cancel`."""
        huggingface.cancel(job, self.token)


def runner_of(job: Job, token: Callable[[], str]) -> Runner:
    """The runner of a job.

    Args:
        job: The job.
        token: Returns the token of the account that pays, or raises JobError. Called only if a rented machine runs the
            job.
    """
    return local if job.here else Rented(token())
