"""The detector that a visitor's page uses: the app's own, or one of a finished job."""

from __future__ import annotations

import functools
from pathlib import Path

from deepley.verdict.detector import Detector


class Detectors:
    """Loaded detectors by release folder.

    Attributes:
        default: The app's own detector.
    """

    def __init__(self, default: Detector) -> None:
        self.default = default
        self._load = functools.lru_cache(maxsize=2)(Detector)  # a ResNet50 takes about 200 MB

    def of(self, folder: str | None) -> Detector:
        """The detector of a release folder, or the app's own for None.

        Raises:
            WeightsError: If the release cannot be used.
        """
        return self.default if folder is None else self._load(Path(folder))
