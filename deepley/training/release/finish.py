"""From trained weights to a release folder: calibration, figures, card."""

from __future__ import annotations

import datetime
import itertools
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
from deepley.training.data.pictures import Picture
from deepley.training.fit.batches import classes_of, labels_of
from deepley.training.fit.checkpoint import Row
from deepley.training.measure import evaluation
from deepley.training.measure.intervals import Figures
from deepley.training.release import curves
from deepley.training.release.model_card import card
from deepley.training.views.blends import Blend
from deepley.verdict import calibration, novelty
from deepley.verdict.calibration import Calibration
from deepley.verdict.novelty import Novelty

_KNOWN = 2000
"""Number of training pictures that the novelty measure is fitted on."""


def add(folder: Path, further: Mapping[str, Any]) -> None:
    """Adds measurements to a release's metrics.json and writes its card again.

    Args:
        folder: Release folder.
        further: Tables by key, see `model_card.FURTHER`; None removes a table.

    Raises:
        OSError: If a file of the release cannot be read or written.
    """
    config, history = json.loads((folder / files.CONFIG).read_text()), files.read_history(folder / files.HISTORY)
    metrics = json.loads((folder / files.METRICS).read_text()) | further
    metrics = {key: value for key, value in metrics.items() if value is not None}
    write(folder / files.METRICS, json.dumps(metrics) + "\n")
    _present(folder, config, metrics, history)


def _present(folder: Path, config: Mapping[str, Any], metrics: Mapping[str, Any], history: Sequence[Row]) -> None:
    """Writes card and curves."""
    write(folder / files.CURVES, curves.picture(history))
    write(folder / files.CARD, card(config, metrics))


def _test_sets(sources: Sequence[Picture]) -> dict[str, tuple[Picture, ...]]:
    """The test images without blends; and if the recipe has blends, the real pictures against blends of them."""
    sets = {"test": tuple(s for s in sources if not isinstance(s, Blend))}
    if len(sets["test"]) < len(sources):
        sets["test, blends"] = tuple(s for s in sources if isinstance(s, Blend) or s.label == 0)
    return {name: found for name, found in sets.items() if {s.label for s in found} == {0, 1}}


def _embeddings(
    network: keras.Model, sources: Sequence[Picture], treated: bool = False
) -> tuple[tuple[Picture, ...], np.ndarray]:
    """Embeds images.

    Args:
        network: Network that embeds.
        sources: Images.
        treated: Whether each image undergoes one of `TREATMENTS`, in turn.

    Returns:
        The readable images and their (n, f) float32 embeddings.
    """
    look = evaluation.looker(network)
    found: list[np.ndarray] = []
    ways = itertools.cycle(TREATMENTS.values())

    def keep(faces: np.ndarray) -> np.ndarray:
        if treated:
            faces = np.stack([way(face) for face, way in zip(faces, ways)])
        found.append(look(faces)[1])
        return np.zeros(len(faces))

    _, readable, _ = evaluation.score_readable(keep, sources)
    return readable, np.concatenate(found)


def _ancestors(start: Path) -> list[dict[str, Any]]:
    """Name, SHA-256 and data of a release to start from, followed by those of its own ancestors."""
    config = json.loads((start / files.CONFIG).read_text())
    told = config.get("data", {})  # a training of hours must not fail because an old release lacks a field
    data = {"origin": told.get("origin", "pictures of which it says nothing"), "counts": told.get("counts", {})}
    return [{"name": config["name"], "sha256": config["sha256"], "data": data}, *config.get("ancestors", ())]


def _whole(history: Sequence[Row], start: Path) -> list[Row]:
    """The history of a release to start from, continued by `history`."""
    path = start / files.HISTORY
    before: list[Row] = files.read_history(path) if path.is_file() else []
    return before + [row | {"round": len(before) + i} for i, row in enumerate(history, 1)]


def _head(network: keras.Model) -> keras.Model:
    """The part of a network from embeddings to logits."""
    return keras.Model(network.get_layer(EMBEDDING).output, network.get_layer(LOGIT).output)


