"""The files of a release by name, and its history table. Needs no Keras."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path
from typing import Any

from deepley.host.files import write

WEIGHTS, CONFIG, HISTORY, METRICS, CARD, DOUBT, TEMPORAL, CURVES = (
    "model.safetensors",
    "config.json",
    "history.csv",
    "metrics.json",
    "README.md",
    "doubt.safetensors",
    "temporal.safetensors",
    "curves.png",
)

JUDGING = (CONFIG, DOUBT, TEMPORAL, WEIGHTS)
"""The files on which a verdict depends."""

REPO = "OWNER/NAME"
"""Name of the repository on a model card that is not published yet."""

COLUMNS = (
    "round", "epoch", "phase", "loss", "val_loss", "accuracy", "val_accuracy", "auc", "val_auc",
    "learning_rate", "seconds",
)  # fmt: skip
"""Columns of history.csv. A round is one epoch of `fit`; an epoch is one pass over the training images."""

Round = dict[str, Any]
"""A row of history.csv by column: text for `phase`, else a float."""


def digest(folder: Path) -> str:
    """Digests the files of a release on which a verdict depends.

    Args:
        folder: The release. If one of `JUDGING` is missing, the digest differs from that of a release that has it.

    Returns:
        SHA-256, hexadecimal, of the text that `sha256sum` prints for these files.

    Raises:
        OSError: If one of the files exists and cannot be read.
    """
    lines = []
    for name in JUDGING:
        if (folder / name).is_file():
            with open(folder / name, "rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_history(path: Path) -> list[Round]:
    """Reads a history.csv, one `Round` a row."""
    with open(path, newline="") as file:
        return [{k: v if k == "phase" else float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def write_history(path: Path, history: list[Round]) -> None:
    """Writes a history.csv, one row a `Round`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(history)
    write(path, text.getvalue())
