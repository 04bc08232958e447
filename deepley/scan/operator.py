"""What a scan does to photos, on whatever core or machine: items in, rows out; and what a row is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from deepley.verdict import many

VERSION = 1
"""Of the columns below; `deepley.schema` in the metadata of every file that a scan writes."""

_FACE = pa.struct(
    [
        ("box", pa.list_(pa.int32())),
        ("score", pa.float64()),
        ("evidence", pa.string()),
        ("evidence_kinds", pa.list_(pa.string())),
        ("treated", pa.map_(pa.string(), pa.float64())),
        ("holds", pa.bool_()),
        ("strange", pa.bool_()),
    ]
)

SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),  # TAR#MEMBER and PARQUET#ROW in shards
        ("error", pa.string()),  # why it was not checked, a sentence; else null
        ("reason", pa.string()),  # why there is no score though it was checked; else null
        pa.field("evidence", pa.string(), nullable=False),  # of the strongest face; or "not applicable", "not checked"
        ("score", pa.float64()),  # of that face, 0..1
        pa.field("faces", pa.list_(_FACE), nullable=False),  # as in `check --json`
        ("sha256", pa.string()),  # of the file's bytes, hexadecimal, as all below null if it was not checked
        ("size", pa.int64()),  # in bytes
        ("format", pa.string()),  # Pillow's name
        ("width", pa.int32()),  # upright, in pixels
        ("height", pa.int32()),
        ("provenance", pa.string()),  # what the file says of itself, the JSON object of `check --json`
    ]
)
"""One row a photo; what `check --json` says, laid out in columns."""


class Checker:
    """The operator of every engine: loads a release once, then turns items into rows.

    Args:
        release: A release folder.

    Raises:
        WeightsError: If the release cannot be used.
    """

    def __init__(self, release: Path) -> None:
        from deepley.verdict.detector import Detector

        self._detector = Detector(release)

    def __call__(self, items: Iterable[many.Item]) -> Iterator[dict]:
        """One row of `SCHEMA` an item, whatever is wrong with it."""
        for row in many.check(self._detector, items):
            yield _columns(many.to_json(row, self._detector))


def one_core() -> None:
    """Keeps this process to one core, before TensorFlow has begun: a process a core takes a tenth less of their time
    than threads do (`benchmarks.scan`), and finds the same scores.
    """
    import cv2
    import tensorflow as tf

    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def failed(path: str, error: str) -> dict:
    """The row of a photo that no `Checker` could answer for."""
    return _columns({"path": path, "error": error, "reason": None, "faces": [], "file": None, "provenance": None})


def _columns(result: dict) -> dict:
    face = many.strongest(result["faces"])
    file = result["file"] or dict.fromkeys(("sha256", "size", "format", "width", "height"))
    return {
        "path": _text(result["path"]),
        "error": _text(result["error"]),
        "reason": result["reason"],
        "evidence": many.evidence(result),
        "score": face["score"] if face else None,
        "faces": [{**face, "treated": list(face["treated"].items())} for face in result["faces"]],
        **file,
        "provenance": json.dumps(result["provenance"]) if result["provenance"] else None,
    }


def _text(text: str | None) -> str | None:
    """A file's name need not be UTF-8; a column's text must."""
    return text and text.encode(errors="surrogateescape").decode(errors="replace")
