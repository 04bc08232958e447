"""Files that are complete or absent, even if the machine stops while they are written."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Makes a file appear under its name only when it is complete, in place of an older one.

    Args:
        path: Path of the file; missing folders are made.

    Yields:
        Path of a file beside it, to be written while the context lasts. It is removed if the context fails.

    Raises:
        OSError: If the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.part")
    try:
        yield beside
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write(path: Path, content: bytes | str) -> None:
    """Writes a whole file.

    Args:
        path: Path of the file; missing folders are made.
        content: Bytes, or text to be written as UTF-8.

    Raises:
        OSError: If the file cannot be written; an older one stays as it was.
    """
    with whole(path) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, value: object) -> None:
    """Writes a whole file of JSON, indented for people to read.

    Args:
        path: Path of the file; missing folders are made.
        value: Value of plain JSON types.

    Raises:
        OSError: If the file cannot be written; an older one stays as it was.
    """
    write(path, json.dumps(value, indent=1) + "\n")
