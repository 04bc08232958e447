"""The temporal head: a small 1-D convolution over the embeddings and temporal features of a face in successive pairs.

It is stored as `temporal.safetensors` in a release folder. The header holds, as JSON, its calibration, its combination
with the detector's score, and what it was trained and measured on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, regularizers
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as save_tensors

from deepley.errors import WeightsError
from deepley.host.files import write
from deepley.records import SCHEMA_VERSION, from_json, to_json
from deepley.verdict.calibration import Calibration
from deepley.video.changes import NAMES
from deepley.video.observations import Observation

WINDOW = 4
"""Number of pairs that the head sees at once, in training and in scoring."""

_MEAN, _SCALE = "mean", "scale"


@dataclass(frozen=True)
class Combination:
    """A logistic regression on the two calibrated logits of a track.

    Attributes:
        spatial: Weight of the detector's mean logit.
        temporal: Weight of the head's mean logit.
        bias: Bias.
    """

    spatial: float
    temporal: float
    bias: float

    def logit(self, spatial: float | np.ndarray, temporal: float | np.ndarray) -> float | np.ndarray:
        """The combined logit before its own calibration."""
        return self.spatial * spatial + self.temporal * temporal + self.bias


@dataclass(frozen=True)
class Head:
    """A temporal head, ready to score.

    Attributes:
        model: Network of `build`.
        mean: (f + 7,) float32, means of the training sequences.
        scale: (f + 7,) float32, standard deviations of the training sequences.
        calibration: Calibration of its logits.
        combination: Combination with the detector's logits.
        combined: Calibration of the combination.
        details: Name and SHA-256 of the release it belongs to, its training data and its figures, as JSON.
    """

    model: keras.Model
    mean: np.ndarray
    scale: np.ndarray
    calibration: Calibration
    combination: Combination
    combined: Calibration
    details: dict[str, Any]

    def logits(self, sequence: np.ndarray) -> np.ndarray:
        """The calibrated logits of every stretch of `WINDOW` pairs.

        Args:
            sequence: (t, f + 7), see the function `sequence`; t is at least `WINDOW`.

        Returns:
            (t - WINDOW + 1,) float64; the first belongs to the pairs 0 to WINDOW - 1.

        Raises:
            ValueError: If the sequence is shorter than `WINDOW`.
        """
        stretches = np.lib.stride_tricks.sliding_window_view((sequence - self.mean) / self.scale, WINDOW, axis=0)
        found = self.model(np.ascontiguousarray(stretches.transpose(0, 2, 1)), training=False)
        return keras.ops.convert_to_numpy(found)[:, 0].astype(np.float64) / self.calibration.temperature


def sequence(looks: Sequence[Observation]) -> np.ndarray:
    """The (t, f + 7) float32 embeddings and temporal features of the observations that have them."""
    rows = [np.concatenate([look.embedding, look.features]) for look in looks if look.features is not None]
    return np.stack(rows).astype(np.float32) if rows else np.zeros((0, len(NAMES)), np.float32)


def build(size: int) -> keras.Model:
    """Builds the network.

    Args:
        size: Number of columns, f + 7; the last seven are temporal features.

    Returns:
        A network from (n, t, size) standardised sequences to (n, 1) logits.
    """
    inputs = keras.Input((None, size), name="sequence", dtype="float32")
    embedding = layers.Dropout(0.3, name="drop_embedding")(inputs[..., : size - len(NAMES)])
    embedding = layers.Dense(8, activation="relu", kernel_regularizer=regularizers.L2(1e-3), name="embed")(embedding)
    x = layers.Concatenate(name="join")([embedding, inputs[..., size - len(NAMES) :]])
    for i in (1, 2):
        x = layers.Conv1D(16, 3, padding="same", activation="relu", name=f"conv{i}")(x)
    x = layers.Concatenate(name="pool")(
        [layers.GlobalAveragePooling1D(name="average")(x), layers.GlobalMaxPooling1D(name="highest")(x)]
    )
    x = layers.Dropout(0.3, name="drop")(x)
    return keras.Model(inputs, layers.Dense(1, name="logit")(x), name="temporal")


def save(path: Path, head: Head) -> None:
    """Writes a head.

    Raises:
        OSError: If the file cannot be written.
    """
    tensors = {weight.path: keras.ops.convert_to_numpy(weight) for weight in head.model.weights}
    tensors |= {_MEAN: head.mean.astype(np.float32), _SCALE: head.scale.astype(np.float32)}
    config = {
        "schema": SCHEMA_VERSION,
        "calibration": to_json(head.calibration),
        "combination": to_json(head.combination),
        "combined": to_json(head.combined),
        "details": head.details,
    }
    write(path, save_tensors(tensors, metadata={"config": json.dumps(config)}))


def load(path: Path, sha256: str) -> Head | None:
    """Reads a head.

    Args:
        path: File of the head.
        sha256: SHA-256 of the weights of the release that makes the embeddings, hexadecimal.

    Returns:
        The head; None if there is no such file.

    Raises:
        WeightsError: If the file is damaged, or the head belongs to another release.
    """
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="numpy") as stored:
            config = json.loads(stored.metadata()["config"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 it is no dict
        mean, scale, details = tensors.pop(_MEAN), tensors.pop(_SCALE), config["details"]
        model = build(len(mean))
        for weight in model.weights:
            weight.assign(tensors[weight.path])
        head = Head(
            model, mean, scale, from_json(Calibration, config["calibration"]),
            from_json(Combination, config["combination"]), from_json(Calibration, config["combined"]), details,
        )  # fmt: skip
        belongs = details["sha256"]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path} cannot be used ({error}): train it again or fetch it again.") from error
    if belongs != sha256:
        raise WeightsError(f"{path} was trained on another release's embeddings: train it again for this one.")
    return head
