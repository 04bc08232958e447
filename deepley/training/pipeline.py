"""A training from pictures to a release, as the command line and a job run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepley.recipes import TrainConfig
from deepley.training.data import dataset
from deepley.training.fit import begin, run
from deepley.training.release.finish import finish
from deepley.training.views import blends


@dataclass(frozen=True)
class Training:
    """What is to be trained, and where.

    Attributes:
        data: Pictures, see `sources.find`.
        config: Recipe.
        out: Folder for checkpoint, history and feature cache.
        release: Folder that the release is written to.
        name: Of the release.
        origin: What the pictures are, for the model card.
        base: File of base weights; None takes Keras's ImageNet weights.
        start: Release to start from instead of base weights.
        resume: Go on from the checkpoint in `out` if there is one.
    """

    data: Path
    config: TrainConfig
    out: Path
    release: Path
    name: str
    origin: str
    base: Path | None = None
    start: Path | None = None
    resume: bool = False


def _silent(*_: object) -> None:
    pass


def train(
    training: Training,
    say: Callable[[str], None] = _silent,
    watch: Callable[[int, int], None] = _silent,
) -> dict[str, Any]:
    """Reads the pictures, trains, calibrates and measures, and writes the release.

    Args:
        training: See `Training`.
        say: Called with what happens now, in a sentence; with "" while the network trains.
        watch: Called after each step with the training images shown so far and those of the whole recipe.

    Returns:
        The release's metrics.json.

    Raises:
        Refusal: If pictures, recipe, start or checkpoint cannot be used.
    """
    say("Reading the pictures.")
    config = begin.for_start(training.config, training.start)
    pictures = dataset.load(training.data, progress=True)
    print(pictures.report.text(), flush=True)
    if config.blends:
        pictures = blends.add(pictures, config.blends, training.out)
    say("")
    model, history = run.train(pictures, config, training.out, training.base, training.resume, training.start, watch)
    say("Measuring the release.")
    return finish(model, history, pictures, config, training.release, training.name, training.origin, training.start)
