"""The tab "Video": drop a clip; watch it being checked; see which face, when and where."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

import gradio as gr

from deepley.config import VideoLimits
from deepley.errors import WeightsError
from deepley.ui.parts import timeline
from deepley.ui.parts import verdict_card as card
from deepley.ui.parts.detectors import Detectors
from deepley.ui.parts.events import GONE, KEPT, PRIVATE, click, export_folder
from deepley.verdict.words import HEADLINES, HEATMAP_NOTE
from deepley.video import report, words
from deepley.video.reader import VideoError
from deepley.video.record import to_csv
from deepley.video.verdict import ClipVerdict
from deepley.video.watcher import Step, Watcher

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Checked:
    """What a visitor's page remembers of the last clip.

    Attributes:
        name: Of the file.
        verdict: Of the clip.
        watcher: That gave it.
    """

    name: str
    verdict: ClipVerdict
    watcher: Watcher


def build(detectors: Detectors, using: gr.State) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        detectors: That judge.
        using: The visitor's choice among them, see `Detectors.of`.
    """

    def run(path: str | None, release: str | None) -> Iterator[tuple]:
        if path is None:
            yield _idle()
            return
        try:
            watcher = Watcher(detectors.of(release))
            steps = watcher.steps(Path(path))
            while True:
                try:
                    yield _blank(_progress(next(steps)))
                except StopIteration as end:
                    yield _found(Checked(Path(path).name, end.value, watcher))
                    return
        except VideoError as error:
            yield _blank(card.message("failed", "This clip could not be checked", f"{error} There is no score for it."))
        except WeightsError as error:
            sentence = f"{error} Go back to the shipped one under Train."
            yield _blank(card.message("failed", "The chosen model cannot be used", sentence))
        except Exception:  # not by `failure`, which Gradio also calls when the visitor presses Stop
            _LOG.exception("A clip could not be checked")
            text = "There is no score for it. Remove it and try another file, or the same clip saved as MP4."
            yield _blank(card.message("failed", "This clip could not be checked", text))

    def jump(checked: Checked | None, seconds: float) -> object:
        return gr.skip() if checked is None else _frame(checked.verdict, seconds)

    def pick(checked: Checked | None, event: gr.SelectData) -> object:
        return gr.skip() if checked is None else report.filmstrip(checked.verdict)[event.index][0]

    def export(checked: Checked | None, suffix: str) -> str:
        if checked is None:
            raise gr.Error(GONE, print_exception=False)
        verdict = checked.verdict
        text = to_csv(verdict) if suffix == "csv" else report.html(verdict, checked.watcher, checked.name)
        path = export_folder(download) / f"deepley-{verdict.sha256[:8]}.{suffix}"
        path.write_text(text, encoding="utf-8")
        return str(path)

    limits = VideoLimits()
    gr.Markdown(
        f"Drop a clip with a face, or record one. Each face is followed, up to {limits.max_faces} at a time; single "
        "frames are judged as photos are, and what changes from one frame to the next where the model has learnt that."
    )
    state = gr.State(None, time_to_live=KEPT)
    with gr.Row():
        with gr.Column(min_width=280):
            clip = gr.Video(
                label="Clip",
                sources=["upload", "webcam"],
                webcam_options=gr.WebcamOptions(mirror=False),
                include_audio=True,  # else Gradio would convert every upload
                height=380,
                elem_id="clip",
            )
            gif = gr.UploadButton("Choose a GIF", file_types=[".gif"], size="sm", elem_id="gif")  # no video to Gradio
            gr.Markdown(
                f"MP4, MOV, WebM, MKV, AVI or an animated GIF, up to {limits.max_bytes / 1e6:.0f} MB; the first "
                f"{limits.max_seconds:.0f} seconds are analysed. What the browser cannot play is checked all the "
                "same. Clips are deleted after an hour.",
                elem_classes="quiet",
            )
        with gr.Column(min_width=280):
            result = gr.HTML(_IDLE, elem_id="clip-verdict", padding=False)
            stop = gr.Button("Stop", size="sm", visible=False, elem_id="clip-stop")
    with gr.Column(visible=False) as findings:
        plot = gr.Plot(show_label=False, elem_id="timeline")
        moment = gr.Slider(0, 1, 0, step=0.01, label="Show the frame at (seconds)", elem_id="moment")
        with gr.Row():
            with gr.Column(min_width=280):
                frame = gr.HTML(elem_id="frame", padding=False)  # an image of Gradio's has no text alternative
            with gr.Column(min_width=280):
                strip = gr.Gallery(
                    label="Frames with the highest scores", format="jpeg", interactive=False, allow_preview=False,
                    columns=4, height=320, elem_id="strip",
                )  # fmt: skip
        tracks = gr.HTML(elem_id="tracks", padding=False)
        with gr.Row():
            as_report = gr.Button("Download report", elem_id="clip-report")
            as_csv = gr.Button("Download CSV, one line a face and frame", elem_id="clip-csv")
    download = gr.DownloadButton(elem_id="clip-file", visible="hidden")

    outputs = [result, stop, findings, plot, moment, frame, strip, tracks, state]
    lane = {"trigger_mode": "multiple", "concurrency_id": "clip", "concurrency_limit": 1}
    come = [event(_waiting, None, outputs, queue=False, **PRIVATE) for event in (clip.upload, clip.stop_recording)]
    started = [event.then(run, [clip, using], outputs, **lane, **PRIVATE) for event in come]
    gif.upload(lambda: None, None, clip, cancels=started, queue=False, **PRIVATE)
    come.append(gif.upload(_waiting, None, outputs, queue=False, **PRIVATE))
    started.append(come[-1].then(run, [gif, using], outputs, **lane, **PRIVATE))
    for event in started:
        event.success(None, None, None, js="deepley.listenToTimeline")
    started[1].success(None, None, None, js="deepley.findLength")
    stop.click(None, None, None, cancels=started, queue=False, **PRIVATE)
    clip.clear(_idle, None, outputs, cancels=started, queue=False, **PRIVATE)
    # A step under way may still arrive after either; once the run has ended Gradio calls it failed, and this is last.
    for event in started[:2]:
        event.failure(
            lambda there: _stopped() if there else _idle(), clip, outputs, preprocess=False, queue=False, **PRIVATE
        )
    started[2].failure(_stopped, None, outputs, queue=False, **PRIVATE)
    moment.change(jump, [state, moment], frame, trigger_mode="always_last", **PRIVATE)
    moment.change(None, moment, None, js="deepley.seek")
    strip.select(pick, state, moment, **PRIVATE)
    for button, suffix in ((as_report, "html"), (as_csv, "csv")):
        made = button.click(partial(export, suffix=suffix), state, download, **PRIVATE)
        made.success(None, None, None, js=click("#clip-file"))


