"""From trained weights to a release folder: calibration, figures, card."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import keras
import numpy as np

from deepley.config import TrainConfig, to_json
from deepley.network import files, release
from deepley.network.model import LOGIT, evidence
from deepley.training import evaluation
from deepley.training.batches import labels_of
from deepley.training.card import card
from deepley.training.dataset import Dataset
from deepley.verdict import calibration


def finish(
    model: keras.Model,
    history: list[dict],
    dataset: Dataset,
    config: TrainConfig,
    folder: Path,
    name: str,
    origin: str,
) -> dict:
    """Writes a release; every figure in it is measured in float32 on the weights as saved.

    Args:
        model: The trained network.
        history: One dict a round.
        dataset: All of its validation images calibrate; its test images, if there are any, are scored once.
        config: The recipe.
        folder: Where the release goes; replaced only when the new one is complete.
        name: Name of the release.
        origin: What the pictures are and where they come from, in words; goes on the card and the page.

    Returns:
        metrics.json as a dict.
    """
    building = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(building, ignore_errors=True)
    details = {
        "name": name,
        "created": datetime.date.today().isoformat(),
        "data": {"origin": origin, "counts": dataset.report.counts, "warnings": list(dataset.report.warnings)},
        "training": to_json(config),
    }
    release.save(building, model, config.model, details | {"calibration": to_json(calibration.Calibration())})
    saved = release.load(building).model
    scorer = keras.Model(saved.input, saved.get_layer(LOGIT).output)

    def score(faces: np.ndarray) -> np.ndarray:
        return evidence(scorer.predict_on_batch(faces))

    logits, valid, _ = evaluation.score_readable(score, dataset.splits["valid"])
    fitted = calibration.fit(logits, labels_of(valid))
    sets = {"validation": evaluation.summary("validation", logits, labels_of(valid), fitted)}
    if all(dataset.report.counts["test"].values()):
        logits, test, _ = evaluation.score_readable(score, dataset.splits["test"])
        sets["test"] = evaluation.summary("test", logits, labels_of(test), fitted)

    config_json = json.loads((building / files.CONFIG).read_text())
    config_json["calibration"] = to_json(fitted)
    metrics = evaluation.document(sets)
    files.write_json(building / files.CONFIG, config_json)
    files.write(building / files.METRICS, json.dumps(metrics) + "\n")
    files.write_history(building / files.HISTORY, history)
    files.write(building / files.CARD, card(config_json, metrics))
    if folder.exists():
        shutil.rmtree(folder)
    building.rename(folder)
    return metrics
