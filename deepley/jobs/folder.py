"""A job's folder: its config, its status, and the files of its training. Nothing about a job is stored elsewhere."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import psutil
from tenacity import retry, retry_if_exception_type

from deepley.host.files import write_json
from deepley.jobs.job import JobConfig, JobError, JobStatus, Remote, State
from deepley.network import files
from deepley.records import SCHEMA_VERSION, from_json, to_json

CONFIG, STATUS, LOG, DATA, RELEASE, REMOTE = (
    "config.json", "status.json", "log.txt", "data", "release", "remote.json"
)  # fmt: skip
Round: TypeAlias = dict[str, Any]
"""A row of history.csv: numbers by column, and the phase's name."""

_CANCEL = "cancel"
_LOG_END = 64_000  # bytes; a progress bar fills most of them
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")  # colours, and moves of the cursor


class Job:
    """A job's folder.

    Args:
        folder: Folder that `create` made.

    Raises:
        JobError: If there is no job.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        if not (self.folder / STATUS).is_file():
            raise JobError(f"There is no job {self.folder.name!r}.")

    @property
    def id(self) -> str:
        """The name of the folder; ids sort by the time of creation."""
        return self.folder.name

    @property
    def config(self) -> JobConfig:
        """The config of the job.

        Raises:
            JobError: If its config cannot be read.
        """
        try:
            return from_json(JobConfig, json.loads((self.folder / CONFIG).read_text()))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise JobError(f"The config of the job {self.id!r} cannot be read: {error}.") from error

    @property
    def name(self) -> str:
        """The name of the release that it makes; empty if its config cannot be read."""
        try:
            return self.config.name
        except JobError:
            return ""

    @property
    def status(self) -> JobStatus:
        """How far the job is. A running job whose process is gone is reported as interrupted."""
        try:
            stored = from_json(JobStatus, json.loads((self.folder / STATUS).read_text()))
            stored = replace(stored, state=State(stored.state))
        except (OSError, ValueError, TypeError, KeyError) as error:
            return JobStatus(State.FAILED, 0.0, message=f"Its status cannot be read: {error}.")
        if stored.state is not State.RUNNING or _alive(stored):
            return stored
        last_write = (self.folder / STATUS).stat().st_mtime
        gone = replace(stored, ended=last_write, seconds_left=None)
        if self.asked_to_cancel:
            return replace(gone, state=State.CANCELLED, message="Cancelled.")
        return replace(
            gone,
            state=State.INTERRUPTED,
            message="Its process ended unexpectedly: it was killed, by hand or because memory ran out. "
            "Resume goes on from the last checkpoint.",
        )

    @property
    def here(self) -> bool:
        """Whether the job runs on this machine."""
        return not (self.folder / REMOTE).exists()

    @property
    def remote(self) -> Remote:
        """The rented machine that runs the job.

        Raises:
            JobError: If the job runs on this machine, or its note cannot be read.
        """
        try:
            return from_json(Remote, json.loads((self.folder / REMOTE).read_text()))
        except (OSError, ValueError) as error:
            raise JobError(f"The job {self.id} has no note of a rented machine that can be read: {error}.") from error

    @property
    def history(self) -> list[Round]:
        """The rounds so far, as in a release's history.csv."""
        path = self.folder / files.HISTORY
        return files.read_history(path) if path.exists() else []

    @property
    def data(self) -> Path:
        """Folder or tar of its pictures."""
        return self.folder / self.config.data

    @property
    def release(self) -> Path | None:
        """Folder of its finished release, or None."""
        folder = self.folder / RELEASE
        return folder if (folder / files.CONFIG).is_file() else None

    def log_tail(self, lines: int = 20) -> str:
        """The last lines of its log; of a progress bar, which writes over itself, only the last state."""
        try:
            with open(self.folder / LOG, "rb") as file:
                file.seek(max(0, file.seek(0, 2) - _LOG_END))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return ""
        said = [line.rstrip().rsplit("\r", 1)[-1] for line in _TERMINAL_CODES.sub("", text).split("\n")]
        return "\n".join([line for line in said if line][-lines:])

    def write(self, status: JobStatus) -> None:
        """Replaces the job's status."""
        write_json(self.folder / STATUS, {"schema": SCHEMA_VERSION, **to_json(status)})

    def write_remote(self, remote: Remote) -> None:
        """Notes which rented machine runs the job."""
        write_json(self.folder / REMOTE, to_json(remote))

    def ask_to_cancel(self) -> None:
        """Notes that the job shall end, so that its end counts as cancelled and not as interrupted."""
        (self.folder / _CANCEL).touch()

    @property
    def asked_to_cancel(self) -> bool:
        """Whether the job was asked to end."""
        return (self.folder / _CANCEL).exists()

    def queue(self) -> None:
        """Queues the job, for the first time or again."""
        (self.folder / _CANCEL).unlink(missing_ok=True)
        before = self.status if (self.folder / STATUS).exists() else JobStatus(State.QUEUED, 0.0)
        self.write(JobStatus(State.QUEUED, time.time(), images=before.images, total=before.total))


def create(root: Path, config: JobConfig, pictures: Path | None = None, remote: Remote | None = None) -> Job:
    """Makes a job's folder and queues it; nothing runs yet.

    Args:
        root: Folder of all jobs; made if missing.
        config: Config of the job.
        pictures: A folder on the same disk that becomes the job's own; None if `config.data` lies elsewhere.
        remote: The rented machine that runs it; None for this machine.

    Raises:
        JobError: If the pictures are gone.
    """
    folder = _new_folder(root)
    if pictures is not None:
        try:
            pictures.rename(folder / DATA)
        except OSError as error:
            folder.rmdir()
            raise JobError("These pictures are gone, or another job has taken them: choose them again.") from error
    write_json(folder / CONFIG, {"schema": SCHEMA_VERSION, **to_json(config)})
    if remote is not None:
        write_json(folder / REMOTE, to_json(remote))
    write_json(folder / STATUS, {"schema": SCHEMA_VERSION, **to_json(JobStatus(State.QUEUED, time.time()))})
    return Job(folder)


@retry(retry=retry_if_exception_type(FileExistsError))
def _new_folder(root: Path) -> Path:
    """A folder named by the time, in microseconds; another job may have taken the same one."""
    folder = root / datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    folder.mkdir(parents=True)
    return folder


def every(root: Path) -> list[Job]:
    """All jobs, oldest first."""
    folders = sorted(root.iterdir()) if root.is_dir() else []
    return [Job(folder) for folder in folders if (folder / STATUS).is_file()]


def find(root: Path, name: str) -> Job:
    """The job with this id.

    Raises:
        JobError: If there is none.
    """
    if name != Path(name).name or name in ("", ".", ".."):
        raise JobError(f"There is no job {name!r}.")
    return Job(root / name)


def _alive(status: JobStatus) -> bool:
    """Whether the process that wrote a status still runs; a later process may have got the same id."""
    if status.pid is None or status.process_started is None:
        return False
    try:
        process = psutil.Process(status.pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - status.process_started) < 1.0
    except psutil.Error:
        return False
