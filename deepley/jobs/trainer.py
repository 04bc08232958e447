"""What a job's own process does: train, write how far it is, and say in one sentence how it ended."""

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
    """Trains a queued job to its end, after whatever trains on this machine now; returns the exit code."""
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
        if job.asked_to_cancel:  # between the look at its state and the note that it runs
            watch.end(State.CANCELLED, "Cancelled before it started.")
            return 0
        try:
            _train(job, watch)
        # Whatever ends a training, its status must say so: every kind of failure is named in `_sentence`.
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
    watch.say("Reading the pictures.", device=device)
    start, base = (job.folder / path if path else None for path in (config.start, config.base))
    training = pipeline.Training(
        job.data, config.train, job.folder, job.folder / RELEASE, config.name, config.origin, base, start, resume=True
    )
    pipeline.train(training, watch.say, watch.step)


class _Watch:
    """Writes a job's status while it trains."""

    def __init__(self, job: Job, status: JobStatus) -> None:
        self._job, self._status = job, status
        self._first: tuple[float, int] | None = None
        self._written = 0.0
        job.write(status)

    def say(self, message: str, **changes: object) -> None:
        """Writes what happens now."""
        self._status = replace(self._status, message=message, **changes)
        self._job.write(self._status)

    def step(self, images: int, total: int) -> None:
        """Takes note of a training step; the time left is measured from the second step on, as the first compiles."""
        now = time.time()
        if self._first is None:
            self._first = (now, images)
        since, before = self._first
        left = (total - images) * (now - since) / (images - before) if images > before else None
        self._status = replace(self._status, images=images, total=total, seconds_left=left)
        if now - self._written > _EVERY:
            self._written = now
            self._job.write(self._status)

    def end(self, state: State, message: str) -> None:
        """Writes how it ended."""
        images = self._status.total if state is State.COMPLETED else self._status.images  # it may have stopped early
        self.say(message, state=state, images=images, ended=time.time(), seconds_left=None)


def _sentence(error: Exception) -> str:
    said = f"{type(error).__name__} {error}"
    if any(sign in said for sign in ("MemoryError", "OOM", "RESOURCE_EXHAUSTED", "BrokenProcessPool")):
        return "Memory ran out. Resume with smaller batches, or with fewer programs beside it."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full. Free some space; Resume goes on from the last checkpoint."
    if isinstance(error, Refusal):
        return str(error)
    return f"It failed: {type(error).__name__}: {str(error)[:300]}. Its log has more."
