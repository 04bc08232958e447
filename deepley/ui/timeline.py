"""The pictures of a clip's verdict: scores over time, and the frames that look most suspicious."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from deepley.ui.card import COLOURS
from deepley.verdict import words
from deepley.verdict.calibration import Calibration
from deepley.video.verdict import ClipVerdict

STRIP = 8
"""Frames on the filmstrip."""

_TRACKS = ("#0d9488", "#7c3aed", "#2563eb", "#db2777", "#65a30d")
_GREY, _INK = "rgba(128, 140, 155, 0.5)", "#74808d"


def figure(verdict: ClipVerdict, calibration: Calibration) -> go.Figure:
    """Scores of single frames (solid) and of the changes between them (dashed), per track, over the bands of frames.

    Args:
        verdict: With at least one track.
        calibration: Of the detector.
    """
    drawn = go.Figure()
    for band, low, high in words.bands(calibration):
        drawn.add_hrect(y0=low, y1=high, fillcolor=COLOURS[band], opacity=0.13, line_width=0)
    for track, colour in zip(verdict.tracks, _TRACKS * (1 + len(verdict.tracks) // len(_TRACKS))):
        seconds = [look.seconds for look in track.looks]
        drawn.add_scatter(
            x=seconds, y=track.spatial_scores, name=f"face {track.number}, frames", mode="lines+markers",
            line={"color": colour, "width": 2}, marker={"size": 7}, hovertemplate="%{x:.1f} s: %{y:.2f}",
        )  # fmt: skip
        if track.temporal is not None:
            drawn.add_scatter(
                x=seconds, y=track.temporal_scores, name=f"face {track.number}, changes", mode="lines",
                line={"color": colour, "width": 2, "dash": "dash"}, hovertemplate="%{x:.1f} s: %{y:.2f}",
            )  # fmt: skip
    for cut in verdict.reading.cuts:
        drawn.add_vline(x=cut, line={"color": _GREY, "width": 1, "dash": "dot"}, annotation={"text": "cut"})
    drawn.update_layout(
        height=320,
        margin={"l": 56, "r": 16, "t": 40, "b": 48},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": _INK, "family": "system-ui, sans-serif"},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        showlegend=True,
    )
    drawn.update_xaxes(title="seconds", gridcolor=_GREY, range=[verdict.reading.start - 0.2, verdict.reading.end + 0.2])
    drawn.update_yaxes(title="score", gridcolor=_GREY, range=[-0.02, 1.02])
    return drawn


def filmstrip(verdict: ClipVerdict) -> list[tuple[float, np.ndarray, str]]:
    """The frames with the highest scores, in order of time.

    Returns:
        At most `STRIP` times: seconds, (h, w, 3) uint8 around the face, and a caption.
    """
    scored = [
        (score, track, look)
        for track in verdict.tracks
        if not track.brief or all(each.brief for each in verdict.tracks)
        for score, look in zip(track.spatial_scores, track.looks)
    ]
    highest = sorted(scored, key=lambda item: -item[0])[:STRIP]
    pictures = []
    for score, track, look in sorted(highest, key=lambda item: (item[2].seconds, item[1].number)):
        shown = verdict.shown[verdict.nearest(look.seconds)]
        caption = f"{look.seconds:.1f} s, face {track.number}: {score:.2f}"
        pictures.append((look.seconds, _around(shown.pixels, look.box, shown.factor), caption))
    return pictures


def _around(pixels: np.ndarray, box: tuple[int, int, int, int], factor: float) -> np.ndarray:
    """A square part of a shown frame, twice as wide as a face."""
    x, y, width, height = (value * factor for value in box)
    reach = max(width, height)
    left, top = (max(0, round(middle - reach)) for middle in (x + width / 2, y + height / 2))
    part = pixels[top : round(y + height / 2 + reach), left : round(x + width / 2 + reach)]
    return np.ascontiguousarray(part)
