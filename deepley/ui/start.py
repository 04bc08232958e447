"""Loads the release that the page starts with. If the one from the Hub cannot be used, the built-in one is."""

from __future__ import annotations

from pathlib import Path

from deepley.errors import WeightsError
from deepley.hub.download import Choice
from deepley.network.files import TEMPORAL
from deepley.verdict.detector import Detector
from deepley.video import temporal_head


def detector(choice: Choice) -> tuple[Detector, str]:
    """The detector to use, and the reason for it in a sentence.

    Raises:
        WeightsError: If a release on this machine, the named or the embedded one, cannot be used.
    """
    try:
        return _whole(choice.folder), choice.reason
    except WeightsError as error:
        if choice.spare is None:
            raise
        return _whole(choice.spare), f"The embedded release is used, as that of the Hub cannot be: {error}"


def _whole(folder: Path) -> Detector:
    """A detector whose temporal head can be read too, so that no fault shows up only with the first clip."""
    detector = Detector(folder)
    temporal_head.load(folder / TEMPORAL, detector.release.sha256)
    return detector
