"""Everything a run needs to go on after it was killed, in one file that is renamed into place."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from deepley.errors import Refusal
from deepley.host.files import whole
from deepley.recipes import TrainConfig
from deepley.records import SCHEMA_VERSION, from_json, to_json

Row: TypeAlias = dict[str, float | str]
"""A row of history.csv by column: the phase's name is a string, everything else a number."""

Weights: TypeAlias = dict[str, np.ndarray]
"""Weights by path in the network, float32."""

Identity: TypeAlias = dict[str, Any]
"""Recipe, fingerprint of the data and digest of the release started from, as JSON; they must be equal at resume."""


class CheckpointError(Refusal):
    """A checkpoint that cannot be resumed from; the message says why and what to do."""


@dataclass
class Progress:
    """The progress of a run between two rounds.

    Attributes:
        phase: Index of the current phase; the number of phases once all are done.
        phase_round: Number of its rounds that are done.
        best: Best monitored value of this phase; lower is better, so an AUC is negated.
        wait: Number of rounds since the best one.
        rate: Learning rate of a "plateau" phase; None before it was lowered.
        images: Number of training images shown so far.
        history: Rows of history.csv.
    """

    phase: int = 0
    phase_round: int = 0
    best: float | None = None
    wait: int = 0
    rate: float | None = None
    images: int = 0
    history: list[Row] = field(default_factory=list)


def seed_states(model: keras.Model) -> dict[str, keras.Variable]:
    """The states of the dropout generators by layer name, which Keras's own formats do not save."""
    return {layer.name: layer.seed_generator.state for layer in model.layers if hasattr(layer, "seed_generator")}


def weights_of(model: keras.Model) -> Weights:
    """Copies of a model's weights."""
    return {w.path: keras.ops.convert_to_numpy(w).copy() for w in model.weights}


def assign(model: keras.Model, weights: Weights) -> None:
    """Assigns the weights that `weights_of` copied."""
    for variable in model.weights:
        variable.assign(weights[variable.path])


def save(
    path: Path,
    identity: Identity,
    progress: Progress,
    model: keras.Model,
    optimizer: keras.Optimizer | None,
    best: Weights | None,
) -> None:
    """Writes a checkpoint.

    Args:
        path: File of the checkpoint, which is replaced as a whole.
        identity: Identity of the run.
        progress: Progress of the run.
        model: The whole network.
        optimizer: Optimizer of the current phase; None between phases.
        best: Best weights of the current phase; None between phases.

    Raises:
        OSError: If the file cannot be written.
    """
    tensors = {f"model/{name}": value for name, value in weights_of(model).items()}
    tensors |= {f"seed/{name}": keras.ops.convert_to_numpy(state) for name, state in seed_states(model).items()}
    if optimizer is not None:
        tensors |= {f"optimizer/{i}": keras.ops.convert_to_numpy(v).copy() for i, v in enumerate(optimizer.variables)}
    if best is not None:
        tensors |= {f"best/{name}": value for name, value in best.items()}
    state = {"schema": SCHEMA_VERSION, "identity": identity, "progress": asdict(progress)}
    with whole(path) as beside:
        save_file(tensors, beside, metadata={"state": json.dumps(state)})


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read.

    Attributes:
        progress: Progress of the run.
        tensors: Arrays by name: weights, best weights, optimizer variables and dropout states.
    """

    progress: Progress
    tensors: dict[str, np.ndarray]

    def group(self, prefix: str) -> Weights:
        """The tensors whose names start with a prefix such as "best", by the rest of their names."""
        return {name.removeprefix(f"{prefix}/"): t for name, t in self.tensors.items() if name.startswith(f"{prefix}/")}

    def restore(self, model: keras.Model) -> None:
        """Assigns weights and dropout states to a network."""
        assign(model, self.group("model"))
        states = seed_states(model)
        for name, state in self.group("seed").items():
            states[name].assign(state)

    def restore_optimizer(self, optimizer: keras.Optimizer) -> None:
        """Assigns the optimizer variables to a built optimizer of the same kind."""
        for index, value in self.group("optimizer").items():
            optimizer.variables[int(index)].assign(value)


def load(path: Path, identity: Identity) -> Checkpoint:
    """Reads a checkpoint.

    Args:
        path: File of the checkpoint.
        identity: Identity of the run that is to go on.

    Raises:
        CheckpointError: If the file is damaged, or its identity is another.
    """
    try:
        with safe_open(path, "numpy") as file:
            state = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a safetensors handle is no dict)
        # A field that was added to the recipe after the checkpoint was written takes its default.
        made_with = state["identity"] | {"config": to_json(from_json(TrainConfig, state["identity"]["config"]))}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"The checkpoint {path} is damaged ({error}); start again without --resume.") from error
    for what, value in identity.items():
        if json.dumps(made_with.get(what), sort_keys=True) != json.dumps(value, sort_keys=True):
            raise CheckpointError(
                f"The checkpoint {path} was made with other {what}; resume with the same, or start anew."
            )
    return Checkpoint(Progress(**state["progress"]), tensors)
