"""The figures of "How good is it", drawn from a release's own files."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import plotly.graph_objects as go
from sklearn.metrics import confusion_matrix, roc_curve

from deepley.training.measure.evaluation import reliability

GREY = "rgba(128, 140, 155, 0.35)"

Row: TypeAlias = dict[str, Any]
"""A row of history.csv: numbers by column, and the phase's name."""

Figures: TypeAlias = dict[str, Any]
"""Figures of one set, as `evaluation.summary` gives it."""

_TRAIN, _VALID, _THIRD, _INK = "#0d9488", "#ea580c", "#7c3aed", "#74808d"
COLOURS = (_TRAIN, _VALID, _THIRD, "#db2777", "#2563eb", "#ca8a04", "#65a30d", "#57534e")
"""Colours of curves in one chart; after the last the first comes again."""


def blank(title: str, x: str, y: str) -> go.Figure:
    """An empty figure that is readable on white and on black."""
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "font": {"size": 16}},
        height=340,
        margin={"l": 56, "r": 16, "t": 72, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _INK, "family": "system-ui, sans-serif"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    figure.update_xaxes(title=x, gridcolor=GREY, zerolinecolor=GREY)
    figure.update_yaxes(title=y, gridcolor=GREY, zerolinecolor=GREY)
    return figure


def curves(history: list[Row], what: str, title: str) -> go.Figure:
    """Training and validation values of `what` ("loss" or "accuracy") by round, phases marked.

    Args:
        history: Rows of history.csv.
        what: A column that also exists with the prefix `val_`.
        title: Title of the figure.
    """
    figure = blank(title, "round", what)
    rounds = [int(row["round"]) for row in history]
    for column, name, colour, symbol in (
        (what, "training", _TRAIN, "circle"),
        (f"val_{what}", "validation", _VALID, "diamond"),
    ):
        figure.add_scatter(
            x=rounds,
            y=[row[column] for row in history],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"symbol": symbol, "size": 7},
        )
    for phase, first, last in phases(history):
        figure.add_vrect(
            x0=first - 0.5,
            x1=last + 0.5,
            line={"color": GREY, "width": 1},
            fillcolor="rgba(0,0,0,0)",
            annotation={"text": phase, "font": {"size": 12}, "textangle": -90},  # upright: a phase may be one round
            annotation_position="top left" if what == "loss" else "bottom left",
        )
    figure.update_xaxes(dtick=max(1, len(rounds) // 12))
    if what == "accuracy":
        figure.update_yaxes(tickformat=".0%")
    return figure


def phases(history: list[Row]) -> list[tuple[str, int, int]]:
    """(name, first round, last round) of every phase in a history."""
    found: list[tuple[str, int, int]] = []
    for row in history:
        number = int(row["round"])
        if found and found[-1][0] == row["phase"]:
            found[-1] = (row["phase"], found[-1][1], number)
        else:
            found.append((row["phase"], number, number))
    return found


def confusion(measured: Figures, threshold: float) -> go.Figure:
    """How many real and fake images of a set lie on each side of the shipped threshold."""
    labels, scores = np.array(measured["labels"]), np.array(measured["scores"])
    counts = confusion_matrix(labels, scores >= threshold, labels=[0, 1])
    shares = counts / counts.sum(axis=1, keepdims=True)
    figure = blank(f"Confusion, {measured['set']} (n = {measured['n']:,})", "said", "is")
    figure.add_heatmap(
        z=shares,
        x=["none or inconclusive", "evidence"],
        y=["real", "fake"],
        zmin=0,
        zmax=1,
        colorscale=[[0, "rgba(15, 118, 110, 0.08)"], [1, "#0f766e"]],
        showscale=False,
    )
    for row in range(2):
        for column in range(2):
            figure.add_annotation(
                x=column,
                y=row,
                text=f"{counts[row, column]:,}<br>{shares[row, column]:.1%}",
                showarrow=False,
                font={"size": 16, "color": "white" if shares[row, column] > 0.5 else _INK},
            )
    figure.update_yaxes(autorange="reversed")
    return figure


def roc(sets: dict[str, Figures], threshold: float) -> go.Figure:
    """Receiver operating characteristic of every set, with the shipped threshold marked."""
    figure = blank("ROC", "false-positive rate", "recall")
    for (name, measured), colour, dash in zip(sets.items(), (_VALID, _TRAIN, _THIRD), ("dash", "solid", "dot")):
        false, true, _ = roc_curve(measured["labels"], measured["scores"])
        label = f"{name}, AUC {measured['auc']['value']:.4f}"
        figure.add_scatter(x=false, y=true, mode="lines", name=label, line={"color": colour, "dash": dash})
        at = (measured["false_positive_rate"]["value"], measured["recall"]["value"])
        figure.add_scatter(
            x=[at[0]],
            y=[at[1]],
            mode="markers",
            name=f"{name} at {threshold:.3f}",
            marker={"color": colour, "size": 10, "symbol": "x"},
        )
    figure.update_xaxes(range=[-0.01, 1.01])
    figure.update_yaxes(range=[-0.01, 1.02])
    figure.update_layout(legend={"orientation": "v", "x": 0.98, "xanchor": "right", "y": 0.05, "yanchor": "bottom"})
    return figure


def reliability_diagram(measured: Figures) -> go.Figure:
    """Share of fakes against mean score in 15 bins; on the diagonal a score means what it says."""
    bins = reliability(np.array(measured["scores"]), np.array(measured["labels"]))
    title = f"Reliability, {measured['set']} (n = {measured['n']:,})"
    figure = blank(title, "mean score", "share of fakes")
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", name="ideal", line={"color": GREY, "dash": "dash"})
    figure.add_scatter(
        x=[mean for mean, _, _ in bins],
        y=[share for _, share, _ in bins],
        mode="markers",
        name="bins",
        marker={
            "color": _TRAIN,
            "size": [max(8.0, 2.2 * n**0.4) for _, _, n in bins],
            "line": {"color": "white", "width": 1},
        },
        text=[f"{n} images" for _, _, n in bins],
    )
    return figure


def rates(measured: dict[str, Figures], title: str) -> go.Figure:
    """Fakes found and reals called fake at the shipped threshold, a line for each set, with 95 % intervals.

    Args:
        measured: Figures by the name that the line gets; a class may be missing.
        title: Title of the figure.
    """
    figure = blank(title, "share of the faces", "")
    for key, name, colour, symbol in (
        ("recall", "fakes found", _TRAIN, "circle"),
        ("false_positive_rate", "real called fake", _VALID, "diamond"),
    ):
        shown = {label: m[key] for label, m in measured.items() if key in m}
        figure.add_scatter(
            x=[v["value"] for v in shown.values()],
            y=list(shown),
            name=name,
            mode="markers",
            marker={"color": colour, "symbol": symbol, "size": 9},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [v["high"] - v["value"] for v in shown.values()],
                "arrayminus": [v["value"] - v["low"] for v in shown.values()],
                "color": colour,
            },
        )
    shares = [m[key]["high"] for m in measured.values() for key in ("recall", "false_positive_rate") if key in m]
    widest = max(shares, default=1.0)
    end = 1.0 if widest > 0.5 else max(2 * widest, 0.02)  # so that rare mistakes can be told apart
    figure.update_xaxes(range=[-0.02 * end, 1.02 * end], tickformat=".0%" if end == 1.0 else ".1%")
    figure.update_yaxes(categoryorder="array", categoryarray=list(measured)[::-1], automargin=True)
    figure.update_layout(height=150 + 28 * len(measured), showlegend=True)
    return figure
