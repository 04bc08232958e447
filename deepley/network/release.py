"""A trained model as a folder: weights, config, history, metrics, card.

    model.safetensors   kernels float16, everything else float32 (conv1_bn's variance does not fit float16)
    config.json         architecture, preprocessing, calibration, data, recipe, SHA-256 of the weights
    doubt.safetensors   where the training pictures lie in the network's embedding (`verdict.novelty`)
    temporal.safetensors  the head that scores the changes between frames of a clip (`video.temporal_head`)
    history.csv         one row for each round of the training that made these weights
    metrics.json        results of `training.measure.evaluation` on validation and test
    README.md           the model card, with its training curves in curves.png

Loading builds a known architecture in code and reads tensors; nothing stored is executed.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from deepley.errors import WeightsError
from deepley.host.files import write, write_json
from deepley.network.backbones.registry import backbone
from deepley.network.devices import dtype_policy
from deepley.network.files import CONFIG, HISTORY, METRICS, WEIGHTS, Round, read_history
from deepley.network.model import build
from deepley.recipes import ModelConfig
from deepley.records import SCHEMA_VERSION, JsonObject, from_json, to_json


@dataclass(frozen=True)
class Release:
    """A loaded release, its files verified.

    Attributes:
        folder: Folder of the release.
        config: Content of config.json.
        model: Network in float32, with its weights.
    """

    folder: Path
    config: JsonObject
    model: keras.Model

    @property
    def name(self) -> str:
        """Name of the release."""
        return self.config["name"]

    @property
    def sha256(self) -> str:
        """SHA-256 of the weights file, hexadecimal."""
        return self.config["sha256"]

    @property
    def metrics(self) -> JsonObject:
        """Content of metrics.json; empty if there is none."""
        path = self.folder / METRICS
        return json.loads(path.read_text()) if path.is_file() else {}

    def history(self, file: str = HISTORY) -> list[Round]:
        """The rows of a history file; an empty list if there is none."""
        path = self.folder / file
        return read_history(path) if path.is_file() else []


def save(folder: Path, model: keras.Model, config: ModelConfig, details: JsonObject) -> None:
    """Writes weights and config. The config is written last, so that a folder that has one is complete.

    Args:
        folder: Folder of the release, made if missing.
        model: Network as `network.model.build` returns it.
        config: Configuration from which it was built.
        details: Further fields of config.json, such as `name` and `calibration`.

    Raises:
        WeightsError: If a weight is not finite.
        OSError: If a file cannot be written.
    """
    tensors = {}
    for weight in model.weights:
        value = keras.ops.convert_to_numpy(weight).astype(np.float32)
        tensors[weight.path] = value.astype(np.float16) if weight.path.endswith("/kernel") else value
    for name, value in tensors.items():
        if not np.isfinite(value).all():
            raise WeightsError(f"{name} holds values that are not finite: this network cannot be released.")
    content = save_tensors(tensors)
    write(folder / WEIGHTS, content)
    write_json(
        folder / CONFIG,
        {
            "schema": SCHEMA_VERSION,
            **details,
            "model": to_json(config),
            "preprocessing": backbone(config.backbone).preprocessing,
            "sha256": hashlib.sha256(content).hexdigest(),
        },
    )


def read_model_config(folder: Path) -> ModelConfig:
    """Reads the configuration of a release's network, without its weights.

    Args:
        folder: Folder of the release.

    Returns:
        The configuration.

    Raises:
        WeightsError: If there is no release, or its config is damaged.
    """
    try:
        return from_json(ModelConfig, json.loads((Path(folder) / CONFIG).read_text())["model"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder} holds no release that can be read: name a folder that training wrote.") from error


def load(folder: Path) -> Release:
    """Loads a release and verifies its files.

    Args:
        folder: Folder of the release.

    Returns:
        The release.

    Raises:
        WeightsError: If a file is missing or damaged, its SHA-256 is not the one in config.json, a tensor is missing,
            extra or of another shape, or the preprocessing is another version.
    """
    folder = Path(folder)
    try:
        config = json.loads((folder / CONFIG).read_text())
        name, wanted, preprocessing = config["name"], config["sha256"], config["preprocessing"]
        model_config, schema = from_json(ModelConfig, config["model"]), int(config.get("schema", SCHEMA_VERSION))
    except FileNotFoundError as error:
        raise WeightsError(
            f"{folder} holds no {CONFIG}, so it is no release: name a folder that `deepley train` wrote."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(f"{folder / CONFIG} cannot be read ({error!r}): fetch the release again.") from error
    if schema > SCHEMA_VERSION:
        raise WeightsError(f"{folder / CONFIG} has schema {schema}, newer than this program: update it.")
    expected = backbone(model_config.backbone).preprocessing
    if preprocessing != expected:
        raise WeightsError(
            f"{folder / CONFIG}: {name} expects the preprocessing {preprocessing!r}, this program does "
            f"{expected!r}: use the version of the program that made it."
        )
    path = folder / WEIGHTS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}): fetch the release again.") from error
    actual = hashlib.sha256(content).hexdigest()
    if actual != wanted:
        raise WeightsError(
            f"{path} has the SHA-256 {actual[:12]}…, {CONFIG} says {wanted[:12]}…: the file is damaged, incomplete or "
            "another one; fetch the release again."
        )
    try:
        tensors = load_tensors(content)
    except SafetensorError as error:
        raise WeightsError(f"{path} is no safetensors file ({error}): fetch the release again.") from error
    with dtype_policy("float32"):  # a training in this process may have set another
        model = build(model_config)
    return Release(folder, config, _with_weights(model, tensors, path))


def _with_weights(model: keras.Model, tensors: dict[str, np.ndarray], path: Path) -> keras.Model:
    wanted = {weight.path: weight for weight in model.weights}
    missing, extra = sorted(set(wanted) - set(tensors)), sorted(set(tensors) - set(wanted))
    if missing or extra:
        what = f"lacks the tensor {missing[0]}" if missing else f"holds the unknown tensor {extra[0]}"
        raise WeightsError(f"{path} {what}: it belongs to another architecture than {CONFIG} says.")
    for name, weight in wanted.items():
        if tensors[name].shape != tuple(weight.shape):
            raise WeightsError(f"{path}: {name} has shape {tensors[name].shape}, {CONFIG} makes it {weight.shape}.")
        weight.assign(tensors[name].astype(np.float32))
    return model
