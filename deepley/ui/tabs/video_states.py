"""The tab "Video": its components, and their values in each of its states."""

from __future__ import annotations

from dataclasses import dataclass, fields

import gradio as gr
from gradio.blocks import Block
from markupsafe import Markup

from deepley.ui.parts import clip_card, timeline
from deepley.ui.parts import verdict_card as card
from deepley.ui.parts.events import Updates
from deepley.video import report
from deepley.video.verdict import ClipVerdict
from deepley.video.watcher import Step, Watcher


@dataclass(frozen=True)
class Checked:
    """The last clip of a visitor's page, with its verdict.

    Attributes:
        name: Name of the file.
        verdict: Verdict on the clip.
        watcher: Watcher that gave it.
    """

    name: str
    verdict: ClipVerdict
    watcher: Watcher


@dataclass(frozen=True)
class Components:
    """Components that a check changes, and their values in each state."""

    result: gr.HTML
    stop: gr.Button
    findings: gr.Column
    plot: gr.Plot
    moment: gr.Slider
    frame: gr.HTML
    strip: gr.Gallery
    tracks: gr.HTML
    state: gr.State

    @property
    def all(self) -> list[Block]:
        """Outputs of a check."""
        return [getattr(self, field.name) for field in fields(self)]

    def idle(self) -> Updates:
        """The page without a clip."""
        return self.blank(idle_card())

    def waiting(self) -> Updates:
        """The page while a clip waits for its turn."""
        return self.working(Step("Waiting for its turn"))

    def working(self, step: Step) -> Updates:
        """The page while a clip is checked."""
        return self.blank(clip_card.progress(step), working=True)

    def stopped(self) -> Updates:
        """The page after the visitor stopped a check."""
        return self.blank(card.message("done", "Stopped", "The clip was not judged. Drop it again to start anew."))

    def failed(self, sentence: str, title: str = "This clip could not be checked") -> Updates:
        """The page after a check that failed."""
        return self.blank(card.message("failed", title, sentence))

    def blank(self, told: Markup, working: bool = False) -> Updates:
        """A card without a verdict, and nothing of an earlier clip."""
        return {
            self.result: told,
            self.stop: gr.update(visible=working),
            self.findings: gr.update(visible=False),
            self.plot: None,
            self.frame: "",
            self.strip: None,
            self.tracks: "",
            self.state: None,
        }

    def found(self, checked: Checked) -> Updates:
        """The page with a verdict, at the moment where the evidence is strongest."""
        verdict, watcher = checked.verdict, checked.watcher
        told = clip_card.verdict(verdict, watcher)
        if not verdict.tracks:
            return self.blank(told)
        track = verdict.tracks[verdict.strongest]
        at = track.looks[track.peak].seconds
        first, last = verdict.shown[0].seconds, verdict.shown[-1].seconds
        return {
            self.result: told,
            self.stop: gr.update(visible=False),
            self.findings: gr.update(visible=True),
            self.plot: timeline.figure(verdict, watcher.detector.calibration),
            self.moment: gr.update(minimum=first, maximum=max(last, 0.01), value=at),
            self.frame: clip_card.frame(verdict, at),
            self.strip: [(picture, caption) for _, picture, caption in report.filmstrip(verdict)],
            self.tracks: clip_card.tracks(verdict),
            self.state: checked,
        }


def idle_card() -> Markup:
    """The card without a clip."""
    return card.message("idle", "No clip yet", "The verdict appears here.")
