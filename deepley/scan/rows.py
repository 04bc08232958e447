"""A photo's row in what a scan writes: the columns, and how `check --json` is laid out in them. Needs no network."""

from __future__ import annotations

import json

import pyarrow as pa

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
"""One row a photo."""


def checked(result: dict, evidence: str, face: dict | None) -> dict:
    """The row of a photo.

    Args:
        result: As `many.to_json` returns it.
        evidence: As `many.evidence` says it of that.
        face: The one with the strongest evidence, or None.
    """
    file = result["file"] or dict.fromkeys(("sha256", "size", "format", "width", "height"))
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


def failed(path: str, error: str) -> dict:
    """The row of a photo for which nothing came back."""
    result = {"path": path, "error": error, "reason": None, "faces": [], "file": None, "provenance": None}
    return checked(result, "not checked", None)


def _text(text: str | None) -> str | None:
    """A file's name need not be UTF-8; a column's text must."""
    return text and text.encode(errors="surrogateescape").decode(errors="replace")
