"""A verdict as a JSON record and as a row of a CSV. Needs no network."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, TypedDict

from deepley.records import SCHEMA_VERSION, JsonObject
from deepley.verdict.calibration import Evidence
from deepley.verdict.photo import File, PhotoVerdict, Verdict

if TYPE_CHECKING:
    from deepley.network.release import Release

COLUMNS = ("file", "faces", "evidence", "score", "note", "sha256", "release")
"""Columns of the CSV."""


class FileRecord(TypedDict):
    """Facts of an image file; see `verdict.photo.File`."""

    sha256: str
    size: int
    format: str
    width: int
    height: int


class FaceRecord(TypedDict):
    """The verdict on one face.

    Attributes:
        box: x, y, width and height of the face, in pixels of the photo.
        score: Calibrated score, 0..1.
        evidence: A value of `Evidence`.
        evidence_kinds: Kinds of manipulation that the evidence points to, the likeliest first.
        treated: Calibrated score by treatment.
        holds: Whether no treatment carries the score across the threshold.
        strange: Whether the face is unlike anything that the network was trained on.
    """

    box: list[int]
    score: float
    evidence: str
    evidence_kinds: list[str]
    treated: dict[str, float]
    holds: bool
    strange: bool


class PhotoRecord(TypedDict):
    """The verdict on one file, as `docs/check.schema.json` describes it.

    Attributes:
        schema: `SCHEMA_VERSION`.
        error: Reason why the file could not be checked, in a sentence, or None.
        reason: Reason why no face could be judged, in a sentence, or None.
        faces: Judged faces, largest first.
        file: Facts of the file; None if it could not be checked.
        provenance: Fields of `Provenance`; None if the file could not be checked.
        release: Name of the release.
        sha256: SHA-256 of the weights of the release, hexadecimal.
    """

    schema: int
    error: str | None
    reason: str | None
    faces: list[FaceRecord]
    file: FileRecord | None
    provenance: JsonObject | None
    release: str
    sha256: str


class NamedRecord(PhotoRecord):
    """The verdict on one file of several.

    Attributes:
        path: Name of the file.
    """

    path: str


def of_photo(verdict: PhotoVerdict | None, release: Release, error: str | None = None) -> PhotoRecord:
    """Makes the record of one file; exactly one of `verdict` and `error` is given.

    Args:
        verdict: Verdict on the photo.
        release: Release that gave it.
        error: Reason why the file could not be checked, in a sentence.

    Returns:
        The record, of plain JSON types.
    """
    return {
        "schema": SCHEMA_VERSION,
        "error": error,
        "reason": verdict.reason if verdict else None,
        "faces": [_of_face(face) for face in verdict.verdicts] if verdict else [],
        "file": _of_file(verdict.file) if verdict else None,
        "provenance": asdict(verdict.provenance) if verdict else None,
        "release": release.name,
        "sha256": release.sha256,
    }


def _of_face(verdict: Verdict) -> FaceRecord:
    return {
        "box": list(verdict.face.box),
        "score": verdict.score,
        "evidence": str(verdict.evidence),
        "evidence_kinds": list(verdict.kinds),
        "treated": verdict.stability.treated,
        "holds": not verdict.stability.flips,
        "strange": verdict.strange,
    }


def _of_file(file: File) -> FileRecord:
    return {
        "sha256": file.sha256,
        "size": file.size,
        "format": file.format,
        "width": file.width,
        "height": file.height,
    }


def to_csv(results: Iterable[NamedRecord]) -> str:
    """Makes a CSV with one line a photo, for the face with the strongest evidence.

    Args:
        results: Records of photos.

    Returns:
        The CSV, with the columns `COLUMNS`.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for result in results:
        face = strongest(result["faces"])
        name = result["path"]
        writer.writerow(
            (
                f"'{name}"
                if name[:1] in "=+-@\t\r"
                else name,  # without the quote, a spreadsheet would compute a formula
                "" if result["error"] else len(result["faces"]),
                evidence(result),
                f"{face['score']:.4f}" if face else "",
                result["error"] or result["reason"] or "",
                result["file"]["sha256"] if result["file"] else "",
                result["release"],
            )
        )
    return text.getvalue()


def evidence(result: PhotoRecord) -> str:
    """The strongest evidence in a photo, in words: a value of `Evidence`, "not applicable" or "not checked"."""
    if result["error"]:
        return "not checked"
    face = strongest(result["faces"])
    return face["evidence"] if face else "not applicable"


def strongest(faces: list[FaceRecord]) -> FaceRecord | None:
    """The face with the strongest evidence; None if there is no face."""
    return max(faces, key=lambda face: (Evidence(face["evidence"]).rank, face["score"]), default=None)
