"""The training curves of a release as a picture for its card: the Hub shows no plots that need a program."""

from __future__ import annotations

import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from deepley.training.fit.checkpoint import Row

_TRAIN, _VALID, _INK, _GRID = "#0d9488", "#ea580c", "#4b5563", "#d1d5db"
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 500, 360, 64, 40, 16, 44


def picture(history: Sequence[Row]) -> bytes:
    """Draws loss and accuracy by round, with the phases marked.

    Args:
        history: Rows of history.csv.

    Returns:
        A PNG of 1000 x 360 pixels.
    """
    drawn = Image.new("RGB", (2 * _WIDTH, _HEIGHT), "white")
    for panel, what in enumerate(("loss", "accuracy")):
        _panel(ImageDraw.Draw(drawn), panel * _WIDTH, what, history)
    content = io.BytesIO()
    drawn.save(content, "PNG")
    return content.getvalue()


def _panel(draw: ImageDraw.ImageDraw, left: int, what: str, history: Sequence[Row]) -> None:
    """Draws one panel: the curves of training and validation."""
    font = ImageFont.load_default(13)
    values = [float(row[name]) for row in history for name in (what, f"val_{what}")]
    low, high = min(values), max(max(values), min(values) + 1e-6)
    last = max(len(history) - 1, 1)

    def at(i: float, value: float) -> tuple[float, float]:
        across = left + _LEFT + (_WIDTH - _LEFT - _RIGHT) * i / last
        return across, _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / (high - low)

    for step in range(5):
        value = low + (high - low) * step / 4
        draw.line([at(0, value), at(last, value)], _GRID)
        draw.text((left + _LEFT - 8, at(0, value)[1]), f"{value:.2f}", _INK, font, "rm")
    for i, row in enumerate(history):
        if i == 0 or row["phase"] != history[i - 1]["phase"]:
            draw.line([at(i, low), at(i, high)], _INK)
            draw.text((at(i, low)[0] + 3, _HEIGHT - _BOTTOM + 4), str(row["phase"]), _INK, font, "la")
    for name, colour in ((what, _TRAIN), (f"val_{what}", _VALID)):
        points = [at(i, float(row[name])) for i, row in enumerate(history)]
        draw.line(points, colour, 2)
        for x, y in points:
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), colour)
    for x, text, colour in ((0, what, _INK), (120, "training", _TRAIN), (220, "validation", _VALID)):
        draw.text((left + _LEFT + x, _TOP / 2), text, colour, ImageFont.load_default(16), "lm")
    draw.text((left + _WIDTH - _RIGHT, _HEIGHT - 6), f"round {len(history)}", _INK, font, "rd")
