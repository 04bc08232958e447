"""The HTML of a checked clip: progress, verdict, one frame, and one panel for each face."""

from __future__ import annotations

from markupsafe import Markup

from deepley.explain.drawing import data_url
from deepley.ui.parts import html
from deepley.ui.parts import verdict_card as card
from deepley.verdict.words import HEADLINES, HEATMAP_NOTE
from deepley.video import words
from deepley.video.verdict import ClipVerdict
from deepley.video.watcher import Step, Watcher


def progress(step: Step) -> Markup:
    """The card of a check that is under way."""
    return html.render("clip_progress", state="working", step=step)


def verdict(found: ClipVerdict, watcher: Watcher) -> Markup:
    """The card of a checked clip: the face that decides, or why no face could be judged."""
    if not found.tracks:
        notes = [found.reading.part] if found.reading.part else []
        return card.message("done", words.headline(found), found.reason or "", *notes)
    track = found.tracks[found.strongest]
    return html.render(
        "clip",
        state="done",
        words=words,
        verdict=found,
        track=track,
        gauge=card.gauge(track.score, watcher.calibration(track)),
        trained=words.trained(watcher),
    )


def frame(found: ClipVerdict, seconds: float) -> Markup:
    """The sampled frame nearest to a time, with its heatmaps and a caption."""
    index = found.nearest(seconds)
    pixels, numbers = found.overlay(index)
    at = found.shown[index].seconds
    scores = ", ".join(
        f"face {track.number} scores {score:.2f}"
        for track in found.tracks
        for look, score in zip(track.looks, track.spatial_scores)
        if look.seconds == at
    )
    said = f"At {at:.1f} s: {scores if numbers else 'no face is judged here'}."
    return html.render("frame", said=said, picture=data_url(pixels), note=HEATMAP_NOTE)


def tracks(found: ClipVerdict) -> Markup:
    """One panel for each face, and a sentence about faces that were not judged."""
    return html.render("tracks", verdict=found, words=words, headlines=HEADLINES)
