"""Jobs on rented machines: Hugging Face Jobs, paid by the visitor whose token starts them.

Such a job is a folder like any other, with a `remote.json` beside its status. The process of `follower` starts it there
and keeps the folder up to date.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from huggingface_hub import HfApi, JobInfo

from deepley.hub import client
from deepley.jobs import folder, local
from deepley.jobs.folder import LOG, Job
from deepley.jobs.job import JobConfig, JobError, Remote, State

LABEL = "deepley"
OVER = {"COMPLETED", "CANCELED", "ERROR", "DELETED"}
"""The Hub's names for the stages of a job that has ended."""


@dataclass(frozen=True)
class Flavor:
    """A kind of machine for rent.

    Attributes:
        name: The Hub's name of the machine.
        text: Description for people.
        per_hour: Price in US dollars.
    """

    name: str
    text: str
    per_hour: float


def flavors(api: HfApi) -> list[Flavor]:
    """Machines for rent with their prices, cheapest first."""
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
        config: Config of the job.
        remote: Rented machine that runs it.
        token: Token of the visitor who pays.
        pictures: A folder that becomes the job's own, see `folder.create`.
    """
    job = folder.create(root, config, pictures, remote)
    _spawn_follower(job, token)
    return job


def resume(job: Job, token: str) -> None:
    """Follows a job again, or starts it anew if it failed there.

    Raises:
        JobError: If it still runs here, or is complete.
    """
    state = job.status.state
    if not state.over or state is State.COMPLETED:
        raise JobError(f"The job {job.id} is {state} already.")
    if state is not State.INTERRUPTED:
        job.write_remote(replace(job.remote, job=""))
    job.queue()
    _spawn_follower(job, token)


def cancel(job: Job, token: str) -> None:
    """Ends a job there, and the process that follows it here.

    Raises:
        JobError: If the job is over, or the Hub did not cancel it.
    """
    remote, api = job.remote, client.api(token)
    try:
        if remote.job and not job.status.state.over:
            api.cancel_job(job_id=remote.job, namespace=remote.namespace)
    except client.FAILURES as error:
        raise JobError(f"The job was not cancelled, and goes on: {client.sentence(error)}") from error
    local.cancel(job)
    if remote.job:
        return
    try:  # it may have been started there a moment ago, before this machine noted it
        for found in there(job, remote, api):
            api.cancel_job(job_id=found.id, namespace=remote.namespace)
    except client.FAILURES as error:
        raise JobError(f"Look at your jobs on the Hub, it may run there: {client.sentence(error)}") from error


def cost(job: Job) -> float | None:
    """US dollars so far, by the clock; None for a job on this machine."""
    if job.here or not (remote := job.remote).begun:
        return None
    return ((job.status.ended or time.time()) - remote.begun) / 3600 * remote.per_hour


def _spawn_follower(job: Job, token: str) -> None:
    command = [sys.executable, "-m", "deepley", "jobs", "--root", str(job.folder.parent.resolve()), "follow", job.id]
    local.spawn(command, job.folder / LOG, {"HF_TOKEN": token})


def there(job: Job, remote: Remote, api: HfApi) -> list[JobInfo]:
    """Jobs on the Hub that run this job and are not over."""
    known = api.list_jobs(namespace=remote.namespace, labels={LABEL: job.id})
    return [found for found in known if found.status.stage not in OVER]


def token_of_this_machine() -> str | None:
    """The token that `hf auth login` stored here, or `HF_TOKEN`; None if there is neither."""
    from huggingface_hub import get_token

    return get_token()


def needed_token() -> str:
    """The token of this machine.

    Raises:
        JobError: If there is none.
    """
    if token := token_of_this_machine():
        return token
    raise JobError("This needs your Hugging Face account. Run `hf auth login` in a terminal first.")


def account(token: str) -> str:
    """Name of the account that a token belongs to.

    Raises:
        JobError: If the Hub does not give it.
    """
    try:
        return client.api(token).whoami()["name"]
    except client.FAILURES as error:
        raise JobError(client.sentence(error)) from error
