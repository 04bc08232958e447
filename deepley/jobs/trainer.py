"""The process of a job: it trains, writes its progress, and says in one sentence how it ended."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace

import psutil
from filelock import FileLock

from deepley.errors import Refusal
from deepley.jobs.folder import RELEASE, Job
from deepley.jobs.job import JobStatus, State
from deepley.jobs.local import DEVICE

_EVERY = 1.0  # seconds between two writes of the status


def run(job: Job) -> int:
    """Trains a queued job to its end, once nothing else trains on this machine; returns the exit code."""
    with FileLock(job.folder.parent / DEVICE):
        if job.status.state is not State.QUEUED:  # cancelled while it waited
            return 0
        process = psutil.Process()
        watch = _Watch(
            job,
            replace(
                job.status,
                state=State.RUNNING,
                started=time.time(),
                pid=process.pid,
                process_started=process.create_time(),
                message="Reading the pictures.",
            ),
        )
        if job.asked_to_cancel:  # after its state was read and before it was written
            watch.end(State.CANCELLED, "Cancelled before it started.")
            return 0
        try:
            _train(job, watch)
        # Whatever ends a training, the status must say so: `_sentence` names every kind of failure.
        except Exception as error:
            watch.end(State.FAILED, _sentence(error))
            raise
        watch.end(State.COMPLETED, "")
    return 0


def _train(job: Job, watch: _Watch) -> None:
    from deepley.network import devices
    from deepley.training import pipeline

    config, gpus = job.config, devices.gpus()
    device = f"{gpus} GPU{'s' if gpus > 1 else ''}" if gpus else f"{os.cpu_count()} CPU cores"
    watch.runs_on(device)
    start, base = (job.folder / path if path else None for path in (config.start, config.base))
    training = pipeline.Training(
        job.data, config.train, job.folder, job.folder / RELEASE, config.name, config.origin, base, start, resume=True
    )
    pipeline.train(training, watch.say, watch.step)


class _Watch:
    """Writes a job's status while it trains."""

    def __init__(self, job: Job, status: JobStatus) -> None:
        self._job = job
        self._first: tuple[float, int] | None = None
        self._set(status)

    def _set(self, status: JobStatus) -> None:
        self._status, self._written = status, time.time()
        self._job.write(status)

    def say(self, message: str) -> None:
        """Writes what happens now."""
        self._set(replace(self._status, message=message))

    def runs_on(self, device: str) -> None:
        """Writes the hardware that it runs on."""
        self._set(replace(self._status, device=device))

    def step(self, images: int, total: int) -> None:
        """Notes a training step; the time left is measured from the second step on, as the first one compiles."""
        now = time.time()
        if self._first is None:
            self._first = (now, images)
        since, before = self._first
        left = (total - images) * (now - since) / (images - before) if images > before else None
        status = replace(self._status, images=images, total=total, seconds_left=left)
        if now - self._written > _EVERY:
            self._set(status)
        self._status = status

    def end(self, state: State, message: str) -> None:
        """Writes how it ended."""
        images = self._status.total if state is State.COMPLETED else self._status.images  # it may have stopped early
        status = replace(self._status, state=state, message=message, images=images)
        self._set(replace(status, ended=time.time(), seconds_left=None))


def _sentence(error: Exception) -> str:
    """The reason why a training ended, for a person."""
    said = f"{type(error).__name__} {error}"
    if any(sign in said for sign in ("MemoryError", "OOM", "RESOURCE_EXHAUSTED", "BrokenProcessPool")):
        return "Memory ran out. Resume with smaller batches, or with fewer programs beside it."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full. Free some space; Resume goes on from the last checkpoint."
    if isinstance(error, Refusal):
        return str(error)
    return f"It failed: {type(error).__name__}: {str(error)[:300]}. See its log."
