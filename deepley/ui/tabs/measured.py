"""The tab "How good is it": training curves and figures of the release, from its own files."""

from __future__ import annotations

import gradio as gr
import plotly.graph_objects as go

from deepley.network.release import Release
from deepley.training.release.model_card import FURTHER, tables
from deepley.ui.parts import charts
from deepley.verdict.calibration import Calibration

DECK_HISTORY = "history-deck.csv"
"""File of the release with the training of the student deck's recipe."""


def build(release: Release, calibration: Calibration, reason: str) -> None:
    """Adds the tab's components to the open `gr.Blocks`.

    Args:
        release: Release that the page starts with.
        calibration: Calibration of the release.
        reason: Reason why this release is used, in a sentence.
    """
    _origin(release, reason)
    _figures(release)
    _curves(release)
    _deck(release)
    _scores(release, calibration)


def _origin(release: Release, reason: str) -> None:
    ancestors = release.config.get("ancestors", ())
    before = "".join(f" It started from {a['name']}, trained on {a['data']['origin']}." for a in ancestors)
    gr.Markdown(
        f"**{release.name}**, trained on {release.config['data']['origin']}.{before} In brackets: 95 % bootstrap "
        "intervals. The first table is *at home*: these pictures resemble the training data. Expect worse results "
        "elsewhere. Some of the other sets have further pictures in the training data, and there it does as well as "
        'at home: README, "How good it is", says what each set is.'
    )
    gr.Markdown(
        f"{reason} A folder that `DEEPLEY_RELEASE` names goes first, then the release of the Hub that `DEEPLEY_HUB` "
        "pins, then the one that comes with the program.",
        elem_classes="quiet",
    )


def _figures(release: Release) -> None:
    """Tables of all figures, and a chart for each kind of further set."""
    metrics = release.metrics
    if not metrics:
        return
    gr.Markdown(tables(metrics), elem_classes="figures")
    for key in ("treated", "elsewhere", "groups"):
        if metrics.get(key):
            _plot(charts.rates(metrics[key], FURTHER[key][0]), FURTHER[key][0])


def _curves(release: Release) -> None:
    """Loss and accuracy of the training that made these weights."""
    history = release.history()
    if not history:
        return
    ancestors, averaged = release.config.get("ancestors"), release.config.get("training", {}).get("kept")
    gr.Markdown(
        "### The training that made these weights\n"
        "Training figures are taken on degraded crops with dropout on, validation figures on whole, clean faces."
        + (" The first rounds belong to the release that it started from, on its pictures." if ancestors else "")
        + (" The result was then averaged with the release that it had started from." if averaged else "")
    )
    with gr.Row():
        _plot(charts.curves(history, "loss", "Loss"), "Loss by round")
        _plot(charts.curves(history, "accuracy", "Accuracy"), "Accuracy by round")


def _deck(release: Release) -> None:
    """Loss and accuracy of the student deck's recipe."""
    deck = release.history(DECK_HISTORY)
    if not deck:
        return
    gr.Markdown(
        "### The student deck's recipe, for comparison\n"
        "Adam at a rate of 1e-5 from the first round to the last, on 10,000 images of the same data: the first "
        f"{len(deck)} rounds of the preset `deck`."
    )
    with gr.Row():
        _plot(charts.curves(deck, "loss", "Loss, preset deck"), "Loss by round, preset deck")
        _plot(charts.curves(deck, "accuracy", "Accuracy, preset deck"), "Accuracy by round, preset deck")


def _scores(release: Release, calibration: Calibration) -> None:
    """Confusion matrix, ROC and reliability."""
    metrics = release.metrics
    if not metrics:
        return
    shown = metrics["sets"].get("test", metrics["sets"]["validation"])
    gr.Markdown(
        f"### What the scores are worth\nEvidence starts at a score of {calibration.threshold:.3f}; the larger a "
        "bin's dot in the reliability diagram, the more images are in it."
    )
    with gr.Row():
        _plot(charts.confusion(shown, calibration.threshold), "Confusion matrix")
        _plot(charts.roc(metrics["sets"], calibration.threshold), "ROC")
        _plot(charts.reliability_diagram(shown), "Reliability diagram")


def _plot(figure: go.Figure, label: str) -> None:
    with gr.Column(min_width=300):
        gr.Plot(figure, label=label, show_label=False)
