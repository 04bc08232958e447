"""The engine of one machine: a process a core, each of which may die without taking more than its photo along."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path

from deepley.errors import Refusal
from deepley.host import cores
from deepley.scan.rows import failed
from deepley.scan.slices import Slice

_MEMORY = 1_500_000_000
"""Bytes that a process with the shipped release may take: 1.03 GB, and a photo of 64 megapixels while it is decoded."""

_ENDED = "The process that checked this photo ended twice without an answer: it may have run out of memory."


class EngineError(Refusal):
    """An engine that cannot work; the message is one sentence for a person."""


def processes() -> int:
    """Processes that this machine or container carries: one a core that it may use, fewer where memory is short."""
    return cores.usable(_MEMORY)


def run(slices: Iterator[tuple[int, Slice]], release: Path, workers: int | None = None) -> Iterator[tuple[int, list]]:
    """Checks slices, as many at a time as there are processes.

    A photo during which its process dies is tried once more in a new one; then its row says so.

    Args:
        slices: Each with its number; taken one by one as processes become free.
        release: A release folder.
        workers: Processes; None takes `processes()`.

    Yields:
        The number of a slice and its rows in order, in the order in which they are done.

    Raises:
        EngineError: If the release cannot be loaded.
    """
    lanes: list[_Lane] = []
    try:
        for number, one in itertools.islice(slices, workers or processes()):
            lanes.append(_Lane(release, number, one))
        while lanes:
            for lane in wait(lanes):
                if not lane.hear():
                    continue
                yield lane.number, lane.rows
                number, one = next(slices, (None, None))
                if one is None:
                    lanes.remove(lane)
                    lane.close()
                else:
                    lane.take(number, one)
    finally:
        for lane in lanes:
            lane.close()


class _Lane:
    """A process, the slice it is at, and the rows that have come of it."""

    def __init__(self, release: Path, number: int, one: Slice) -> None:
        self._release = release
        self._deaths = 0
        self._process = None
        self.take(number, one)

    def _start(self) -> None:
        # Not forked: TensorFlow does not survive that. The child alone holds its end, so that the death of one ends
        # the other's reading: a killed scan leaves no process behind.
        spawn = multiprocessing.get_context("spawn")
        self._pipe, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_work, args=(theirs, self._release), daemon=True)
        self._process.start()
        theirs.close()
        self._ready = False

    def fileno(self) -> int:
        """What `wait` waits on."""
        return self._pipe.fileno()

    def take(self, number: int, one: Slice) -> None:
        """Begins a slice."""
        self.number, self._slice, self.rows = number, one, []
        self._ask()

    def _ask(self) -> None:
        if not self._process:
            self._start()
        with contextlib.suppress(OSError):  # it died between two slices: `hear` will notice
            self._pipe.send((self._slice, len(self.rows)))

    def hear(self) -> bool:
        """Takes one message of the process, or its death; returns whether the slice is done."""
        try:
            said = self._pipe.recv()
        except (EOFError, OSError):
            return self._revive()
        if isinstance(said, str):
            raise EngineError(said)
        if said is None:
            self._ready = True
            return False
        self._deaths = 0
        self.rows.append(said)
        return len(self.rows) == len(self._slice)

    def _revive(self) -> bool:
        self.close()
        self._deaths += 1
        if self._deaths == 2 and not self._ready:
            raise EngineError("A process that checks photos ends before it begins: try fewer, with --workers.")
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
            self._pipe.close()
            self._process.terminate()
            self._process.join()
            self._process = None


def _work(pipe: Connection, release: Path) -> None:
    """What a process does until its pipe ends: says that it is ready, then a row for each photo asked for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's; this one ends with its pipe
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"  # as many processes as cores would fight over a GPU: that is Ray's work
    try:
        from deepley.scan.operator import Checker, one_core  # here, so that the parent stays without TensorFlow

        one_core()
        checker = Checker(release)
    except Exception as error:
        pipe.send(str(error) if isinstance(error, ValueError) else f"The network cannot be loaded: {error!r}")
        return
    with contextlib.suppress(EOFError, OSError):
        pipe.send(None)
        while True:
            one, start = pipe.recv()
            for row in checker(itertools.islice(one.items(), start, None)):
                pipe.send(row)