class _Measuring:
    """Calibrates a network and measures it, in float32 on the weights as saved.

    Args:
        model: Trained network.
        config: Recipe.
        folder: Folder that the release is built in.
        details: Further fields of config.json.
    """

    def __init__(self, model: keras.Model, config: TrainConfig, folder: Path, details: dict[str, Any]) -> None:
        self.config, self.folder, self.details = config, folder, details
        self.network = self._saved(model)

    def _saved(self, network: keras.Model) -> keras.Model:
        """The network as it is after saving and loading."""
        details = self.details | {"calibration": to_json(Calibration())}
        release.save(self.folder, network, self.config.model, details)
        return release.load(self.folder).model

    def calibrate(self, pictures: Sequence[Picture]) -> tuple[Calibration, tuple[Picture, ...], np.ndarray]:
        """Fits the calibration on validation images, each as it is and under one of `TREATMENTS`.

        If the network tells several kinds of fake apart, their logits are first calibrated against each other
        (`calibration.fit_kinds`) by changing the last layer.

        Returns:
            The calibration, the readable images and their embeddings as they are.
        """
        kinds = self.config.model.kinds
        valid, held_out = _embeddings(self.network, pictures)
        seen, degraded = _embeddings(self.network, valid, treated=True)
        both, labels = np.concatenate([held_out, degraded]), np.concatenate([labels_of(valid), labels_of(seen)])
        if len(kinds) > 1:
            classes = np.concatenate([classes_of(valid, kinds), classes_of(seen, kinds)])
            scaling = calibration.fit_kinds(_head(self.network).predict(both, verbose=0), classes, kinds)
            networks.rescale(self.network, *scaling)
            self.network = self._saved(self.network)
        return calibration.fit(self.logits(both), labels), valid, held_out

    def logits(self, embeddings: np.ndarray) -> np.ndarray:
        """The (n,) logits of embeddings."""
        return evidence(_head(self.network).predict(embeddings, verbose=0))

    def novelty(self, pictures: Sequence[Picture], held_out: np.ndarray) -> Novelty:
        """Fits and saves the novelty measure.

        Args:
            pictures: Training images.
            held_out: Embeddings of validation images.
        """
        train, known = _embeddings(self.network, pictures)
        usual = novelty.fit(known, classes_of(train, self.config.model.kinds), held_out)
        usual.save(self.folder)
        return usual

    def summary(
        self, name: str, pictures: Sequence[Picture], embeddings: np.ndarray, fitted: Calibration, usual: Novelty
    ) -> Figures:
        """The figures of a set; see `evaluation.summary`."""
        logits = self.logits(embeddings)
        return evaluation.summary(name, logits, labels_of(pictures), fitted, usual.far(embeddings))


def finish(
    model: keras.Model,
    history: list[Row],
    dataset: Dataset,
    config: TrainConfig,
    folder: Path,
    name: str,
    origin: str,
    start: Path | None = None,
) -> dict[str, Any]:
    """Writes a release; every figure in it is measured in float32 on the weights as saved.

    Args:
        model: Trained network.
        history: Rows of history.csv.
        dataset: Pictures of the training. All validation images calibrate the network; test images are scored once.
        config: Recipe.
        folder: Release folder, replaced only when the new release is complete.
        name: Name of the release.
        origin: Description and source of the pictures in words, for card and page.
        start: Release that training started from, whose rounds and data are stated too; or None.

    Returns:
        The content of metrics.json.

    Raises:
        OSError: If a file cannot be written.
        WeightsError: If the weights are not finite.
    """
    building = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(building, ignore_errors=True)
    details: dict[str, Any] = {
        "name": name,
        "created": datetime.date.today().isoformat(),
        "data": {"origin": origin, "counts": dataset.report.counts, "warnings": list(dataset.report.warnings)},
        "training": to_json(config),
    }
    if start:
        details["ancestors"], history = _ancestors(start), _whole(history, start)
    measuring = _Measuring(model, config, building, details)
    fitted, valid, held_out = measuring.calibrate(dataset.splits["valid"])
    usual = measuring.novelty(dataset.take("train", _KNOWN), held_out)
    sets = {"validation": measuring.summary("validation", valid, held_out, fitted, usual)}
    for test, sources in _test_sets(dataset.splits["test"]).items():
        sets[test] = measuring.summary(test, *_embeddings(measuring.network, sources), fitted, usual)

    config_json = json.loads((building / files.CONFIG).read_text()) | {"calibration": to_json(fitted)}
    metrics = evaluation.document(sets)
    write_json(building / files.CONFIG, config_json)
    write(building / files.METRICS, json.dumps(metrics) + "\n")
    files.write_history(building / files.HISTORY, history)
    _present(building, config_json, metrics, history)
    if folder.exists():
        shutil.rmtree(folder)
    building.rename(folder)
    return metrics
