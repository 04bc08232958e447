"""The tab "Photo": drop, paste or snap a photo; read the verdict; see which areas influenced the score."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from deepley.errors import WeightsError
from deepley.host.steps import each
from deepley.photo.decode import PhotoError
from deepley.ui.parts import verdict_card as card
from deepley.ui.parts.detectors import Detectors
from deepley.ui.parts.events import (
    GONE,
    KEPT,
    MODEL,
    PRIVATE,
    STATIC,
    Raw,
    Update,
    Updates,
    click,
    enable,
    export_folder,
)
from deepley.ui.parts.inputs import PhotoInput, Upload
from deepley.ui.tabs.photo_states import OPACITY, Checked, Components, idle_card, overlay, where
from deepley.verdict import feedback, report
from deepley.verdict.photo import PhotoVerdict

EXAMPLE = STATIC / "astronaut.jpg"
"""Eileen Collins, NASA, public domain; from scikit-image's data."""

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handlers:
    """The tab's handlers, with what they need.

    Attributes:
        shown: Components that a check changes.
        download: Hidden button that downloads the report.
        detectors: Loaded detectors to choose from.
        data: Folder in which corrections are kept.
    """

    shown: Components
    download: gr.DownloadButton
    detectors: Detectors
    data: Path

    def run(self, photo: Upload | None, release: str | None) -> Iterator[Updates]:
        """Checks a photo and shows every step."""
        if photo is None:
            yield self.shown.idle()
            return
        started = time.perf_counter()
        try:
            detector = self.detectors.of(release)
            verdict = yield from each(self.shown.working, detector.steps(photo.read()))
            _log(verdict, time.perf_counter() - started)
            yield self.shown.found(Checked(photo.name, verdict, detector))
        except PhotoError as error:
            yield self.shown.failed(f"{error} There is no score for it.")
        except WeightsError as error:
            sentence = f"{error} Go back to the shipped one under Train."
            yield self.shown.failed(sentence, "The chosen model cannot be used")
        except Exception:  # not by `failure`, which Gradio also calls when a photo is removed
            _LOG.exception("A photo could not be checked")
            text = "There is no score for it. Remove it and try another file, or the same photo saved as JPEG."
            yield self.shown.failed(text)

    def ended_early(self, photo: Raw) -> Updates | Update:
        """Clears the page after a photo was removed while it was checked; leaves a new photo alone."""
        return gr.skip() if photo else self.shown.idle()

    def choose(self, checked: Checked | None, face: int | None, opacity: float, close: bool) -> Updates | Update:
        """Shows another face of the photo."""
        if checked is None or face is None:
            return gr.skip()
        chosen: Updates = {
            self.shown.result: card.verdict(checked.verdict, face, checked.detector.release),
            self.shown.slider: overlay(checked, face, opacity, close),
            self.shown.where: where(checked, face),
        }
        return chosen

    def report(self, checked: Checked | None) -> str:
        """Writes the report; returns its path."""
        if checked is None:
            raise gr.Error(GONE, print_exception=False)
        path = export_folder(self.download) / f"deepley-{checked.verdict.file.sha256[:8]}.html"
        path.write_text(report.html(checked.verdict, checked.detector.release, checked.name), encoding="utf-8")
        return str(path)

    def correct(
        self, checked: Checked | None, face: int | None, label: str | None, agreed: bool, photo: Upload | None
    ) -> Updates:
        """Stores a visitor's correction, with the photo only if the visitor agreed."""
        if checked is None:
            return {self.shown.thanks: GONE}
        if label is None:
            return {self.shown.thanks: "Choose what the face really is."}
        picture = photo.data if agreed and photo else None
        if picture and hashlib.sha256(picture).hexdigest() != checked.verdict.file.sha256:
            return {self.shown.thanks: "Another photo is being checked: wait for its verdict."}
        try:
            feedback.keep(self.data / feedback.FOLDER, checked.verdict, face or 0, label, checked.detector, picture)
        except OSError:
            text = "It could not be stored on this machine: its disk may be full or not writable."
            return {self.shown.thanks: text}
        said = f"Thank you. Stored on this machine, {'with' if picture else 'without'} the photo."
        return {self.shown.thanks: said, self.shown.send: gr.update(interactive=False)}


def redraw(checked: Checked | None, face: int | None, opacity: float, close: bool) -> Update | None:
    """Handler: draws the heatmap again, for another opacity or another part of the photo."""
    return overlay(checked, face or 0, opacity, close) if checked and checked.verdict.verdicts else gr.skip()


def example() -> Path:
    """Handler: the example photo."""
    return EXAMPLE


def _log(verdict: PhotoVerdict, seconds: float) -> None:
    file = verdict.file
    _LOG.info("%d x %d px: %d faces in %.0f ms", file.width, file.height, len(verdict.verdicts), seconds * 1000)


