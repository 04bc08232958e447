"""Stores visitors' corrections ("This is wrong") on this machine, where `deepley evaluate` can read them."""

from __future__ import annotations

import datetime
import io
import json
import os
import threading
from pathlib import Path

from PIL import Image

from deepley.errors import Refusal
from deepley.host.files import write
from deepley.records import SCHEMA_VERSION
from deepley.verdict import record
from deepley.verdict.detector import Detector
from deepley.verdict.photo import PhotoVerdict

LABELS = ("real", "fake")
FOLDER = "feedback"
"""Folder of the corrections, in the page's data folder."""

LINES = "feedback.jsonl"
"""File of the corrections, one JSON object a line."""

_ONE_AT_A_TIME = threading.Lock()


def keep(
    folder: Path, verdict: PhotoVerdict, face: int, label: str, detector: Detector, photo: bytes | None = None
) -> None:
    """Appends a correction to `folder`/feedback.jsonl.

    Args:
        folder: Folder of the corrections, made if missing.
        verdict: Verdict that the visitor calls wrong.
        face: Index of the face that the visitor means.
        label: Label of the face according to the visitor, "real" or "fake".
        detector: Detector that gave the verdict.
        photo: The file's bytes, if the visitor agreed that they are stored: they go to `folder`/photos, and the aligned
            face goes to `folder`/{real,fake}. None stores no picture.

    Raises:
        Refusal: If there is no such label or face.
        OSError: If a file cannot be written.
    """
    if label not in LABELS:
        raise Refusal(f"The label must be one of {', '.join(LABELS)}, not {label!r}.")
    if not 0 <= face < len(verdict.verdicts):
        raise Refusal("This photo has no such face.")
    name = f"{verdict.file.sha256[:32]}-{face + 1}"
    line = {
        "schema": SCHEMA_VERSION,
        "time": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "label": label,
        "face": face,
        "crop": f"{label}/{name}.png" if photo is not None else None,
        "verdict": record.of_photo(verdict, detector.release),
    }
    with _ONE_AT_A_TIME:
        folder.mkdir(parents=True, exist_ok=True)
        if photo is not None:
            _keep_pictures(folder, name, label, photo, verdict, face)
        with open(folder / LINES, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _keep_pictures(folder: Path, name: str, label: str, photo: bytes, verdict: PhotoVerdict, face: int) -> None:
    crop = io.BytesIO()
    Image.fromarray(verdict.verdicts[face].face.crop).save(crop, "PNG")
    for part in (*LABELS, "photos"):
        (folder / part).mkdir(exist_ok=True)
    for other in LABELS:  # a second correction of a face replaces the first
        if other != label:
            (folder / other / f"{name}.png").unlink(missing_ok=True)
    write(folder / label / f"{name}.png", crop.getvalue())
    write(folder / "photos" / f"{verdict.file.sha256}.{verdict.file.format.lower()}", photo)
