"""A verdict as one self-contained HTML file, and as text."""

from __future__ import annotations

import base64
import datetime
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from jinja2 import Environment, PackageLoader
from PIL import Image

from deepley.verdict import words
from deepley.verdict.calibration import of_release
from deepley.verdict.photo import PhotoVerdict

if TYPE_CHECKING:
    from deepley.network.release import Release

PAGES = Environment(loader=PackageLoader("deepley", "verdict"), autoescape=True, trim_blocks=True)
"""The templates of reports; `base.html` is what all of them share."""


def html(verdict: PhotoVerdict, release: Release, name: str) -> str:
    """The report as one HTML page that needs no other file.

    Args:
        verdict: Of the photo.
        release: That judged it.
        name: Of the file, as its owner knows it.
    """
    photo, overlay = verdict.overlay()
    return PAGES.get_template("report.html").render(
        facts=_facts(verdict, name),
        words=words,
        verdict=verdict,
        trained=words.trained(release.config),
        release=release,
        calibration=of_release(release),
        figures=_figures(release.metrics),
        photo=_data_url(photo),
        overlay=_data_url(overlay),
        crops=[_data_url(v.face.crop) for v in verdict.verdicts],
    )


def text(verdict: PhotoVerdict, release: Release, name: str) -> str:
    """The report as plain text, for the clipboard; see `html`."""
    lines = ["Deepley CV: how strong is the evidence that a face was generated or swapped?", ""]
    lines += [f"{label}: {value}" for label, value in _facts(verdict, name)]
    lines.append("")
    if verdict.reason:
        lines.append(f"Not applicable. {verdict.reason}")
    for number, v in enumerate(verdict.verdicts, 1):
        lines.append(f"Face {number} ({words.box(v)}): {words.HEADLINES[v.evidence]}, score {v.score:.2f}.")
        lines += [words.meaning(v), words.stability(v), words.looked(v)]
    lines += [extra] if (extra := words.left_out(verdict)) else []
    lines += ["", "What the file says of itself:", *verdict.provenance.sentences(), "", words.trained(release.config)]
    lines.append(f"Evidence starts at a score of {of_release(release).threshold:.2f}. {words.HEATMAP_NOTE}")
    return "\n".join(lines)


def _facts(verdict: PhotoVerdict, name: str) -> list[tuple[str, str]]:
    file = verdict.file
    return [
        ("File", name),
        ("SHA-256", file.sha256),
        ("Picture", f"{file.format}, {file.width} x {file.height} px, {file.size:,} bytes"),
        ("Checked", datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")),
    ]


def _figures(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    """What the release's card says of it: each set's accuracy, false positives and recall."""
    told = []
    for name, measured in metrics.get("sets", {}).items():
        parts = (
            f"{label} {measured[key]['value']:.1%} ({measured[key]['low']:.1%} to {measured[key]['high']:.1%})"
            for key, label in (
                ("accuracy", "accuracy at score 0.5"),
                ("false_positive_rate", "real photos called fake"),
                ("recall", "fakes found"),
            )
        )
        told.append((f"{name}, n = {measured['n']:,}", "; ".join(parts)))
    return told


def _data_url(pixels: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
