"""The engine for one machine: one process for each core. If a process dies, at most one photo stays unchecked."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from deepley.errors import Refusal
from deepley.host import cores
from deepley.scan.rows import Row, failed
from deepley.scan.slices import Slice

_MEMORY = 1_500_000_000
"""Memory of a process, in bytes: 1.03 GB with the shipped release, and a photo of 64 megapixels while it is decoded."""

_ENDED = "The process that checked this photo ended twice without an answer: it may have run out of memory."


class EngineError(Refusal):
    """An engine that cannot work; the message is one sentence for a person."""


def processes() -> int:
    """Number of processes that this machine or container can run: one a core, fewer if memory is short."""
    return cores.usable(_MEMORY)


def run(
    slices: Iterator[tuple[int, Slice]], release: Path, workers: int | None = None
) -> Iterator[tuple[int, list[Row]]]:
    """Checks slices, as many at a time as there are processes.

    If a process dies, the photo that it was checking is tried once more in a new process; if that dies too, the row of
    the photo says so.

    Args:
        slices: Slices with their numbers; one is taken whenever a process becomes free.
        release: Folder of the release.
        workers: Number of processes; None takes `processes()`.

    Yields:
        The number of a slice and its rows in order; slices come in the order in which they are finished.

    Raises:
        EngineError: If the release cannot be loaded.
    """
    lanes: list[_Lane] = []
    try:
        for number, one in itertools.islice(slices, workers or processes()):
            lanes.append(_Lane(release, number, one))
        while lanes:
            ready = wait([lane.pipe for lane in lanes])
            for lane in [lane for lane in lanes if lane.pipe in ready]:
                if not lane.hear():
                    continue
                yield lane.number, lane.rows
                following = next(slices, None)
                if following is None:
                    lanes.remove(lane)
                    lane.close()
                else:
                    lane.take(*following)
    finally:
        for lane in lanes:
            lane.close()


class _Lane:
    """A process, the slice that it checks, and the rows of that slice so far.

    Attributes:
        pipe: This end of the pipe to the process.
        number: Number of the slice.
        rows: Rows of the slice so far, in order.
    """

    pipe: Connection
    number: int
    rows: list[Row]

    def __init__(self, release: Path, number: int, one: Slice) -> None:
        self._release = release
        self._deaths = 0
        self._process: BaseProcess | None = None
        self.take(number, one)

    def _start(self) -> None:
        # A fork would break TensorFlow. Only the child holds its end of the pipe, so that each of the two notices the
        # death of the other: a killed scan leaves no process behind.
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_work, args=(theirs, self._release), daemon=True)
        self._process.start()
        theirs.close()
        self._ready = False

    def take(self, number: int, one: Slice) -> None:
        """Starts the check of a slice."""
        self.number, self._slice, self.rows = number, one, []
        self._ask()

    def _ask(self) -> None:
        if not self._process:
            self._start()
        with contextlib.suppress(OSError):  # the process died between two slices: `hear` will notice
            self.pipe.send((self._slice, len(self.rows)))

    def hear(self) -> bool:
        """Receives one message of the process, or notices its death.

        Returns:
            Whether the slice is finished.

        Raises:
            EngineError: If the process cannot load the network, or dies before it has loaded it.
        """
        try:
            message: str | Row | None = self.pipe.recv()
        except (EOFError, OSError):
            return self._revive()
        if isinstance(message, str):
            raise EngineError(message)
        if message is None:
            self._ready = True
            return False
        self._deaths = 0
        self.rows.append(message)
        return len(self.rows) == len(self._slice)

    def _revive(self) -> bool:
        self.close()
        self._deaths += 1
        if self._deaths == 2 and not self._ready:
            raise EngineError("A process ends before it checks a photo: try fewer processes, with --workers.")
        if self._deaths == 2:
            self._deaths = 0
            name, _ = next(itertools.islice(self._slice.items(), len(self.rows), None))
            self.rows.append(failed(name, _ENDED))
        if len(self.rows) < len(self._slice):
            self._ask()
            return False
        return True

    def close(self) -> None:
        """Ends the process."""
        if self._process:
            self.pipe.close()
            self._process.terminate()
            self._process.join()
            self._process = None


def _work(pipe: Connection, release: Path) -> None:
    """Runs in the process until its pipe is closed: sends None when it is ready, then a row for each photo.

    If the network cannot be loaded, it sends a sentence that says why, and ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent; this process ends when its pipe is closed
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # a process for each core would be too many for a GPU: Ray is for those
    try:
        from deepley.scan.operator import Checker, one_core  # here, so that the parent does not load TensorFlow

        one_core()
        checker = Checker(release)
    except Exception as error:  # the parent must hear of any error, because it starts a process again that just ends
        pipe.send(str(error) if isinstance(error, Refusal) else f"The network cannot be loaded: {error!r}")
        return
    with contextlib.suppress(EOFError, OSError):
        pipe.send(None)
        while True:
            one, start = pipe.recv()
            for row in checker(itertools.islice(one.items(), start, None)):
                pipe.send(row)
