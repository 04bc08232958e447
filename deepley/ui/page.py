"""Assembles the tabs and serves them."""

from __future__ import annotations

import gradio as gr

from deepley.config import PhotoLimits
from deepley.ui import check, components, performance
from deepley.verdict.detector import Detector


def build(detector: Detector) -> gr.Blocks:
    """The page around a loaded release."""
    with gr.Blocks(title="Deepley", analytics_enabled=False, delete_cache=(3600, 4 * 3600)) as page:
        gr.HTML(
            "<h1>Deepley</h1><p>How strong is the evidence that a face photo was generated?</p>",
            elem_classes="title",
            padding=False,
        )
        with gr.Tab("Check a photo", id="check"):
            check.build(detector)
        with gr.Tab("How good is it", id="performance"):
            performance.build(detector.release, detector.calibration)
    return page


def launch(detector: Detector, **options: object) -> str:
    """Serves the page; returns its local address.

    Args:
        detector: A loaded release.
        **options: Further options of `gr.Blocks.launch`.
    """
    _, url, _ = (
        build(detector)
        .queue(max_size=32, api_open=False)  # every call takes the one lane to the model
        .launch(
            theme=components.theme(),
            css=components.CSS,
            head=components.PASTE,
            footer_links=[],
            run_history=False,  # it would keep photos in the browser's storage
            max_file_size=PhotoLimits().max_bytes,
            ssr_mode=False,
            **options,
        )
    )
    return url
