"""The tab "Photo": its components, and their values in each of its states."""

from __future__ import annotations

from dataclasses import dataclass, fields

import gradio as gr
from gradio.blocks import Block
from markupsafe import Markup

from deepley.ui.parts import verdict_card as card
from deepley.ui.parts.events import Update, Updates
from deepley.ui.parts.inputs import PhotoInput
from deepley.verdict import report, words
from deepley.verdict.detector import Detector
from deepley.verdict.photo import PhotoVerdict

OPACITY = 0.7
"""Opacity of the heatmap until somebody changes it."""

_HINT = "The verdict appears here."


@dataclass(frozen=True)
class Checked:
    """The last photo of a visitor's page, with its verdict.

    Attributes:
        name: Name of the file.
        verdict: Verdict on the photo.
        detector: Detector that gave it.
    """

    name: str
    verdict: PhotoVerdict
    detector: Detector


@dataclass(frozen=True)
class Components:
    """Components that a check changes, and their values in each state."""

    photo: PhotoInput
    result: gr.HTML
    faces: gr.Radio
    findings: gr.Column
    looking: gr.Column
    slider: gr.ImageSlider
    where: gr.Markdown
    opacity: gr.Slider
    close: gr.Radio
    told: gr.HTML
    text: gr.Textbox
    wrong: gr.Accordion
    label: gr.Radio
    agreed: gr.Checkbox
    send: gr.Button
    thanks: gr.Markdown
    state: gr.State

    @property
    def all(self) -> list[Block]:
        """Outputs of a check."""
        return [getattr(self, field.name) for field in fields(self)]

    def _form(self) -> Updates:
        """An untouched form for corrections: what was chosen for one photo must not be sent for the next."""
        return {self.label: None, self.agreed: False, self.send: gr.update(interactive=True), self.thanks: ""}

    def idle(self) -> Updates:
        """The page without a photo."""
        return self.blank("idle", "No photo yet", _HINT)

    def waiting(self) -> Updates:
        """The page while a photo waits for its turn: never an older photo's verdict."""
        return self.working("Waiting for its turn")

    def working(self, step: str) -> Updates:
        """The page while a photo is checked."""
        return self.blank("working", f"{step}…", _HINT)

    def failed(self, sentence: str, title: str = "This photo could not be checked") -> Updates:
        """The page after a check that failed; the photo is removed from its box."""
        return {**self.blank("failed", title, sentence), self.photo: None}

    def blank(self, state: str, title: str, sentence: str) -> Updates:
        """A card without a score, and nothing of an earlier photo."""
        hidden = gr.update(visible=False)
        return {
            self.result: card.message(state, title, sentence),
            self.faces: gr.update(choices=[], value=None, visible=False),
            self.findings: hidden,
            self.looking: hidden,
            self.slider: None,
            self.where: "",
            self.opacity: OPACITY,
            self.close: True,
            self.told: "",
            self.text: "",
            self.wrong: hidden,
            **self._form(),
            self.state: None,
        }

    def found(self, checked: Checked) -> Updates:
        """The page with a verdict; of several faces it shows the one with the strongest evidence."""
        verdict, release = checked.verdict, checked.detector.release
        face = verdict.worst if verdict.verdicts else 0
        choices = [
            (f"{i + 1}: {words.HEADLINES[v.evidence]}, score {v.score:.2f}", i) for i, v in enumerate(verdict.verdicts)
        ]
        alone = len(choices) == 1
        return {
            self.result: card.verdict(verdict, face, release),
            self.faces: gr.update(choices=choices, value=face if choices else None, visible=len(choices) > 1),
            self.findings: gr.update(visible=True),
            self.looking: gr.update(visible=bool(choices)),
            self.slider: overlay(checked, face, OPACITY, alone),
            self.where: where(checked, face),
            self.opacity: OPACITY,
            self.close: alone,
            self.told: card.provenance(verdict),
            self.text: report.text(verdict, release, checked.name),
            self.wrong: gr.update(visible=bool(choices), open=False),
            **self._form(),
            self.state: checked,
        }


def idle_card() -> Markup:
    """The card without a photo."""
    return card.message("idle", "No photo yet", _HINT)


def overlay(checked: Checked, face: int, opacity: float, close: bool) -> Update | None:
    """The photo and one face's heatmap for the slider, near or far; None if there is no face."""
    verdict = checked.verdict
    if not verdict.verdicts:
        return None
    x, _, width, _ = verdict.verdicts[face].face.box
    # The slider's line goes through the chosen face.
    at = 50 if close else min(max(100 * (x + width / 2) / verdict.file.width, 5), 95)
    return gr.update(value=verdict.overlay(opacity, face, close), slider_position=at)


def where(checked: Checked, face: int) -> str:
    """The heatmap in words; empty if there is no face."""
    verdicts = checked.verdict.verdicts
    return f"{words.looked(verdicts[face])} {words.HEATMAP_NOTE}" if verdicts else ""
