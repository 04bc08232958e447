"""Generators that yield their steps and return an answer."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

Step = TypeVar("Step")
Shown = TypeVar("Shown")
Answer = TypeVar("Answer")


def each(call: Callable[[Step], Shown], steps: Generator[Step, None, Answer]) -> Generator[Shown, None, Answer]:
    """Calls a function on each step, as `map` does, and keeps the answer.

    Args:
        call: Function of one step.
        steps: Generator that yields steps and returns an answer.

    Yields:
        The results of `call`.

    Returns:
        The answer, for `answer = yield from each(...)`.
    """
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
        yield call(step)


def finish(steps: Generator[object, None, Answer]) -> Answer:
    """Runs a generator to its end and returns its answer."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            answer: Answer = end.value
            return answer
