"""The description of a backbone, so that no other module needs to know which one it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Stage:
    """Consecutive layers between two halvings of the resolution.

    Attributes:
        name: "stage1", "stage2" and so on, shallow to deep.
        prefixes: Prefixes of the names of its layers.
        end: Name of its last layer.
        channels: Channels of its last feature map.
        stride: Distance of two positions of its last feature map, in pixels of the picture.
    """

    name: str
    prefixes: tuple[str, ...]
    end: str
    channels: int
    stride: int


@dataclass(frozen=True)
class Backbone:
    """A convolutional network without its classifier.

    Attributes:
        build: Function from a prepared picture, a Keras tensor (n, h, w, 3), and its weights (None, or "imagenet" if
            Keras has them) to the last feature map.
        prepare: Function from a picture, a Keras tensor (n, h, w, 3), RGB in 0..255, to a prepared one.
        preprocessing: Name of `prepare`. A release states it, because its weights fit no other preprocessing.
        stages: Stages from shallow to deep. Every layer between `prepare` and the last feature map belongs to one.
        pretrained: Whether Keras has ImageNet weights for it.
    """

    build: Callable[[keras.KerasTensor, str | None], keras.KerasTensor]
    prepare: Callable[[keras.KerasTensor], keras.KerasTensor]
    preprocessing: str
    stages: tuple[Stage, ...]
    pretrained: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the stages."""
        return tuple(stage.name for stage in self.stages)

    def stage_of(self, layer: str) -> str | None:
        """Name of the stage that the layer of that name belongs to; None if it belongs to none."""
        return next((stage.name for stage in self.stages if layer.startswith(stage.prefixes)), None)
