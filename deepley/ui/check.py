"""The tab "Check a photo": drop, paste or snap; read the verdict; see where the network looked."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import gradio as gr
import numpy as np

from deepley.ui.components import PhotoInput
from deepley.verdict.calibration import Calibration, Evidence
from deepley.verdict.detector import Detector, PhotoVerdict, Verdict

SHOWN_SIDE = 1280
"""Longest side, in pixels, of the pictures sent back: a PNG of 12 megapixels takes seconds."""

HEADLINES = {
    Evidence.NONE: "No evidence of manipulation found",
    Evidence.INCONCLUSIVE: "Inconclusive",
    Evidence.WEAK: "Weak evidence of manipulation",
    Evidence.MODERATE: "Moderate evidence of manipulation",
    Evidence.STRONG: "Strong evidence of manipulation",
    Evidence.VERY_STRONG: "Very strong evidence of manipulation",
}

MEANINGS = {
    Evidence.NONE: "The network saw no trace of the generators it knows. "
    "That does not show that the photo is real or unedited.",
    Evidence.INCONCLUSIVE: "The score is higher than that of most real photos, "
    "but not high enough to speak of evidence.",
    Evidence.WEAK: "Few real photos score this high, yet some do. Treat it as a hint to look further.",
    Evidence.MODERATE: "Suspicious, but not conclusive. Look for the source of the photo.",
    Evidence.STRONG: "The face looks to the network like those that a generator made.",
    Evidence.VERY_STRONG: "The face looks to the network very much like those that a generator made.",
}

_COLOURS = {
    Evidence.NONE: "#0f766e",
    Evidence.INCONCLUSIVE: "#94a3b8",
    Evidence.WEAK: "#fbbf24",
    Evidence.MODERATE: "#f59e0b",
    Evidence.STRONG: "#ea580c",
    Evidence.VERY_STRONG: "#b91c1c",
}

HEATMAP_NOTE = (
    "Left the photo, right the same photo with the places that weighed most for the verdict (Grad-CAM), bright where "
    "they weighed most. A heatmap shows where the network looked. It proves nothing."
)


def build(detector: Detector) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`."""

    def show(photo: np.ndarray | None) -> Iterator[tuple[str, dict, dict]]:
        if photo is None:
            yield idle()
            return
        yield (
            message("working", "Looking at the photo…", "Finding faces, then one look at each."),
            hide(),
            gr.update(visible=False),
        )
        verdict = detector.check_pixels(photo)
        if verdict.verdicts:
            yield card(verdict, detector), slider(verdict), gr.update(visible=True)
        else:
            yield card(verdict, detector), hide(), gr.update(visible=False)

    def check(photo: np.ndarray) -> dict:
        """Checks a face photo for traces of a generator.

        Args:
            photo: A photo; a URL, an uploaded file, or a data:image/...;base64 string.

        Returns:
            The verdict: the faces with box, calibrated score 0..1 and evidence in words, or why there are none.
        """
        if photo is None:
            raise gr.Error("Send a photo to check.", print_exception=False)
        return detector.to_json(detector.check_pixels(photo))

    gr.Markdown("Drop a photo of a face, paste one, or take a snapshot. It is checked at once, on this machine.")
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
            gr.Markdown(
                "JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF or BMP, up to 25 MB and 64 megapixels. If the camera stays "
                "dark, allow this page to use it in the browser's address bar.",
                elem_classes="quiet",
            )
        with gr.Column(min_width=280):
            result = gr.HTML(idle()[0], elem_id="verdict", padding=False)
    looked = gr.ImageSlider(
        label="Where the network looked", format="png", visible=False, interactive=False, elem_id="looked"
    )
    note = gr.Markdown(HEATMAP_NOTE, visible=False)

    event = photo.upload(
        show,
        photo,
        [result, looked, note],
        trigger_mode="multiple",  # "once" would show an old verdict beside a new photo
        concurrency_id="model",
        concurrency_limit=1,
        show_progress="hidden",
        api_visibility="private",
    )
    event.failure(failed, None, [result, looked, note], queue=False, api_visibility="private")
    photo.clear(
        idle,
        None,
        [result, looked, note],
        cancels=[event],
        queue=False,
        api_visibility="private",
    )
    program = gr.Button(visible=False)  # no person presses it: it carries the endpoint that programs call
    program.click(check, photo, gr.JSON(visible=False), concurrency_id="model", concurrency_limit=1, api_name="check")