_IDLE = card.message("idle", "No clip yet", "The verdict appears here.")


def _waiting() -> tuple:
    return _blank(_progress(Step("Waiting for its turn")))


def _idle() -> tuple:
    return _blank(_IDLE, running=False)


def _stopped() -> tuple:
    return _blank(card.message("done", "Stopped", "The clip was not judged. Drop it again to start anew."), False)


def _blank(told: str, running: bool | None = None) -> tuple:
    """A card without a verdict, and everything of an earlier clip put away."""
    running = 'data-state="working"' in told if running is None else running
    return told, gr.update(visible=running), gr.update(visible=False), None, gr.skip(), "", None, "", None


def _progress(step: Step) -> str:
    left = f" About {step.left:.0f} seconds to go." if step.left else ""
    bar = "" if step.share is None else f'<div class="bar"><span style="width: {step.share:.0%}"></span></div>'
    return (
        '<section class="verdict" data-state="working" aria-live="polite"><h2>Checking the clip…</h2>'
        f"<p>{escape(step.stage)}.{left}</p>{bar}</section>"
    )


def _found(checked: Checked) -> tuple:
    verdict, watcher = checked.verdict, checked.watcher
    part = f"<p>{escape(verdict.reading.part)}</p>" if verdict.reading.part else ""
    hidden = gr.update(visible=False)
    if not verdict.tracks:
        told = card.message("done", words.headline(verdict), verdict.reason)
        return told.replace("</section>", f"{part}</section>"), hidden, hidden, *_blank("")[3:]
    track = verdict.tracks[verdict.strongest]
    gauge = card.gauge(track.score, watcher.calibration(track))
    told = (
        f'<section class="verdict" data-state="done" aria-live="polite"><h2>{words.headline(verdict)}</h2>'
        f"<p>{escape(words.which(verdict))} {escape(words.basis(track))}</p>{gauge}{part}"
        f'<p class="quiet">{escape(words.trained(watcher))}</p></section>'
    )
    at = track.looks[track.peak].seconds
    return (
        told, hidden, gr.update(visible=True), timeline.figure(verdict, watcher.detector.calibration),
        gr.update(minimum=verdict.shown[0].seconds, maximum=max(verdict.shown[-1].seconds, 0.01), value=at),
        _frame(verdict, at), [(picture, caption) for _, picture, caption in report.filmstrip(verdict)],
        _cards(verdict), checked,
    )  # fmt: skip


def _frame(verdict: ClipVerdict, seconds: float) -> str:
    """The sampled frame nearest to a time with its overlay, and in words what it shows."""
    index = verdict.nearest(seconds)
    pixels, numbers = verdict.overlay(index)
    at = verdict.shown[index].seconds
    whose = ", ".join(
        f"face {track.number} scores {score:.2f}"
        for track in verdict.tracks
        for look, score in zip(track.looks, track.spatial_scores)
        if look.seconds == at
    )
    said = escape(f"At {at:.1f} s: {whose if numbers else 'no face is judged here'}.")
    return (
        f'<figure class="frame"><img alt="{said}" src="{report.data_url(pixels)}">'
        f"<figcaption>{said} {HEATMAP_NOTE}</figcaption></figure>"
    )


def _cards(verdict: ClipVerdict) -> str:
    cards = []
    for track in verdict.tracks:
        seen = (
            f"{len(track.looks)} pairs of frames from {track.looks[0].seconds:.1f} to {track.looks[-1].seconds:.1f} s"
        )
        cards.append(
            f'<section class="panel"><h3>Face {track.number}: {HEADLINES[track.evidence]}</h3>'
            f"<p>{escape(words.basis(track))}</p><p class='quiet'>{seen}</p></section>"
        )
    if said := words.left_out(verdict):
        cards.append(f"<p class='quiet'>{said}</p>")
    return "".join(cards)
