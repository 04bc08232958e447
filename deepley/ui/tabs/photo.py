"""The tab "Photo": drop, paste or snap; read the verdict; see where the network looked."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr

from deepley.errors import WeightsError
from deepley.host.steps import each
from deepley.photo.decode import PhotoError
from deepley.ui.parts import verdict_card as card
from deepley.ui.parts.detectors import Detectors
from deepley.ui.parts.events import GONE, KEPT, PRIVATE, STATIC, click, export_folder
from deepley.ui.parts.inputs import PhotoInput, Upload
from deepley.ui.tabs.photo_states import FORM, Checked, blank, broken, idle, idle_card, look, waiting
from deepley.verdict import feedback, report, words

EXAMPLE = STATIC / "astronaut.jpg"
"""Eileen Collins, NASA, public domain; from scikit-image's data."""

_LOG = logging.getLogger(__name__)


def build(detectors: Detectors, using: gr.State, data: Path) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        detectors: That judge.
        using: The visitor's choice among them, see `Detectors.of`.
        data: Folder in which corrections are kept.
    """

    def show(photo: Upload | None, release: str | None) -> Iterator[tuple]:
        if photo is None:
            yield idle()
            return
        started = time.perf_counter()
        try:
            detector = detectors.of(release)
            verdict = yield from each(
                lambda step: blank("working", f"{step}…", "The verdict appears here."), detector.steps(photo.read())
            )
            _LOG.info(
                "%d x %d px: %d faces in %.0f ms",
                verdict.file.width,
                verdict.file.height,
                len(verdict.verdicts),
                (time.perf_counter() - started) * 1000,
            )
            yield found(Checked(photo.name, verdict, detector))
        except PhotoError as error:
            yield blank("failed", "This photo could not be checked", f"{error} There is no score for it.")
        except WeightsError as error:
            yield blank("failed", "The chosen model cannot be used", f"{error} Go back to the shipped one under Train.")
        except Exception:  # not by `failure`, which Gradio also calls when a photo is removed
            _LOG.exception("A photo could not be checked")
            yield broken()

    def found(checked: Checked) -> tuple:
        verdict, detector = checked.verdict, checked.detector
        face = verdict.worst if verdict.verdicts else 0
        choices = [
            (f"{i + 1}: {words.HEADLINES[v.evidence]}, score {v.score:.2f}", i) for i, v in enumerate(verdict.verdicts)
        ]
        return (
            card.verdict(verdict, face, detector.release),
            gr.update(choices=choices, value=face if choices else None, visible=len(choices) > 1),
            gr.update(visible=True),
            gr.update(visible=bool(choices)),
            *look(checked, face, 0.7, len(choices) == 1),
            0.7,
            len(choices) == 1,
            card.provenance(verdict),
            report.text(verdict, detector.release, checked.name),
            gr.update(visible=bool(choices), open=False),
            *FORM,
            gr.skip(),
            checked,
        )

    def choose(checked: Checked | None, face: int | None, opacity: float, close: bool) -> tuple:
        if checked is None or face is None:
            return gr.skip(), gr.skip(), gr.skip()
        return (card.verdict(checked.verdict, face, checked.detector.release), *look(checked, face, opacity, close))

    def redraw(checked: Checked | None, face: int | None, opacity: float, close: bool) -> object:
        return look(checked, face or 0, opacity, close)[0] if checked and checked.verdict.verdicts else gr.skip()

    def make_report(checked: Checked | None) -> str:
        if checked is None:
            raise gr.Error(GONE, print_exception=False)
        path = export_folder(download) / f"deepley-{checked.verdict.file.sha256[:8]}.html"
        path.write_text(report.html(checked.verdict, checked.detector.release, checked.name), encoding="utf-8")
        return str(path)

    def correct(
        checked: Checked | None, face: int | None, label: str | None, agreed: bool, photo: Upload | None
    ) -> tuple:
        if checked is None:
            return GONE, gr.skip()
        if label is None:
            return "Choose what the face really is.", gr.skip()
        picture = photo.data if agreed and photo else None
        if picture and hashlib.sha256(picture).hexdigest() != checked.verdict.file.sha256:
            return "Another photo is being checked: wait for its verdict.", gr.skip()
        try:
            feedback.keep(data / feedback.FOLDER, checked.verdict, face or 0, label, checked.detector, picture)
        except OSError:
            return "It could not be stored on this machine: its disk may be full or not writable.", gr.skip()
        said = f"Thank you. Stored on this machine, {'with' if picture else 'without'} the photo."
        return said, gr.update(interactive=False)

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
            example = gr.Button("Try an example: an astronaut", size="sm", elem_id="example")
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
        with gr.Column(visible=False) as looking:
            slider = gr.ImageSlider(
                label="Where the network looked", format="jpeg", interactive=False, elem_id="looked", max_height=640
            )
            where = gr.Markdown(elem_id="where")
            with gr.Row():
                opacity = gr.Slider(0, 1, 0.7, step=0.05, label="Opacity of the heatmap", elem_id="opacity", scale=2)
                close = gr.Radio(
                    [("This face", True), ("Whole photo", False)], value=True, label="Show", elem_id="close"
                )
        told = gr.HTML(elem_id="provenance", padding=False)
        with gr.Row():
            save = gr.Button("Download report", elem_id="report")
            copy = gr.Button("Copy as text", elem_id="copy")
        with gr.Accordion("This is wrong", open=False, visible=False) as wrong:
            label = gr.Radio(
                [("The face is real", "real"), ("The face was generated or swapped", "fake")],
                label="What is it really?",
            )
            agreed = gr.Checkbox(label="Also keep the photo and the face, on the machine that runs this page")
            send = gr.Button("Send", elem_id="send")
            thanks = gr.Markdown(elem_id="thanks")
    download = gr.DownloadButton(elem_id="report-file", visible="hidden")
    text = gr.Textbox(elem_id="report-text", visible="hidden")

    outputs = [result, faces, findings, looking, slider, where, opacity, close, told, text, wrong]
    outputs += [label, agreed, send, thanks, photo, state]
    lane = {"concurrency_id": "model", "concurrency_limit": 1, **PRIVATE}
    come = photo.upload(waiting, None, outputs, queue=False, **PRIVATE)
    event = come.then(show, [photo, using], outputs, trigger_mode="multiple", **lane)
    tried = example.click(lambda: EXAMPLE, None, photo, queue=False, api_visibility="private").then(
        show, [photo, using], outputs, **lane
    )
    photo.clear(idle, None, outputs, cancels=[event, tried], queue=False, **PRIVATE)
    # What was under way may arrive after that; once it has ended Gradio calls it failed. A new photo is left alone.
    for checking in (event, tried):
        checking.failure(
            lambda there: [gr.skip()] * len(outputs) if there else idle(), photo, outputs,
            preprocess=False, queue=False, **PRIVATE,
        )  # fmt: skip
    faces.input(choose, [state, faces, opacity, close], [result, slider, where], **PRIVATE)
    opacity.input(redraw, [state, faces, opacity, close], slider, trigger_mode="always_last", **PRIVATE)
    close.input(redraw, [state, faces, opacity, close], slider, **PRIVATE)
    save.click(make_report, state, download, **PRIVATE).success(None, None, None, js=click("#report-file"))
    copy.click(None, text, copy, js="deepley.copy", api_visibility="private")
    send.click(correct, [state, faces, label, agreed, photo], [thanks, send], **PRIVATE)
    for changed in (label.input, agreed.input, faces.input):
        changed(lambda: gr.update(interactive=True), None, send, queue=False, **PRIVATE)