def idle() -> tuple[str, dict, dict]:
    """What the page shows without a photo."""
    return message("idle", "No photo yet", "The verdict appears here."), hide(), gr.update(visible=False)


def failed() -> tuple[str, dict, dict]:
    """What the page shows when a photo was refused or something broke: never an older photo's verdict."""
    text = "There is no score for it. Remove it and try another file, or the same photo saved as JPEG."
    return message("failed", "This photo could not be checked", text), hide(), gr.update(visible=False)


def hide() -> dict:
    """An update that hides a component."""
    return gr.update(value=None, visible=False)


def message(state: str, title: str, text: str) -> str:
    """A card without a score."""
    return (
        f'<section class="verdict" data-state="{state}" aria-live="polite"><h2>{escape(title)}</h2>'
        f"<p>{escape(text)}</p></section>"
    )


def slider(verdict: PhotoVerdict) -> dict:
    """The photo and its overlay, as an update of the image slider."""
    return gr.update(value=verdict.overlay(SHOWN_SIDE), visible=True)


def card(verdict: PhotoVerdict, detector: Detector) -> str:
    """The verdict as HTML, readable without colours and without the picture."""
    if verdict.reason:
        return message("done", "Not applicable", verdict.reason)
    worst = max(verdict.verdicts, key=lambda v: v.score)
    several = len(verdict.verdicts) > 1
    parts = [f"<h2>{HEADLINES[worst.evidence]}</h2>"]
    if several:
        parts.append(f"<p>{len(verdict.verdicts)} faces were found; this is the one with the highest score.</p>")
    parts.append(f"<p>{MEANINGS[worst.evidence]}</p>")
    parts.append(gauge(worst.score, detector.calibration))
    if several:
        rows = "".join(f"<li>{_row(v)}</li>" for v in verdict.verdicts)
        parts.append(f"<p>All faces, largest first:</p><ol>{rows}</ol>")
    config = detector.release.config
    parts.append(
        f'<p class="quiet">Trained on: {escape(config["data"]["origin"])}. Other generators, face swaps and retouching '
        f"may go unseen. Release {escape(config['name'])} of {escape(config['created'])}.</p>"
    )
    return f'<section class="verdict" data-state="done" aria-live="polite">{"".join(parts)}</section>'


def _row(verdict: Verdict) -> str:
    x, y, width, height = verdict.face.box
    return f"{HEADLINES[verdict.evidence]}, score {verdict.score:.2f} ({width} x {height} px at {x}, {y})"


def gauge(score: float, calibration: Calibration) -> str:
    """The score on a bar of its bands, with the threshold; and the same in words for a screen reader.

    The bar is linear in the score.
    """
    edges = [
        0.0,
        calibration.doubt,
        calibration.threshold,
        max(calibration.threshold, calibration.moderate),
        max(calibration.threshold, calibration.strong),
        max(calibration.threshold, calibration.very_strong),
        1.0,
    ]
    bands = "".join(
        f'<span style="left: {low:.2%}; width: {high - low:.2%}; background: {_COLOURS[evidence]}" '
        f'title="{evidence}"></span>'
        for evidence, low, high in zip(Evidence, edges, edges[1:])
        if high > low
    )
    label = min(max(score, 0.03), 0.97)  # the figure and the words stay inside the card; the lines are exact
    words_at = min(max(calibration.threshold, 0.14), 0.86)
    words = f"Score {score:.2f} on a scale from 0 to 1; evidence starts at {calibration.threshold:.2f}."
    return (
        f'<div class="gauge" role="img" aria-label="{words}">'
        f'<div class="score" style="left: {label:.2%}">{score:.2f}</div><div class="bands">{bands}</div>'
        f'<div class="mark" style="left: {score:.2%}"></div>'
        f'<div class="tick" style="left: {calibration.threshold:.2%}"></div>'
        f'<div class="edge" style="left: {words_at:.2%}">evidence from {calibration.threshold:.2f}</div></div>'
    )
