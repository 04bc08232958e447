"""Assembles the tabs."""

from __future__ import annotations

import gradio as gr

from deepley.ui import check, performance
from deepley.verdict.detector import Detector


def build(detector: Detector) -> gr.Blocks:
    """The page around a loaded release."""
    with gr.Blocks(title="Deepley", analytics_enabled=False) as page:
        gr.HTML(
            "<h1>Deepley</h1><p>How strong is the evidence that a face photo was generated?</p>",
            elem_classes="deepley-title",
        )
        with gr.Tab("Check a photo", id="check"):
            check.build(detector)
        with gr.Tab("How good is it", id="performance"):
            performance.build(detector.release, detector.calibration)
    return page
