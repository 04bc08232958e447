"""What a job does, and how far it is: the values that its folder keeps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from deepley.errors import Refusal
from deepley.recipes import TrainConfig


class JobError(Refusal):
    """A job that cannot be started, found or changed; the message is one sentence for a person."""


class State(StrEnum):
    """What a job is doing."""

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
    """What a job does.

    Attributes:
        name: Of the release it makes.
        data: Folder or tar of the pictures; relative paths are below the job's folder.
        train: The recipe.
        start: Release folder to start from; None starts from `base`.
        base: An npz of base weights; None, without `start`, takes Keras's ImageNet weights.
        origin: What the pictures are, in words, for the release's card.
    """

    name: str
    data: str
    train: TrainConfig
    start: str | None = None
    base: str | None = None
    origin: str = "a visitor's own pictures"


@dataclass(frozen=True)
class JobStatus:
    """How far a job is.

    Attributes:
        state: See `State`.
        queued: When it was queued last, in seconds since 1970: jobs run in this order.
        started: When its trainer started last, or None.
        ended: When it ended, or None.
        pid: Process id of its trainer, or None.
        process_started: When that process was created, in seconds since 1970; tells it from a later one of the same id.
        device: What it computes on, such as "2 CPU cores".
        images: Training images shown so far.
        total: Training images in the whole recipe, 0 before it is known.
        seconds_left: Measured on the steps since it started, or None.
        message: What happened, in one sentence; empty while nothing did.
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
