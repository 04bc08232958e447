"""The training of a release from its pictures, as command line and jobs run it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deepley.recipes import TrainConfig
from deepley.training.data import dataset
from deepley.training.fit import begin, run
from deepley.training.fit.steps import Watch
from deepley.training.release.finish import finish
from deepley.training.views import blends


@dataclass(frozen=True)
class Training:
    """The input and output of a training.

    Attributes:
        data: Folder or tar of pictures, see `sources.find`.
        config: Recipe.
        out: Folder for checkpoint, history and feature cache.
        release: Folder of the release.
        name: Name of the release.
        origin: Description of the pictures in words, for the model card.
        base: File of base weights; None downloads Keras's ImageNet weights.
        start: Release to start from instead of base weights, or None.
        resume: Whether to go on from the checkpoint in `out` if there is one.
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


def train(
    training: Training,
    say: Callable[[str], None] = lambda sentence: None,
    watch: Watch = lambda images, total: None,
) -> dict[str, Any]:
    """Reads the pictures, trains, calibrates and measures, and writes the release.

    Args:
        training: Input and output of the training.
        say: Function that is called with the current stage as a sentence; with "" while the network trains.
        watch: See `Watch`.

    Returns:
        The content of the release's metrics.json.

    Raises:
        Refusal: If pictures, recipe, start or checkpoint cannot be used.
        OSError: If a file cannot be read or written.
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
