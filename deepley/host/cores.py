"""How many processes this machine or container carries; needs no Keras."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def usable(memory: int) -> int:
    """Processes that this machine or container carries: one a core that it may use, fewer where memory is short.

    Args:
        memory: Bytes that each takes.
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()  # macOS has none
    free = psutil.virtual_memory().available
    quota, period = (*_limit("cpu.max"), None)[:2]
    if quota is not None and period:
        allowed = min(allowed, quota // period)
    (most,), (used,), stat = _limit("memory.max"), _limit("memory.current"), _limit("memory.stat")
    if most is not None and used is not None:
        cached = stat[stat.index("inactive_file") + 1] if "inactive_file" in stat else 0
        free = min(free, most - used + cached)
    return max(1, min(allowed, free // memory))


def _limit(name: str) -> list[int | str | None]:
    """The words of a file of the container's control group (version 2), numbers as such; None for "max" or no file."""
    try:
        words = (_CGROUP / name).read_text().split()
    except OSError:
        return [None]
    return [int(word) if word.isdigit() else None if word == "max" else word for word in words]
