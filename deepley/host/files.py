"""Files that are there whole or not at all, also when the machine stops in between."""

from __future__ import annotations

import contextlib
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file that appears under its name only when it is complete, in place of what was there.

    Args:
        path: The file's name; missing folders are made.

    Yields:
        The name of a file beside it, to be written while the context lasts. It is removed if the context fails.

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
        path: The file's name; missing folders are made.
        content: Bytes, or text that is written as UTF-8.

    Raises:
        OSError: If the file cannot be written; what was there stays.
    """
    with whole(path) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


def write_json(path: Path, value: object) -> None:
    """Writes a whole file of JSON, indented for people to read.

    Args:
        path: The file's name; missing folders are made.
        value: Of plain JSON types.

    Raises:
        OSError: If the file cannot be written; what was there stays.
    """
    write(path, json.dumps(value, indent=1) + "\n")
