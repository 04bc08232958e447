"""Everything a run needs to go on after a SIGKILL, in one file that is renamed into place."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import keras
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from deepley.errors import Refusal
from deepley.host.files import whole
from deepley.recipes import TrainConfig
from deepley.records import SCHEMA_VERSION, from_json, to_json


class CheckpointError(Refusal):
    """A checkpoint that cannot be resumed from; the message says why and what to do."""


@dataclass
class Progress:
    """Where a run stands between two rounds.

    Attributes:
        phase: Index of the current phase; the number of phases once all are done.
        phase_round: Rounds of it that are done.
        best: Best value of what the recipe monitors in this phase; the lower the better, so an AUC is negated.
        wait: Rounds since then.
        rate: Learning rate of a "plateau" phase.
        history: One dict a round, with the columns of history.csv.
        images: Training images shown so far.
    """

    phase: int = 0
    phase_round: int = 0
    best: float | None = None
    wait: int = 0
    rate: float | None = None
    images: int = 0
    history: list[dict] = field(default_factory=list)


def seed_states(model: keras.Model) -> dict[str, keras.Variable]:
    """The dropout generators' states by layer name: `save_weights` and `.keras` lose them."""
    return {layer.name: layer.seed_generator.state for layer in model.layers if hasattr(layer, "seed_generator")}


def weights_of(model: keras.Model) -> dict[str, np.ndarray]:
    """Copies of a model's weights by path, float32."""
    return {w.path: keras.ops.convert_to_numpy(w).copy() for w in model.weights}


def assign(model: keras.Model, weights: dict[str, np.ndarray]) -> None:
    """Puts `weights_of` back."""
    for variable in model.weights:
        variable.assign(weights[variable.path])


def save(
    path: Path,
    identity: dict,
    progress: Progress,
    model: keras.Model,
    optimizer: keras.Optimizer | None,
    best: dict[str, np.ndarray] | None,
) -> None:
    """Writes the checkpoint, whole.

    Args:
        path: The checkpoint.
        identity: What must be equal at resume: the training config, a fingerprint of the data, and the release that the
            weights will be averaged with, if any.
        progress: See `Progress`.
        model: The whole network.
        optimizer: Of the current phase, or None between phases.
        best: Best weights of the current phase, or None between phases.
    """
    tensors = {f"model/{name}": value for name, value in weights_of(model).items()}
    tensors |= {f"seed/{name}": keras.ops.convert_to_numpy(state) for name, state in seed_states(model).items()}
    if optimizer is not None:
        tensors |= {f"optimizer/{i}": np.array(v) for i, v in enumerate(optimizer.variables)}
    if best is not None:
        tensors |= {f"best/{name}": value for name, value in best.items()}
    state = {"schema": SCHEMA_VERSION, "identity": identity, "progress": asdict(progress)}
    with whole(path) as beside:
        save_file(tensors, beside, metadata={"state": json.dumps(state)})


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint read back; `restore` puts it into a network."""

    progress: Progress
    tensors: dict[str, np.ndarray]

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        """The tensors below a prefix such as "best", by the rest of their name."""
        return {name.removeprefix(f"{prefix}/"): t for name, t in self.tensors.items() if name.startswith(f"{prefix}/")}

    def restore(self, model: keras.Model) -> None:
        """Assigns weights and dropout states."""
        assign(model, self.group("model"))
        states = seed_states(model)
        for name, state in self.group("seed").items():
            states[name].assign(state)

    def restore_optimizer(self, optimizer: keras.Optimizer) -> None:
        """Assigns the variables of a built optimizer of the same kind."""
        for index, value in self.group("optimizer").items():
            optimizer.variables[int(index)].assign(value)


def load(path: Path, identity: dict) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        CheckpointError: If it is damaged, or belongs to another config, other data or another start.
    """
    try:
        with safe_open(path, "numpy") as file:
            state = json.loads(file.metadata()["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (a safetensors handle is no dict)
        # A field that came into the recipe after the checkpoint was written has its default there.
        made_with = state["identity"] | {"config": to_json(from_json(TrainConfig, state["identity"]["config"]))}
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"The checkpoint {path} is damaged ({error}); start again without --resume.") from error
    for what, value in identity.items():
        if json.dumps(made_with.get(what), sort_keys=True) != json.dumps(value, sort_keys=True):
            raise CheckpointError(
                f"The checkpoint {path} was made with other {what}; resume with the same, or start anew."
            )
    return Checkpoint(Progress(**state["progress"]), tensors)
