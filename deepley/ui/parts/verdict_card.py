"""The verdict as HTML: readable without colours, without the picture, and by a screen reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from deepley.ui.parts import html
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
"""Colours of the bands; a colour is never the only thing that tells two bands apart."""


def message(state: str, title: str, text: str, *notes: str) -> Markup:
    """A card without a score.

    Args:
        state: State of the check, for style sheet and tests: idle, working, done or failed.
        title: Headline.
        text: First paragraph.
        *notes: Further paragraphs.
    """
    return html.render("message", state=state, title=title, text=text, notes=notes)


def verdict(found: PhotoVerdict, face: int, release: Release) -> Markup:
    """The card of one face of a photo.

    Args:
        found: Verdict on the photo.
        face: Index of the face.
        release: Release that gave the verdict.
    """
    if found.reason:
        return message("done", "Not applicable", found.reason)
    chosen, calibration = found.verdicts[face], of_release(release)
    several = f"Face {face + 1} of {len(found.verdicts)}" if len(found.verdicts) > 1 else ""
    return html.render(
        "verdict",
        state="done",
        words=words,
        chosen=chosen,
        several=several,
        gauge=gauge(chosen.score, calibration),
        bands=words.bands(calibration),
        colours=COLOURS,
        left_out=words.left_out(found),
        trained=words.trained(release.config),
    )


def provenance(found: PhotoVerdict) -> Markup:
    """The panel with the file's metadata."""
    return html.render("provenance", sentences=found.provenance.sentences(), file=found.file)


def gauge(score: float, calibration: Calibration) -> Markup:
    """The score on a bar of its bands, linear in the score, with the threshold; and the same in words."""
    return html.render(
        "gauge",
        score=score,
        threshold=calibration.threshold,
        bands=words.bands(calibration),
        colours=COLOURS,
        label=min(max(score, 0.03), 0.97),  # the texts stay inside the card; the lines are exact
        edge=min(max(calibration.threshold, 0.2), 0.8),
    )
