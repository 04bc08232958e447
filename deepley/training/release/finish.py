"""From trained weights to a release folder: calibration, figures, card."""

from __future__ import annotations

import datetime
import itertools
import json
import shutil
from pathlib import Path

import keras
import numpy as np

from deepley.host.files import write, write_json
from deepley.network import files, release
from deepley.network import model as networks
from deepley.network.heads import EMBEDDING, LOGIT
from deepley.network.model import evidence
from deepley.photo.treatment import TREATMENTS
from deepley.recipes import TrainConfig
from deepley.records import to_json
from deepley.training.data.dataset import Dataset
from deepley.training.fit.batches import classes_of, labels_of
from deepley.training.measure import evaluation
from deepley.training.release import curves
from deepley.training.release.model_card import card
from deepley.training.views.blends import Blend
from deepley.verdict import calibration, novelty


def add(folder: Path, further: dict) -> None:
    """Adds measurements to a release's metrics.json, and writes its card anew.

    Args:
        folder: The release.
        further: Tables by key, see `card.tables`; None takes away what was there.
    """
    config, history = json.loads((folder / files.CONFIG).read_text()), files.read_history(folder / files.HISTORY)
    metrics = json.loads((folder / files.METRICS).read_text()) | further
    metrics = {key: value for key, value in metrics.items() if value is not None}
    write(folder / files.METRICS, json.dumps(metrics) + "\n")
    _present(folder, config, metrics, history)


def _present(folder: Path, config: dict, metrics: dict, history: list[dict]) -> None:
    """Writes card and curves."""
    write(folder / files.CURVES, curves.picture(history))
    write(folder / files.CARD, card(config, metrics))


_KNOWN = 2000
"""Training pictures that tell where the usual lies."""


def _test_sets(sources: tuple) -> dict[str, tuple]:
    """The test images as they are; and, where a recipe has blends, their real pictures against blends of them."""
    sets = {"test": tuple(s for s in sources if not isinstance(s, Blend))}
    if len(sets["test"]) < len(sources):
        sets["test, blends"] = tuple(s for s in sources if isinstance(s, Blend) or s.label == 0)
    return {name: found for name, found in sets.items() if {s.label for s in found} == {0, 1}}


def _embeddings(network: keras.Model, sources: tuple, treated: bool = False) -> tuple[tuple, np.ndarray]:
    """The readable ones of some images, and their (n, f) float32 embeddings.

    Args:
        network: That embeds.
        sources: The images.
        treated: Each under one of `TREATMENTS`, in turn, rather than as it is.
    """
    look, found = evaluation.looker(network), []
    ways = itertools.cycle(TREATMENTS.values())

    def keep(faces: np.ndarray) -> np.ndarray:
        if treated:
            faces = np.stack([way(face) for face, way in zip(faces, ways)])
        found.append(look(faces)[1])
        return np.zeros(len(faces))

    _, readable, _ = evaluation.score_readable(keep, sources)
    return readable, np.concatenate(found)


def _ancestors(start: Path) -> list[dict]:
    """Name, SHA-256 and data of a release to start from and of those that it came from, itself first."""
    config = json.loads((start / files.CONFIG).read_text())
    told = config.get("data", {})  # a run of hours must not end on what somebody's release does not tell
    data = {"origin": told.get("origin", "pictures of which it says nothing"), "counts": told.get("counts", {})}
    return [{"name": config["name"], "sha256": config["sha256"], "data": data}, *config.get("ancestors", ())]


def _whole(history: list[dict], start: Path) -> list[dict]:
    """The rounds of a release to start from, then `history`, its rounds numbered on."""
    path = start / files.HISTORY
    before = files.read_history(path) if path.is_file() else []
    return before + [row | {"round": len(before) + i} for i, row in enumerate(history, 1)]


def _head(network: keras.Model) -> keras.Model:
    """From embeddings to logits."""
    return keras.Model(network.get_layer(EMBEDDING).output, network.get_layer(LOGIT).output)


def finish(
    model: keras.Model,
    history: list[dict],
    dataset: Dataset,
    config: TrainConfig,
    folder: Path,
    name: str,
    origin: str,
    start: Path | None = None,
) -> dict:
    """Writes a release; every figure in it is measured in float32 on the weights as saved.

    Where the network tells several kinds of fake, their logits are first calibrated against each other
    (`calibration.fit_kinds`); that goes into the weights of the last layer.

    Args:
        model: The trained network.
        history: One dict a round.
        dataset: All of its validation images calibrate, as they are and under one of `photo.treatment.TREATMENTS`; its
            test images, if there are any, are scored once.
        config: The recipe.
        folder: Where the release goes; replaced only when the new one is complete.
        name: Name of the release.
        origin: What the pictures are and where they come from, in words; goes on the card and the page.
        start: The release that training started from, if there was one: its rounds and its data are told, too.

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
    if start:
        details["ancestors"], history = _ancestors(start), _whole(history, start)

    def saved(network: keras.Model) -> keras.Model:
        release.save(building, network, config.model, details | {"calibration": to_json(calibration.Calibration())})
        return release.load(building).model

    network = saved(model)
    valid, held_out = _embeddings(network, dataset.splits["valid"])
    seen, degraded = _embeddings(network, valid, treated=True)
    both, labels = np.concatenate([held_out, degraded]), np.concatenate([labels_of(valid), labels_of(seen)])
    if len(config.model.kinds) > 1:
        classes = np.concatenate([classes_of(valid, config.model.kinds), classes_of(seen, config.model.kinds)])
        scaling = calibration.fit_kinds(_head(network).predict(both, verbose=0), classes, config.model.kinds)
        networks.rescale(network, *scaling)
        network = saved(network)
    head = _head(network)
    fitted = calibration.fit(evidence(head.predict(both, verbose=0)), labels)
    logits = evidence(head.predict(held_out, verbose=0))
    train, known = _embeddings(network, dataset.take("train", _KNOWN))
    usual = novelty.fit(known, classes_of(train, config.model.kinds), held_out)
    usual.save(building)
    sets = {"validation": evaluation.summary("validation", logits, labels_of(valid), fitted, usual.far(held_out))}
    for name, sources in _test_sets(dataset.splits["test"]).items():
        test, embeddings = _embeddings(network, sources)
        logits = evidence(head.predict(embeddings, verbose=0))
        sets[name] = evaluation.summary(name, logits, labels_of(test), fitted, usual.far(embeddings))

    config_json = json.loads((building / files.CONFIG).read_text())
    config_json["calibration"] = to_json(fitted)
    metrics = evaluation.document(sets)
    write_json(building / files.CONFIG, config_json)
    write(building / files.METRICS, json.dumps(metrics) + "\n")
    files.write_history(building / files.HISTORY, history)
    _present(building, config_json, metrics, history)
    if folder.exists():
        shutil.rmtree(folder)
    building.rename(folder)
    return metrics
