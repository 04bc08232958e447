"""The rows that a scan writes: the columns, and how a photo's record is laid out in them. Needs no network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from deepley.verdict.record import FaceRecord, NamedRecord

VERSION = 1
"""Version of the columns below; it stands as `deepley.schema` in the metadata of every file that a scan writes."""

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
        pa.field("path", pa.string(), nullable=False),  # TAR#MEMBER or PARQUET#ROW in shards
        ("error", pa.string()),  # why it was not checked, a sentence; else null
        ("reason", pa.string()),  # why there is no score though it was checked, a sentence; else null
        pa.field("evidence", pa.string(), nullable=False),  # of the strongest face; or "not applicable", "not checked"
        ("score", pa.float64()),  # of that face, 0..1
        pa.field("faces", pa.list_(_FACE), nullable=False),  # as in `check --json`
        ("sha256", pa.string()),  # of the file's bytes, hexadecimal; this and all below are null if it was not checked
        ("size", pa.int64()),  # in bytes
        ("format", pa.string()),  # Pillow's name
        ("width", pa.int32()),  # upright, in pixels
        ("height", pa.int32()),
        ("provenance", pa.string()),  # the JSON object of `check --json`
    ]
)
"""Columns of a scan, with one row a photo."""

Row = dict[str, Any]
"""A row: values of the types in `SCHEMA` by column."""

_FILE = ("sha256", "size", "format", "width", "height")


def checked(result: NamedRecord, evidence: str, face: FaceRecord | None) -> Row:
    """Makes the row of a photo.

    Args:
        result: Record of the photo.
        evidence: Its strongest evidence in words, as `record.evidence` gives it.
        face: The face with the strongest evidence, or None.

    Returns:
        The row.
    """
    file = result["file"] or dict.fromkeys(_FILE)
    return {
        "path": _text(result["path"]),
        "error": _text(result["error"]),
        "reason": result["reason"],
        "evidence": evidence,
        "score": face["score"] if face else None,
        "faces": [{**face, "treated": list(face["treated"].items())} for face in result["faces"]],
        **file,
        "provenance": json.dumps(result["provenance"]) if result["provenance"] else None,
    }


def failed(path: str, error: str) -> Row:
    """Makes the row of a photo that ended the process that checked it.

    Args:
        path: Name of the photo.
        error: Reason why it was not checked, in a sentence.

    Returns:
        The row.
    """
    empty = dict.fromkeys(SCHEMA.names)
    return {**empty, "path": _text(path), "error": error, "evidence": "not checked", "faces": []}


def _text(text: str | None) -> str | None:
    """Text as a column takes it: a file's name need not be UTF-8, a column's text must be."""
    return text and text.encode(errors="surrogateescape").decode(errors="replace")
