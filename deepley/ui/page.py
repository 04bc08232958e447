"""Assembles the tabs and serves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from deepley.config import DATA_FOLDER, RUNS_FOLDER, ManyLimits, UploadLimits
from deepley.jobs import local
from deepley.ui.parts import html, inputs
from deepley.ui.parts.detectors import Detectors
from deepley.ui.parts.events import KEPT, STATIC
from deepley.ui.server import api, fetch, gate, uploads
from deepley.ui.tabs import batch, measured, photo, train, video
from deepley.verdict.detector import Detector


def build(detector: Detector, data: Path = DATA_FOLDER, runs: Path = RUNS_FOLDER, reason: str = "") -> gr.Blocks:
    """The page around a loaded release.

    Args:
        detector: Detector that the page starts with.
        data: Folder for visitors' corrections, and for training data of this machine.
        runs: Folder of the fine-tuning jobs.
        reason: Reason why this release is used, in a sentence.
    """
    detectors = Detectors(detector)
    local.ensure_worker(runs)  # for jobs that were still queued when the machine went down
    with gr.Blocks(title="Deepley CV", analytics_enabled=False, delete_cache=(600, KEPT)) as page:
        gr.HTML(html.render("title"), elem_classes="title", elem_id="title", padding=False)
        using = gr.State(None)  # the release that this visitor's page checks with
        with gr.Tab("Photo", id="check"):
            with gr.Tab("One photo", id="one"):
                photo.build(detectors, using, data)
            with gr.Tab("Many photos", id="many"):
                batch.build(detectors, using)
        with gr.Tab("Video", id="clip"):
            video.build(detectors, using)
        with gr.Tab("How good is it", id="performance"):
            measured.build(detector.release, detector.calibration, reason)
        with gr.Tab("Train", id="train"):
            train.build(detector.release.folder, using, data, runs)
        api.build(detectors)
    return page


def launch(
    detector: Detector, data: Path = DATA_FOLDER, runs: Path = RUNS_FOLDER, reason: str = "", **options: Any
) -> gr.Blocks:
    """Serves the page in a thread of its own; returns it: `local_url` is its address, `block_thread` waits for its end.

    Args:
        detector: Detector that the page starts with.
        data: Folder for visitors' corrections, and for training data of this machine.
        runs: Folder of the fine-tuning jobs.
        reason: Reason why this release is used, in a sentence.
        **options: Further options of `gr.Blocks.launch`.
    """
    # The input for a single photo has a lower limit of its own.
    largest = max(UploadLimits().max_bytes, ManyLimits().max_zip_bytes)
    fetch.bound()
    uploads.bound()
    page = build(detector, data, runs, reason)
    uploads.forget_what_tools_send(page)
    page.queue(max_size=32, api_open=False).launch(  # no call gets past the queue
        theme=inputs.theme(),
        css_paths=STATIC / "page.css",
        head=f"<script>{(STATIC / 'page.js').read_text()}</script>",
        footer_links=[],
        allowed_paths=[str(photo.EXAMPLE)],
        run_history=False,  # it would keep photos in the browser's storage
        max_file_size=largest,
        favicon_path=STATIC / "favicon.svg",
        ssr_mode=False,
        mcp_server=True,
        app_kwargs={
            "routes": [api.health(detector.release, lambda: len(page._queue))],
            "middleware": [Middleware(gate.Door)],
        },
        prevent_thread_lock=True,
        **options,
    )
    return page
