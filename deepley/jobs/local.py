"""Runs jobs on this machine, one at a time and in order, in processes that outlive the page.

The folders are the queue: a job whose status is "queued" waits, and the one queued first runs first. So there is no
second store that could disagree with them after a power cut. Two file locks are enough, as the kernel drops a lock when
its holder dies: one allows a single worker, the other, held by the trainer itself, a single training.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from deepley.config import ROOT
from deepley.jobs import folder
from deepley.jobs.folder import LOG, Job
from deepley.jobs.job import JobConfig, JobError, JobStatus, State
from deepley.records import to_json

_WORKER, DEVICE = ".worker.lock", ".device.lock"
_GRACE = 10.0  # seconds between asking a trainer to stop and killing it


def submit(root: Path, config: JobConfig) -> Job:
    """Queues a job and starts a worker if none runs."""
    job = folder.create(root, config)
    ensure_worker(root)
    return job


def estimate(config: JobConfig) -> str:
    """How long a job would take on this machine, in words, measured in a process of its own.

    Raises:
        JobError: If the time could not be measured.
    """
    command = [sys.executable, "-m", "deepley", "jobs", "estimate"]
    try:
        done = subprocess.run(
            command, input=json.dumps(to_json(config)), capture_output=True, text=True, timeout=600, env=_environment()
        )
        seconds = json.loads(done.stdout.splitlines()[-1])["seconds"]
    except (subprocess.TimeoutExpired, IndexError, ValueError, KeyError) as error:
        raise JobError("The time could not be measured.") from error
    return f"About {seconds / 60:.0f} minutes" if seconds >= 90 else f"About {seconds:.0f} seconds"


def resume(job: Job) -> None:
    """Queues a job that is over, to go on from its last checkpoint.

    Raises:
        JobError: If the job still runs or waits, or is complete.
    """
    state = job.status.state
    if not state.over:
        raise JobError(f"The job {job.id} is {state} already.")
    if state is State.COMPLETED:
        raise JobError(f"The job {job.id} is complete.")
    job.queue()
    ensure_worker(job.folder.parent)


def cancel(job: Job) -> None:
    """Takes a job out of the queue, or ends its trainer.

    Raises:
        JobError: If the job is over.
    """
    status = job.status
    if status.state.over:
        raise JobError(f"The job {job.id} is {status.state} already.")
    job.ask_to_cancel()
    if status.state is State.QUEUED or status.pid is None:
        job.write(JobStatus(State.CANCELLED, status.queued, message="Cancelled before it started."))
        return
    for hint in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(status.pid, hint)  # the trainer leads a process group of its own, and ran a moment ago
        except ProcessLookupError:
            return
        end = time.monotonic() + _GRACE
        while time.monotonic() < end:
            if job.status.state.over:
                return
            time.sleep(0.05)


def ensure_worker(root: Path) -> None:
    """Starts a worker in a session of its own, unless one runs or no job is queued."""
    if next_queued(root) is None:
        return
    try:
        with FileLock(root / _WORKER, timeout=0):
            pass
    except Timeout:
        return
    spawn([sys.executable, "-m", "deepley", "jobs", "--root", str(root.resolve()), "work"], root / "worker.log")


def work(root: Path) -> None:
    """Trains queued jobs until there are none; returns at once if another worker runs."""
    while next_queued(root) is not None:
        try:
            with FileLock(root / _WORKER, timeout=0):
                while (job := next_queued(root)) is not None:
                    _train(job)
        except Timeout:
            return
        # A job queued after the last look and before the end of the lock started no worker: look once more.


def next_queued(root: Path) -> Job | None:
    """The job that was queued first, or None."""
    here = (job for job in folder.every(root) if job.here)
    waiting = [(job.status.queued, job.id, job) for job in here if job.status.state is State.QUEUED]
    return min(waiting)[2] if waiting else None


def _train(job: Job) -> None:
    queued = job.status.queued
    command = ["jobs", "--root", str(job.folder.parent.resolve()), "train", job.id]
    spawn([sys.executable, "-m", "deepley", *command], job.folder / LOG).wait()
    status = job.status
    if status.state is State.QUEUED and status.queued == queued:  # and not queued again meanwhile
        job.write(replace(status, state=State.FAILED, message="Its trainer could not be started: see its log."))


def spawn(command: list[str], log: Path, secrets: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Starts a process that outlives this one.

    Args:
        command: Program and arguments.
        log: File that its output is appended to.
        secrets: Further variables of its environment.
    """
    with open(log, "ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that neither the page's end nor its Ctrl+C reaches it
            env=_environment() | (secrets or {}),
        )


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
