"""Which release the page starts with; whatever is wrong with one of the Hub, it does start."""

from __future__ import annotations

from pathlib import Path

from deepley.errors import WeightsError
from deepley.hub.download import Choice
from deepley.network.files import TEMPORAL
from deepley.verdict.detector import Detector
from deepley.video import temporal_head


def detector(choice: Choice) -> tuple[Detector, str]:
    """The detector to use, and in a sentence why that one.

    Raises:
        WeightsError: If a release that lies on this machine, the named or the embedded one, cannot be used.
    """
    try:
        return _whole(choice.folder), choice.reason
    except WeightsError as error:
        if choice.spare is None:
            raise
        return _whole(choice.spare), f"The embedded release is used, as that of the Hub cannot be: {error}"


def _whole(folder: Path) -> Detector:
    found = Detector(folder)
    temporal_head.load(folder / TEMPORAL, found.release.sha256)  # what the first clip would find out
    return found
