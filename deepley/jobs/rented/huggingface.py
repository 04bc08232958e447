"""Jobs on rented machines: Hugging Face Jobs, paid by the visitor whose token starts them.

Such a job is a folder like any other, with a `remote.json` beside its status. `jobs/follower.py` starts it there and
keeps the folder up to date.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import HfApi, JobInfo

from deepley.errors import Refusal
from deepley.host.files import write_json
from deepley.hub import client
from deepley.jobs import folder, local
from deepley.jobs.folder import LOG, REMOTE, Job
from deepley.jobs.job import JobConfig, JobError, State
from deepley.records import from_json, to_json

LABEL = "deepley"
OVER = {"COMPLETED", "CANCELED", "ERROR", "DELETED"}
"""Stages, in the Hub's words, of a job that has ended."""


@dataclass(frozen=True)
class Flavor:
    """A kind of machine for rent.

    Attributes:
        name: The Hub's name of it.
        text: What it is, for people.
        per_hour: US dollars.
    """

    name: str
    text: str
    per_hour: float


@dataclass(frozen=True)
class Remote:
    """Where a job runs, and under whose account.

    Attributes:
        namespace: The account that pays.
        flavor: Kind of machine.
        hours: Time limit.
        per_hour: US dollars, as the Hub said when the job was made.
        job: The Hub's id of the job; empty before it started.
        begun: When it was started there, in seconds since 1970.
    """

    namespace: str
    flavor: str
    hours: float
    per_hour: float
    job: str = ""
    begun: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.hours <= 48:
            raise Refusal("The time limit must lie between 0 and 48 hours.")


def flavors(api: HfApi) -> list[Flavor]:
    """Machines for rent and what they cost, cheapest first."""
    found = []
    for hardware in api.list_jobs_hardware():
        per_hour = hardware.unit_cost_usd * {"minute": 60, "hour": 1, "second": 3600}[hardware.unit_label]
        gpu = f", {hardware.accelerator.quantity} x {hardware.accelerator.model}" if hardware.accelerator else ""
        found.append(Flavor(hardware.name, f"{hardware.pretty_name}: {hardware.cpu}, {hardware.ram}{gpu}", per_hour))
    return sorted(found, key=lambda flavor: flavor.per_hour)


def submit(root: Path, config: JobConfig, remote: Remote, token: str, pictures: Path | None = None) -> Job:
    """Makes a job's folder and starts the process that follows it.

    Args:
        root: Folder of all jobs.
        config: What it does.
        remote: Where.
        token: The visitor's.
        pictures: See `folder.create`.
    """
    job = folder.create(root, config, pictures, to_json(remote))
    _spawn_follower(job, token)
    return job


def resume(job: Job, token: str) -> None:
    """Follows a job on, or starts it anew if it failed there.

    Raises:
        JobError: If it still runs here, or is complete.
    """
    state = job.status.state
    if not state.over or state is State.COMPLETED:
        raise JobError(f"The job {job.id} is {state} already.")
    if state is not State.INTERRUPTED:
        write_remote(job, replace(remote_of(job), job=""))
    job.queue()
    _spawn_follower(job, token)


def cancel(job: Job, token: str) -> None:
    """Ends a job there, and the process that follows it here.

    Raises:
        JobError: If it is over, or the Hub could not be told.
    """
    remote, api = remote_of(job), client.api(token)
    try:
        if remote.job and not job.status.state.over:
            api.cancel_job(job_id=remote.job, namespace=remote.namespace)
    except client.FAILURES as error:
        raise JobError(f"The job was not cancelled, and goes on: {client.sentence(error)}") from error
    local.cancel(job)
    if remote.job:
        return
    try:  # it may have been started there a moment ago, before this machine took note
        for found in there(job, remote, api):
            api.cancel_job(job_id=found.id, namespace=remote.namespace)
    except client.FAILURES as error:
        raise JobError(f"Look at your jobs on the Hub, it may run there: {client.sentence(error)}") from error


def remote_of(job: Job) -> Remote | None:
    """Where a job runs; None if on this machine."""
    path = job.folder / REMOTE
    return from_json(Remote, json.loads(path.read_text())) if path.is_file() else None


def cost(job: Job) -> float | None:
    """US dollars so far, by the clock; None for a job on this machine."""
    remote = remote_of(job)
    if remote is None or not remote.begun:
        return None
    return ((job.status.ended or time.time()) - remote.begun) / 3600 * remote.per_hour


def _spawn_follower(job: Job, token: str) -> None:
    command = [sys.executable, "-m", "deepley", "jobs", "--root", str(job.folder.parent.resolve()), "follow", job.id]
    local.spawn(command, job.folder / LOG, {"HF_TOKEN": token})


def write_remote(job: Job, remote: Remote) -> None:
    """Notes where a job runs."""
    write_json(job.folder / REMOTE, to_json(remote))


def there(job: Job, remote: Remote, api: HfApi) -> list[JobInfo]:
    """The Hub's jobs of this job that are not over."""
    known = api.list_jobs(namespace=remote.namespace, labels={LABEL: job.id})
    return [found for found in known if found.status.stage not in OVER]


def token_of_this_machine() -> str | None:
    """The token that `hf auth login` stored here, or `HF_TOKEN`."""
    from huggingface_hub import get_token

    return get_token()


def account(token: str) -> str:
    """Name of the account that a token belongs to.

    Raises:
        JobError: If the Hub does not say.
    """
    try:
        return client.api(token).whoami()["name"]
    except client.FAILURES as error:
        raise JobError(client.sentence(error)) from error
