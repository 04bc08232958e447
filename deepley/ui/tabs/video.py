"""The tab "Video": drop a clip, watch the check, and see which face scores high, when, and where in the picture."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from deepley.config import VideoLimits
from deepley.errors import WeightsError
from deepley.host.steps import each
from deepley.ui.parts import clip_card
from deepley.ui.parts.detectors import Detectors
from deepley.ui.parts.events import GONE, KEPT, PRIVATE, Lane, Raw, Update, Updates, clear, click, export_folder
from deepley.ui.tabs.video_states import Checked, Components, idle_card
from deepley.video import report
from deepley.video.reader import VideoError
from deepley.video.record import to_csv
from deepley.video.watcher import Watcher

_LOG = logging.getLogger(__name__)
_CLIPS: Lane = {"concurrency_id": "clip", "concurrency_limit": 1}


@dataclass(frozen=True)
class Handlers:
    """The tab's handlers, with what they need.

    Attributes:
        shown: Components that a check changes.
        download: Hidden button that downloads the exports.
        detectors: Loaded detectors to choose from.
    """

    shown: Components
    download: gr.DownloadButton
    detectors: Detectors

    def run(self, path: str | None, release: str | None) -> Iterator[Updates]:
        """Checks a clip and shows how far it is."""
        if path is None:
            yield self.shown.idle()
            return
        try:
            watcher = Watcher(self.detectors.of(release))
            verdict = yield from each(self.shown.working, watcher.steps(Path(path)))
            yield self.shown.found(Checked(Path(path).name, verdict, watcher))
        except VideoError as error:
            yield self.shown.failed(f"{error} There is no score for it.")
        except WeightsError as error:
            sentence = f"{error} Go back to the shipped one under Train."
            yield self.shown.failed(sentence, "The chosen model cannot be used")
        except Exception:  # not by `failure`, which Gradio also calls when the visitor presses Stop
            _LOG.exception("A clip could not be checked")
            text = "There is no score for it. Remove it and try another file, or the same clip saved as MP4."
            yield self.shown.failed(text)

    def ended_early(self, clip: Raw) -> Updates:
        """Shows that the check was stopped, or nothing if the clip is gone."""
        return self.shown.stopped() if clip else self.shown.idle()

    def export(self, checked: Checked | None, suffix: str) -> str:
        """Writes the report ("html") or the table of frames ("csv"); returns its path."""
        if checked is None:
            raise gr.Error(GONE, print_exception=False)
        verdict = checked.verdict
        text = to_csv(verdict) if suffix == "csv" else report.html(verdict, checked.watcher, checked.name)
        path = export_folder(self.download) / f"deepley-{verdict.sha256[:8]}.{suffix}"
        path.write_text(text, encoding="utf-8")
        return str(path)


def jump(checked: Checked | None, seconds: float) -> Markup | Update:
    """Handler: shows the frame at a time."""
    return gr.skip() if checked is None else clip_card.frame(checked.verdict, seconds)


def pick(checked: Checked | None, event: gr.SelectData) -> float | Update:
    """Handler: the time of a picture of the filmstrip."""
    return gr.skip() if checked is None else report.filmstrip(checked.verdict)[event.index][0]


def build(detectors: Detectors, using: gr.State) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        detectors: Loaded detectors to choose from.
        using: The visitor's choice of a detector, see `Detectors.of`.
    """
    limits = VideoLimits()
    gr.Markdown(
        f"Drop a clip with a face, or record one. Each face is followed, up to {limits.max_faces} at a time; single "
        "frames are judged as photos are, and what changes from one frame to the next where the model has learnt that."
    )
    state = gr.State(None, time_to_live=KEPT)
    with gr.Row():
        with gr.Column(min_width=280):
            clip, gif = _inputs(limits)
        with gr.Column(min_width=280):
            result = gr.HTML(idle_card(), elem_id="clip-verdict", padding=False)
            stop = gr.Button("Stop", size="sm", visible=False, elem_id="clip-stop")
    with gr.Column(visible=False) as findings:
        plot = gr.Plot(show_label=False, elem_id="timeline")
        moment = gr.Slider(0, 1, 0, step=0.01, label="Show the frame at (seconds)", elem_id="moment")
        with gr.Row():
            with gr.Column(min_width=280):
                frame = gr.HTML(elem_id="frame", padding=False)  # Gradio's own image has no text alternative
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
    shown = Components(result, stop, findings, plot, moment, frame, strip, tracks, state)
    handlers = Handlers(shown, download, detectors)
    _connect_checks(handlers, clip, gif, using)
    moment.change(jump, [state, moment], frame, trigger_mode="always_last", **PRIVATE)
    moment.change(None, moment, None, js="deepley.seek")
    strip.select(pick, state, moment, **PRIVATE)
    for button, suffix in ((as_report, "html"), (as_csv, "csv")):
        made = button.click(partial(handlers.export, suffix=suffix), state, download, **PRIVATE)
        made.success(None, None, None, js=click("#clip-file"))


def _inputs(limits: VideoLimits) -> tuple[gr.Video, gr.UploadButton]:
    """The input for clips, and the one for GIFs, which are no videos to Gradio."""
    clip = gr.Video(
        label="Clip",
        sources=["upload", "webcam"],
        webcam_options=gr.WebcamOptions(mirror=False),
        include_audio=True,  # else Gradio would convert every upload
        height=380,
        elem_id="clip",
    )
    gif = gr.UploadButton("Choose a GIF", file_types=[".gif"], size="sm", elem_id="gif")
    gr.Markdown(
        f"MP4, MOV, WebM, MKV, AVI or an animated GIF, up to {limits.max_bytes / 1e6:.0f} MB; the first "
        f"{limits.max_seconds:.0f} seconds are analysed. What the browser cannot play is checked all the "
        "same. Clips are deleted after an hour.",
        elem_classes="quiet",
    )
    return clip, gif


def _connect_checks(handlers: Handlers, clip: gr.Video, gif: gr.UploadButton, using: gr.State) -> None:
    """Connects all that starts or ends a check."""
    shown = handlers.shown
    started = []
    for come in (clip.upload, clip.stop_recording):
        waits = come(shown.waiting, None, shown.all, queue=False, **PRIVATE)
        check = waits.then(handlers.run, [clip, using], shown.all, trigger_mode="multiple", **_CLIPS, **PRIVATE)
        started.append(check)
    gif.upload(clear, None, clip, cancels=started, queue=False, **PRIVATE)
    waits = gif.upload(shown.waiting, None, shown.all, queue=False, **PRIVATE)
    of_gif = waits.then(handlers.run, [gif, using], shown.all, trigger_mode="multiple", **_CLIPS, **PRIVATE)
    for event in (*started, of_gif):
        event.success(None, None, None, js="deepley.listenToTimeline")
    started[1].success(None, None, None, js="deepley.findLength")
    shown.stop.click(None, None, None, cancels=[*started, of_gif], queue=False, **PRIVATE)
    clip.clear(shown.idle, None, shown.all, cancels=[*started, of_gif], queue=False, **PRIVATE)
    # A step under way may still arrive after either; Gradio calls the run failed once it has ended, and this is last.
    for event in started:
        event.failure(handlers.ended_early, clip, shown.all, preprocess=False, queue=False, **PRIVATE)
    of_gif.failure(shown.stopped, None, shown.all, queue=False, **PRIVATE)
