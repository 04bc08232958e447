"""The process that follows a job on Hugging Face Jobs: `deepley jobs follow`.

It stages code, pictures and recipe in a private repository of the visitor, starts the job there, and copies its reports
into the job's folder. It outlives the page, as a local trainer does. The token is in this process's environment and in
the job's secrets, never in a file.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import psutil
from huggingface_hub import HfApi
from huggingface_hub.errors import EntryNotFoundError
from tenacity import wait_exponential

from deepley.errors import WeightsError
from deepley.host.files import write
from deepley.hub import client
from deepley.jobs.folder import LOG, RELEASE, STATUS, Job
from deepley.jobs.job import JobError, JobStatus, Remote, State
from deepley.jobs.rented.huggingface import LABEL, OVER, there
from deepley.jobs.rented.retries import retrying
from deepley.jobs.rented.staging import IMAGE, command, repo_of, staged
from deepley.network import files, release
from deepley.records import from_json
from deepley.training.data.sources import DataError

_POLL = 10.0  # seconds between two looks
_ATTEMPTS = 6  # failures in a row after which the job is no longer followed
_LONGEST_WAIT = 300.0  # seconds between two attempts


def follow(job: Job, api: HfApi, token: str, poll: float = _POLL) -> int:
    """Starts the job there unless it runs already, and keeps its folder up to date until it is over.

    Args:
        job: The job.
        api: Client of the Hub.
        token: Token for the job's secrets, with which it sends back its results.
        poll: Seconds between two looks; doubled after each failure in a row.

    Returns:
        0 if the job is complete, else 1.
    """
    if job.status.state is not State.QUEUED:  # cancelled before this process was up
        return 1
    process = psutil.Process()
    status = replace(
        job.status, state=State.RUNNING, started=time.time(), ended=None, pid=process.pid,
        process_started=process.create_time(), device=job.remote.flavor, message="Sending pictures and recipe.",
    )  # fmt: skip
    job.write(status)
    try:
        if not job.remote.job:
            _start(job, api, token)
        status = _watch(job, api, status, poll)
    except client.FAILURES as error:
        said = str(error) if isinstance(error, (JobError, DataError, WeightsError)) else client.sentence(error)
        lost = job.remote.job and not isinstance(error, (JobError, WeightsError))
        goes_on = " The job goes on there; Resume looks for it again." if lost else ""
        status = replace(status, state=State.INTERRUPTED if lost else State.FAILED, message=said + goes_on)
    job.write(replace(status, ended=time.time(), seconds_left=None))
    return 0 if status.state is State.COMPLETED else 1


def _start(job: Job, api: HfApi, token: str) -> None:
    """Stages the job and runs it; if an interrupted start has left a job there, that one is followed instead."""
    remote = job.remote
    running = there(job, remote, api)
    if not running:
        repo = repo_of(job, remote.namespace)
        api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
        with staged(job) as operations:
            commit = api.create_commit(repo, operations, commit_message="A job", repo_type="dataset")
        running = [
            api.run_job(
                image=IMAGE,
                command=command(repo, commit.oid, gpu=not remote.flavor.startswith("cpu")),
                env={"HF_ENDPOINT": api.endpoint, "PYTHONUNBUFFERED": "1"},
                secrets={"HF_TOKEN": token},
                flavor=remote.flavor,
                timeout=round(remote.hours * 3600),
                labels={LABEL: job.id},
                namespace=remote.namespace,
            )
        ]
    job.write_remote(replace(remote, job=running[0].id, begun=time.time()))


def _watch(job: Job, api: HfApi, status: JobStatus, poll: float) -> JobStatus:
    """Copies news from there until the job is over; returns its last status."""

    def note(sentence: str, _: int) -> None:
        job.write(replace(status, message=f"{sentence} Looking again soon."))

    looking = retrying(_ATTEMPTS, note, wait_exponential(2 * poll, _LONGEST_WAIT))
    while True:
        status = looking(_look, job, api, status)
        if status.state.over:
            return status
        job.write(status)
        time.sleep(poll)


def _look(job: Job, api: HfApi, status: JobStatus) -> JobStatus:
    """Copies log, history, progress and, once it is complete, the release; returns the new status."""
    remote = job.remote
    seen = api.inspect_job(job_id=remote.job, namespace=remote.namespace).status
    _copy_log(job, api, remote)
    status = _copy_progress(job, api, remote, status)
    if seen.stage in OVER:
        return _ended(job, api, remote, status, seen.stage, seen.message)
    return replace(status, message="Waiting for a machine.") if seen.stage == "SCHEDULING" else status


def _copy_log(job: Job, api: HfApi, remote: Remote) -> None:
    """Appends new lines to the log; the Hub sends the whole log each time."""
    path = job.folder / "log-there.txt"
    known = path.read_text().splitlines() if path.exists() else []
    lines = [line.rstrip("\n") for line in api.fetch_job_logs(job_id=remote.job, namespace=remote.namespace)]
    if len(lines) > len(known):
        write(path, "\n".join(lines) + "\n")
        with open(job.folder / LOG, "a") as log:
            log.write("\n".join(lines[len(known) :]) + "\n")


def _copy_progress(job: Job, api: HfApi, remote: Remote, status: JobStatus) -> JobStatus:
    """Copies the history; returns the status with the progress that the job reported."""
    try:
        theirs = from_json(JobStatus, json.loads(_fetch(job, api, remote, STATUS).read_text()))
        status = replace(
            status, images=theirs.images, total=theirs.total, seconds_left=theirs.seconds_left,
            message=theirs.message,
        )  # fmt: skip
        if theirs.device:
            status = replace(status, device=f"{remote.flavor} ({theirs.device})")
        write(job.folder / files.HISTORY, _fetch(job, api, remote, files.HISTORY).read_bytes())
    except EntryNotFoundError:
        pass  # the job has not reported yet
    return status


def _fetch(job: Job, api: HfApi, remote: Remote, name: str) -> Path:
    repo = repo_of(job, remote.namespace)
    return Path(api.hf_hub_download(repo, f"job/{name}", repo_type="dataset", local_dir=job.folder / ".there"))


def _ended(job: Job, api: HfApi, remote: Remote, status: JobStatus, stage: str, message: str | None) -> JobStatus:
    """The status of a job that is over; fetches the release of a complete one."""
    if stage == "CANCELED":
        return replace(status, state=State.CANCELLED, message="Cancelled.")
    if stage == "DELETED":
        return replace(status, state=State.FAILED, message="The job was deleted on the Hub.")
    if stage == "ERROR":
        if "timeout" in (message or "").lower() or time.time() - remote.begun >= remote.hours * 3600:
            said = f"It ran into its time limit of {remote.hours:g} hours. Resume starts it anew; allow it more time."
        else:
            theirs = status.message if status.message and not status.message.startswith("Waiting") else ""
            said = theirs or message or "It failed there: see its log."
        return replace(status, state=State.FAILED, message=said)
    pulled = job.folder / ".there" / "job" / RELEASE
    for name in (files.WEIGHTS, files.CONFIG, files.HISTORY, files.METRICS, files.CARD, files.DOUBT):
        _fetch(job, api, remote, f"{RELEASE}/{name}")
    release.load(pulled)  # its SHA-256 is checked
    pulled.rename(job.folder / RELEASE)
    return replace(status, state=State.COMPLETED, images=status.total, message="")


def with_token_of_environment(job: Job) -> int:
    """Follows a job with the token in HF_TOKEN, as `deepley jobs follow` does.

    Raises:
        JobError: If there is no token.
    """
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise JobError("Set HF_TOKEN to the token of the account that runs this job.")
    return follow(job, client.api(token), token)
