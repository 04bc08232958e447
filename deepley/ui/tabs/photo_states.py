"""What the tab "Photo" shows in each of its states, and what it remembers of a photo."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from deepley.ui.parts import verdict_card as card
from deepley.verdict import words
from deepley.verdict.detector import Detector
from deepley.verdict.photo import PhotoVerdict

FORM = (None, False, gr.update(interactive=True), "")
"""An untouched form to say that a verdict is wrong: what was chosen for one photo is not sent for the next."""


@dataclass(frozen=True)
class Checked:
    """What a visitor's page remembers of the last photo.

    Attributes:
        name: Of the file.
        verdict: Of the photo.
        detector: That gave it.
    """

    name: str
    verdict: PhotoVerdict
    detector: Detector


def idle_card() -> str:
    """The card without a photo."""
    return card.message("idle", "No photo yet", "The verdict appears here.")


def idle() -> tuple:
    """What the page shows without a photo."""
    return blank("idle", "No photo yet", "The verdict appears here.")


def waiting() -> tuple:
    """What the page shows until a photo's turn comes: never an older photo's verdict."""
    return blank("working", "Waiting for its turn…", "The verdict appears here.")


def broken() -> tuple:
    """What the page shows when something broke: never an older photo's verdict."""
    text = "There is no score for it. Remove it and try another file, or the same photo saved as JPEG."
    return blank("failed", "This photo could not be checked", text)


def blank(state: str, title: str, sentence: str) -> tuple:
    """A card without a score, and everything of an earlier photo put away."""
    hidden = gr.update(visible=False)
    return (
        card.message(state, title, sentence), gr.update(choices=[], value=None, visible=False), hidden, hidden, None,
        "", 0.7, True, "", "", hidden, *FORM, None if state == "failed" else gr.skip(), None,
    )  # fmt: skip


def look(checked: Checked, face: int, opacity: float, close: bool) -> tuple:
    """The photo and one face's overlay for the slider, near or far, and in words where the weight lies."""
    verdict = checked.verdict
    if not verdict.verdicts:
        return None, ""
    x, _, width, _ = verdict.verdicts[face].face.box
    # The slider's line goes through the chosen face.
    at = 50 if close else min(max(100 * (x + width / 2) / verdict.file.width, 5), 95)
    shown = gr.update(value=verdict.overlay(opacity, face, close), slider_position=at)
    return shown, f"{words.looked(verdict.verdicts[face])} {words.HEATMAP_NOTE}"
