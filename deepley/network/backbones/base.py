"""What every backbone tells of itself, so that nothing else needs to know which one it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras


@dataclass(frozen=True)
class Stage:
    """A stretch of layers between two halvings of the picture.

    Attributes:
        name: "stage1", "stage2" and so on, shallow to deep.
        prefixes: Beginnings of the names of its layers.
        end: Name of its last layer.
        channels: Of its last feature map.
        stride: Pixels of the picture between two positions of its last feature map.
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
        build: Maps a prepared picture, a Keras tensor (n, h, w, 3), to the last feature map; takes `weights`: None, or
            "imagenet" where it is pretrained.
        prepare: Maps a picture, a Keras tensor (n, h, w, 3), RGB in 0..255, to what `build` takes.
        preprocessing: Name of `prepare`, which releases state: another name, another network input.
        stages: Shallow to deep; every layer between `prepare` and the last feature map belongs to one.
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
        """Name of the stage that a layer belongs to, by the layer's name; None for layers of none."""
        return next((stage.name for stage in self.stages if layer.startswith(stage.prefixes)), None)
