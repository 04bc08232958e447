"""The files of a release by name, and its history table; needs no Keras."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

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
"""What a card calls the repository that holds it, until it is published."""

COLUMNS = (
    "round", "epoch", "phase", "loss", "val_loss", "accuracy", "val_accuracy", "auc", "val_auc",
    "learning_rate", "seconds",
)  # fmt: skip
"""Of history.csv; a round is one epoch of `fit`, an epoch one pass over the training images."""


def digest(folder: Path) -> str:
    """SHA-256, hexadecimal, over the SHA-256 and names of a release's `JUDGING` files: what `sha256sum` prints of them.

    A release without one of them has another digest than one with it.

    Raises:
        OSError: If one is there and cannot be read.
    """
    lines = []
    for name in JUDGING:
        if (folder / name).is_file():
            with open(folder / name, "rb") as file:
                lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_history(path: Path) -> list[dict]:
    """Reads a history.csv; every column but `phase` becomes a float."""
    with open(path, newline="") as file:
        return [{k: v if k == "phase" else float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def write_history(path: Path, history: list[dict]) -> None:
    """Writes a history.csv: one row a round, with the columns `COLUMNS`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(history)
    write(path, text.getvalue())
