"""Work that threads do a little ahead of the code that uses it."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(call: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """Calls a function on each item, in threads that run ahead of the caller.

    Args:
        call: Function of one item.
        items: Its arguments, taken from the caller's thread as results are used up.
        threads: Number of threads, and of results that may wait for the caller.

    Yields:
        The results, in the order of the items.

    Raises:
        Exception: Whatever `call` raises, when its result is due.
    """
    with ThreadPoolExecutor(threads) as pool:
        waiting: collections.deque[Future[Result]] = collections.deque()
        for item in items:
            waiting.append(pool.submit(call, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
