"""The verdict as HTML: readable without colours, without the picture, and by a screen reader."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from deepley.verdict import words
from deepley.verdict.calibration import Calibration, Evidence, of_release
from deepley.verdict.photo import PhotoVerdict

if TYPE_CHECKING:
    from deepley.network.release import Release

COLOURS = {
    Evidence.NONE: "#0f766e",
    Evidence.INCONCLUSIVE: "#94a3b8",
    Evidence.WEAK: "#fbbf24",
    Evidence.MODERATE: "#f59e0b",
    Evidence.STRONG: "#ea580c",
    Evidence.VERY_STRONG: "#b91c1c",
}
"""Of the bands; never the only thing that tells them apart."""


def message(state: str, title: str, text: str) -> str:
    """A card without a score; `state` is what it waits for or how it ended."""
    return _card(state, f"<h2>{escape(title)}</h2><p>{escape(text)}</p>")


def verdict(found: PhotoVerdict, face: int, release: Release) -> str:
    """The card of one face of a photo.

    Args:
        found: Verdict of the photo.
        face: Index of the face.
        release: That judged it.
    """
    if found.reason:
        return message("done", "Not applicable", found.reason)
    chosen, calibration = found.verdicts[face], of_release(release)
    several = len(found.verdicts) > 1
    parts = [f'<p class="quiet">Face {face + 1} of {len(found.verdicts)}</p>' if several else ""]
    parts.append(f"<h2>{words.HEADLINES[chosen.evidence]}</h2><p>{escape(words.meaning(chosen))}</p>")
    parts.append(gauge(chosen.score, calibration) + _legend(chosen.evidence, calibration))
    parts.append(f"<h3>Would it hold?</h3><p>{escape(words.stability(chosen))}</p>{_treated(chosen.stability)}")
    parts += [f"<p>{escape(extra)}</p>"] if (extra := words.left_out(found)) else []
    parts.append(f'<p class="quiet">{escape(words.trained(release.config))}</p>')
    return _card("done", "".join(parts))


def provenance(found: PhotoVerdict) -> str:
    """What the file says of itself."""
    told = "".join(f"<li>{escape(sentence)}</li>" for sentence in found.provenance.sentences())
    file = found.file
    return (
        f'<section class="panel"><h3>What the file says of itself</h3><ul>{told}</ul><p class="quiet">'
        f"{escape(file.format)}, {file.width} x {file.height} px, {file.size / 1000:,.0f} kB. Anybody can write, "
        "change or remove such data. It does not touch the score.</p></section>"
    )


def gauge(score: float, calibration: Calibration) -> str:
    """The score on a bar of its bands, linear in the score, with the threshold; and the same in words."""
    strips = "".join(
        f'<span style="left: {low:.2%}; width: {high - low:.2%}; background: {COLOURS[band]}" title="{band}"></span>'
        for band, low, high in words.bands(calibration)
    )
    label = min(max(score, 0.03), 0.97)  # the figure and the words stay inside the card; the lines are exact
    words_at = min(max(calibration.threshold, 0.2), 0.8)
    said = f"Score {score:.2f} on a scale from 0 to 1; evidence starts at {calibration.threshold:.2f}."
    return (
        f'<div class="gauge" role="img" aria-label="{said}">'
        f'<div class="score" style="left: {label:.2%}">{score:.2f}</div><div class="bands">{strips}</div>'
        f'<div class="mark" style="left: {score:.2%}"></div>'
        f'<div class="tick" style="left: {calibration.threshold:.2%}"></div>'
        f'<div class="edge" style="left: {words_at:.2%}">evidence from {calibration.threshold:.2f}</div></div>'
    )


def _legend(current: Evidence, calibration: Calibration) -> str:
    """The bands by name with the score they start at; the verdict's own is marked by more than its colour."""
    items = []
    for band, low, _ in words.bands(calibration):
        mark = ' aria-current="true"' if band is current else ""
        items.append(f'<li{mark}><i style="background: {COLOURS[band]}"></i>{band} <small>{low:.2f}</small></li>')
    return f'<ul class="legend" aria-label="Bands and the score each starts at">{"".join(items)}</ul>'


def _treated(stability: object) -> str:
    cells = {"as it is": stability.score, **stability.treated}
    pairs = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{score:.2f}{' (flips)' if name in stability.flips else ''}</dd></div>"
        for name, score in cells.items()
    )
    return f'<dl class="treated">{pairs}</dl>'


def _card(state: str, content: str) -> str:
    return f'<section class="verdict" data-state="{state}" aria-live="polite">{content}</section>'
