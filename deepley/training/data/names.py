"""What the path of a training picture tells: its set, and which real picture a fake was made of."""

from __future__ import annotations

from pathlib import PurePosixPath

RECONSTRUCTED = "reconstructed"
"""Folder below `fake/` with the reconstructions of real pictures, each at the path that its original has in `real/`."""

_LABELS = ("real", "fake")
_KINDS = ("blended", RECONSTRUCTED)


def labelled(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The folders above the nearest label folder, and the path below it; all of the path if there is none.

    Args:
        name: Path of the picture below the data folder.
    """
    parts = PurePosixPath(name).parts
    nearest = next((i for i in reversed(range(len(parts) - 1)) if parts[i].lower() in _LABELS), None)
    return ((), parts) if nearest is None else (parts[:nearest], parts[nearest + 1 :])


def real_key(name: str) -> str:
    """A key of a real picture: its path without suffix and label folder."""
    above, below = labelled(name)
    return str(PurePosixPath(*above, *below).with_suffix(""))


def twin_key(name: str) -> str | None:
    """The key of the real picture that a fake reconstructs; None for every other fake."""
    above, below = labelled(name)
    if len(below) < 2 or below[0].lower() != RECONSTRUCTED:
        return None
    return str(PurePosixPath(*above, *below[1:]).with_suffix(""))


def origin(name: str) -> str:
    """The set that a picture belongs to: the first folder below its label, after one that names the kind of fake."""
    above, below = labelled(name)
    folders = below[:-1]
    depth = 2 if folders and folders[0].lower() in _KINDS else 1
    return str(PurePosixPath(*above, *folders[:depth]))
