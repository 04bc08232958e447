"""The values that a job's folder keeps: its config, its machine, and its status."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deepley.errors import Refusal
from deepley.recipes import TrainConfig


class JobError(Refusal):
    """A job cannot be started, found or changed; the message is one sentence for a person."""


class State(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True)
class JobConfig:
    """The config of a job.

    Attributes:
        name: Name of the release that it makes.
        data: Folder or tar of the pictures; relative paths are below the job's folder.
        train: Recipe.
        start: Release folder to start from; None starts from `base`.
        base: File of base weights (npz); None, without `start`, takes Keras's ImageNet weights.
        origin: Description of the pictures, for the release's card.
    """

    name: str
    data: str
    train: TrainConfig
    start: str | None = None
    base: str | None = None
    origin: str = "a visitor's own pictures"


@dataclass(frozen=True)
class Remote:
    """The rented machine that runs a job, and the account that pays.

    Attributes:
        namespace: Account that pays.
        flavor: Kind of machine.
        hours: Time limit.
        per_hour: Price in US dollars, as the Hub gave it when the job was made.
        job: The Hub's id of the job; empty before it started.
        begun: Time of its start there, in seconds since 1970.
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


@dataclass(frozen=True)
class JobStatus:
    """The status of a job.

    Attributes:
        state: State of the job.
        queued: Time at which it was queued last, in seconds since 1970; jobs run in this order.
        started: Time at which its trainer started last, or None.
        ended: Time of its end, or None.
        pid: Process id of its trainer, or None.
        process_started: Time at which that process was created; a later process with the same id has another one.
        device: Hardware that it runs on, such as "2 CPU cores".
        images: Training images shown so far.
        total: Training images in the whole recipe, 0 before it is known.
        seconds_left: Remaining time, measured on the steps since it started, or None.
        message: Last event, in one sentence; empty if there is none.
    """

    state: State
    queued: float
    started: float | None = None
    ended: float | None = None
    pid: int | None = None
    process_started: float | None = None
    device: str = ""
    images: int = 0
    total: int = 0
    seconds_left: float | None = None
    message: str = ""
