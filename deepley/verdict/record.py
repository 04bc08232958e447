"""A verdict as JSON and as a row of a CSV. Needs no network."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deepley.records import SCHEMA_VERSION
from deepley.verdict.calibration import Evidence
from deepley.verdict.photo import PhotoVerdict

if TYPE_CHECKING:
    from deepley.network.release import Release

COLUMNS = ("file", "faces", "evidence", "score", "note", "sha256", "release")
"""Of `to_csv`."""


def of_photo(verdict: PhotoVerdict | None, release: Release, error: str | None = None) -> dict[str, Any]:
    """One checked file as plain JSON types; exactly one of `verdict` and `error` is given.

    Args:
        verdict: Of the photo.
        release: That judged it.
        error: Why the file could not be checked, in a sentence.

    Returns:
        An object as `docs/check.schema.json` describes it.
    """
    return {
        "schema": SCHEMA_VERSION,
        "error": error,
        "reason": verdict.reason if verdict else None,
        "faces": [
            {
                "box": list(v.face.box),
                "score": v.score,
                "evidence": str(v.evidence),
                "evidence_kinds": list(v.kinds),
                "treated": v.stability.treated,
                "holds": not v.stability.flips,
                "strange": v.strange,
            }
            for v in (verdict.verdicts if verdict else ())
        ],
        "file": asdict(verdict.file) if verdict else None,
        "provenance": asdict(verdict.provenance) if verdict else None,
        "release": release.name,
        "sha256": release.sha256,
    }


def to_csv(results: Iterable[dict]) -> str:
    """One line a photo, for the face with the strongest evidence; the columns are `COLUMNS`.

    Args:
        results: As `to_json` returns them.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for result in results:
        face = strongest(result["faces"])
        name = result["path"]
        writer.writerow(
            (
                f"'{name}" if name[:1] in "=+-@\t\r" else name,  # else a spreadsheet would compute it
                "" if result["error"] else len(result["faces"]),
                evidence(result),
                f"{face['score']:.4f}" if face else "",
                result["error"] or result["reason"] or "",
                result["file"]["sha256"] if result["file"] else "",
                result["release"],
            )
        )
    return text.getvalue()


def evidence(result: dict) -> str:
    """The strongest evidence of a photo's JSON in words, or why there is none."""
    if result["error"]:
        return "not checked"
    face = strongest(result["faces"])
    return face["evidence"] if face else "not applicable"


def strongest(faces: list[dict]) -> dict | None:
    """The face with the strongest evidence of those in a photo's JSON, or None."""
    return max(faces, key=lambda face: (Evidence(face["evidence"]).rank, face["score"]), default=None)
