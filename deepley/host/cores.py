"""How many processes this machine or container can run at a time. Needs no Keras."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")


def usable(memory: int) -> int:
    """Counts the processes this machine or container can run: one a core that it may use, fewer if memory is short.

    Args:
        memory: Memory of one process, in bytes.

    Returns:
        Number of processes, at least 1.
    """
    # macOS cannot say which cores a process may use.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    free: int = psutil.virtual_memory().available
    match _limits("cpu.max"):
        case [str(quota), str(period)] if quota != "max":
            allowed = min(allowed, int(quota) // int(period))
    match _limits("memory.max"), _limits("memory.current"):
        case [[most], [used]] if most != "max":
            free = min(free, int(most) - int(used) + _cached())
    return max(1, min(allowed, free // memory))


def _cached() -> int:
    """Bytes of the container's memory that hold files and are given up when a process needs them."""
    stat = _limits("memory.stat")
    return int(stat[stat.index("inactive_file") + 1]) if "inactive_file" in stat else 0


def _limits(name: str) -> list[str]:
    """The words of a file of the container's control group (version 2); an empty list if there is no such file."""
    try:
        return (_CGROUP / name).read_text().split()
    except OSError:
        return []
