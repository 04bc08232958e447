"""Retries of calls to the Hub: most of its failures pass."""

from __future__ import annotations

from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_none
from tenacity.wait import wait_base

from deepley.errors import WeightsError
from deepley.hub import client


def retrying(attempts: int, say: Callable[[str, int], None], wait: wait_base = wait_none()) -> Retrying:
    """Repeats a call while the Hub fails, and raises the last failure.

    Args:
        attempts: Number of attempts.
        say: Called after each failure with a sentence and the number of the attempt.
        wait: Pause between two attempts.
    """

    def tell(call: RetryCallState) -> None:
        error = call.outcome.exception() if call.outcome else None
        if isinstance(error, Exception):
            say(client.sentence(error), call.attempt_number)

    passing = retry_if_exception(_passes)
    return Retrying(stop=stop_after_attempt(attempts), wait=wait, retry=passing, after=tell, reraise=True)


def _passes(error: BaseException) -> bool:
    """Whether another attempt may help; it does not for a release that is damaged."""
    return isinstance(error, client.FAILURES) and not isinstance(error, WeightsError)
