"""The report on a clip as one self-contained HTML file, and its filmstrip."""

from __future__ import annotations

import datetime
from pathlib import Path

import numpy as np

from deepley.explain.drawing import data_url
from deepley.verdict.report import PAGES
from deepley.verdict.words import HEADLINES
from deepley.video import words
from deepley.video.verdict import ClipVerdict
from deepley.video.watcher import Watcher

STRIP = 8
"""Number of frames on the filmstrip."""

_PAGE = PAGES.from_string((Path(__file__).parent / "clip.html").read_text())


def html(verdict: ClipVerdict, watcher: Watcher, name: str) -> str:
    """The report as one HTML page that needs no other file.

    Args:
        verdict: Verdict on the clip.
        watcher: Watcher that checked it.
        name: Name of the file on its owner's machine.
    """
    read, known = verdict.reading, verdict.reading.facts
    facts = [
        ("File", name),
        ("SHA-256", verdict.sha256),
        ("Clip", f"{known.format}, {known.codec}, {known.width} x {known.height} px, {known.size:,} bytes"),
        (
            "Analysed",
            f"{read.start:.1f} to {read.end:.1f} s, {len(verdict.shown)} pairs of frames",
        ),
        ("Checked", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]
    return _PAGE.render(
        facts=facts,
        verdict=verdict,
        words=words,
        headlines=HEADLINES,
        trained=words.trained(watcher),
        release=watcher.detector.release,
        strip=[(data_url(picture), caption) for _, picture, caption in filmstrip(verdict)],
    )


def filmstrip(verdict: ClipVerdict) -> list[tuple[float, np.ndarray, str]]:
    """The frames with the highest scores, in order of time.

    Args:
        verdict: Verdict on the clip.

    Returns:
        (seconds, (h, w, 3) uint8 picture of the face and its surroundings, caption) for at most `STRIP` frames.
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
        whose = f", face {track.number}" if len(verdict.tracks) > 1 else ""
        caption = f"{look.seconds:.1f} s{whose}: {score:.2f}"
        pictures.append((look.seconds, _around(shown.pixels, look.box, shown.factor), caption))
    return pictures


def _around(pixels: np.ndarray, box: tuple[int, int, int, int], factor: float) -> np.ndarray:
    """A square part of a shown frame, twice as wide as the face in `box`."""
    x, y, width, height = (value * factor for value in box)
    reach = max(width, height)
    left, top = (max(0, round(middle - reach)) for middle in (x + width / 2, y + height / 2))
    part = pixels[top : round(y + height / 2 + reach), left : round(x + width / 2 + reach)]
    return np.ascontiguousarray(part)
