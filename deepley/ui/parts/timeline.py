"""The scores of a clip over time, as a figure to click on."""

from __future__ import annotations

import plotly.graph_objects as go

from deepley.ui.parts import charts
from deepley.ui.parts.verdict_card import COLOURS
from deepley.verdict import words
from deepley.verdict.calibration import Calibration
from deepley.video.verdict import ClipVerdict

_TRACKS = ("#0d9488", "#7c3aed", "#2563eb", "#db2777", "#65a30d")


def figure(verdict: ClipVerdict, calibration: Calibration) -> go.Figure:
    """Scores of single frames (solid) and of the changes between them (dashed), per track, over the bands of frames.

    Args:
        verdict: Verdict on a clip with at least one track.
        calibration: Calibration of the detector.
    """
    drawn = charts.blank("Scores over time", "seconds", "score")
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
    if verdict.reading.cuts:  # one line with gaps: a shape a cut takes minutes where there are hundreds
        drawn.add_scatter(
            x=[at for cut in verdict.reading.cuts for at in (cut, cut, None)],
            y=[0, 1, None] * len(verdict.reading.cuts),
            name="cuts", mode="lines", line={"color": charts.GREY, "width": 1, "dash": "dot"}, hoverinfo="skip",
        )  # fmt: skip
    # The legend stands below: above, on a phone, it would cover the title.
    drawn.update_layout(showlegend=True, legend={"y": -0.22, "yanchor": "top"}, height=400, margin={"t": 48})
    drawn.update_xaxes(range=[verdict.reading.start - 0.2, verdict.reading.end + 0.2])
    drawn.update_yaxes(range=[-0.02, 1.02])
    return drawn
