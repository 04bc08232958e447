"""Assembles the tabs and serves them."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from deepley.config import DATA_FOLDER, ManyLimits
from deepley.ui import check, components, many, performance
from deepley.verdict.detector import Detector

FAVICON = Path(__file__).parent / "favicon.svg"


def build(detector: Detector, data: Path = DATA_FOLDER) -> gr.Blocks:
    """The page around a loaded release.

    Args:
        detector: That judges.
        data: Folder in which corrections are kept.
    """
    with gr.Blocks(title="Deepley CV", analytics_enabled=False, delete_cache=(600, check.KEPT)) as page:
        gr.HTML(
            "<h1>Deepley CV</h1><p>How strong is the evidence that a face photo was generated?</p>",
            elem_classes="title",
            padding=False,
        )
        with gr.Tab("Check a photo", id="check"):
            with gr.Tab("One photo", id="one"):
                check.build(detector, data)
            with gr.Tab("Many photos", id="many"):
                many.build(detector)
        with gr.Tab("How good is it", id="performance"):
            performance.build(detector.release, detector.calibration)
    return page


def launch(detector: Detector, data: Path = DATA_FOLDER, **options: object) -> str:
    """Serves the page; returns its local address.

    Args:
        detector: A loaded release.
        data: Folder in which corrections are kept.
        **options: Further options of `gr.Blocks.launch`.
    """
    _, url, _ = (
        build(detector, data)
        .queue(max_size=32, api_open=False)  # every call takes the one lane to the model
        .launch(
            theme=components.theme(),
            css=components.CSS,
            head=components.PASTE,
            footer_links=[],
            allowed_paths=[str(check.EXAMPLE)],
            run_history=False,  # it would keep photos in the browser's storage
            max_file_size=ManyLimits().max_zip_bytes,  # a single photo is held to less by its own input
            favicon_path=FAVICON,
            ssr_mode=False,
            **options,
        )
    )
    return url