def build(detectors: Detectors, using: gr.State, data: Path) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        detectors: Loaded detectors to choose from.
        using: The visitor's choice of a detector, see `Detectors.of`.
        data: Folder in which corrections are kept.
    """
    gr.Markdown("Drop a photo of a face, paste one, or take a snapshot. It is checked at once, on this machine.")
    state = gr.State(None, time_to_live=KEPT)
    with gr.Row():
        with gr.Column(min_width=280):
            photo = PhotoInput(
                label="Photo",
                sources=["upload", "webcam", "clipboard"],
                webcam_options=gr.WebcamOptions(mirror=False),
                interactive=True,
                height=380,
                elem_id="photo",
            )
            tried = gr.Button("Try an example: an astronaut", size="sm", elem_id="example")
        with gr.Column(min_width=280):
            result = gr.HTML(idle_card(), elem_id="verdict", padding=False)
            faces = gr.Radio([], label="Faces, largest first", visible=False, elem_id="faces")
    gr.Markdown(
        "JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF or BMP, up to 25 MB and 64 megapixels. If the camera stays "
        "dark, allow this page to use it in the browser's address bar. Photos are deleted after an hour; of a "
        "photo only its size and the time it took are logged.",
        elem_classes="quiet",
    )
    with gr.Column(visible=False) as findings:
        looking = _heatmap()
        told = gr.HTML(elem_id="provenance", padding=False)
        with gr.Row():
            save = gr.Button("Download report", elem_id="report")
            copy = gr.Button("Copy as text", elem_id="copy")
        form = _form()
    download = gr.DownloadButton(elem_id="report-file", visible="hidden")
    text = gr.Textbox(elem_id="report-text", visible="hidden")
    shown = Components(photo, result, faces, findings, *looking, told, text, *form, state)
    handlers = Handlers(shown, download, detectors, data)
    _connect_checks(handlers, tried, using)
    _connect_findings(handlers)
    save.click(handlers.report, state, download, **PRIVATE).success(None, None, None, js=click("#report-file"))
    copy.click(None, text, copy, js="deepley.copy", api_visibility="private")


def _heatmap() -> tuple[gr.Column, gr.ImageSlider, gr.Markdown, gr.Slider, gr.Radio]:
    """The heatmap and its settings, in the order of `Components`."""
    with gr.Column(visible=False) as looking:
        slider = gr.ImageSlider(
            label="Where the network looked", format="jpeg", interactive=False, elem_id="looked", max_height=640
        )
        sentence = gr.Markdown(elem_id="where")
        with gr.Row():
            opacity = gr.Slider(0, 1, OPACITY, step=0.05, label="Opacity of the heatmap", elem_id="opacity", scale=2)
            close = gr.Radio([("This face", True), ("Whole photo", False)], value=True, label="Show", elem_id="close")
    return looking, slider, sentence, opacity, close


def _form() -> tuple[gr.Accordion, gr.Radio, gr.Checkbox, gr.Button, gr.Markdown]:
    """The form for corrections, in the order of `Components`."""
    with gr.Accordion("This is wrong", open=False, visible=False) as wrong:
        label = gr.Radio(
            [("The face is real", "real"), ("The face was generated or swapped", "fake")],
            label="What is it really?",
        )
        agreed = gr.Checkbox(label="Also keep the photo and the face, on the machine that runs this page")
        send = gr.Button("Send", elem_id="send")
        thanks = gr.Markdown(elem_id="thanks")
    return wrong, label, agreed, send, thanks


def _connect_checks(handlers: Handlers, tried: gr.Button, using: gr.State) -> None:
    """Connects all that starts or ends a check."""
    shown, photo = handlers.shown, handlers.shown.photo
    come = photo.upload(shown.waiting, None, shown.all, queue=False, **PRIVATE)
    uploaded = come.then(handlers.run, [photo, using], shown.all, trigger_mode="multiple", **MODEL, **PRIVATE)
    chosen = tried.click(example, None, photo, queue=False, api_visibility="private").then(
        handlers.run, [photo, using], shown.all, **MODEL, **PRIVATE
    )
    photo.clear(shown.idle, None, shown.all, cancels=[uploaded, chosen], queue=False, **PRIVATE)
    # A step under way may still arrive after that; Gradio calls the run failed once it has ended, and this is last.
    for check in (uploaded, chosen):
        check.failure(handlers.ended_early, photo, shown.all, preprocess=False, queue=False, **PRIVATE)


def _connect_findings(handlers: Handlers) -> None:
    """Connects all that a visitor can do with a verdict."""
    shown = handlers.shown
    view = [shown.state, shown.faces, shown.opacity, shown.close]
    shown.faces.input(handlers.choose, view, [shown.result, shown.slider, shown.where], **PRIVATE)
    shown.opacity.input(redraw, view, shown.slider, trigger_mode="always_last", **PRIVATE)
    shown.close.input(redraw, view, shown.slider, **PRIVATE)
    form = [shown.state, shown.faces, shown.label, shown.agreed, shown.photo]
    shown.send.click(handlers.correct, form, [shown.thanks, shown.send], **PRIVATE)
    for changed in (shown.label.input, shown.agreed.input, shown.faces.input):
        changed(enable, None, shown.send, queue=False, **PRIVATE)
