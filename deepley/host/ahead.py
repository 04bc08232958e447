"""Work done by threads a little ahead of who asks for it."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item, Result = TypeVar("Item"), TypeVar("Result")


def ahead(call: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """What `call` makes of each item, in order; so many threads work ahead, and no more results than that wait."""
    with ThreadPoolExecutor(threads) as pool:
        waiting = collections.deque()
        for item in items:
            waiting.append(pool.submit(call, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
