"""The report on a photo, as one self-contained HTML file and as text."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader

from deepley.explain.drawing import data_url
from deepley.records import JsonObject
from deepley.verdict import words
from deepley.verdict.calibration import of_release
from deepley.verdict.photo import PhotoVerdict

if TYPE_CHECKING:
    from deepley.network.release import Release

PAGES = Environment(loader=PackageLoader("deepley", "verdict"), autoescape=True, trim_blocks=True)
"""The templates of reports; all of them extend `base.html`."""


def html(verdict: PhotoVerdict, release: Release, name: str) -> str:
    """Makes the report as one HTML page that needs no other file.

    Args:
        verdict: Verdict on the photo.
        release: Release that gave it.
        name: Name under which the owner of the file knows it.

    Returns:
        The page.
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
        photo=data_url(photo),
        overlay=data_url(overlay),
        crops=[data_url(v.face.crop) for v in verdict.verdicts],
    )


def text(verdict: PhotoVerdict, release: Release, name: str) -> str:
    """Makes the report as plain text, for the clipboard; see `html`."""
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


def _figures(metrics: JsonObject) -> list[tuple[str, str]]:
    """Accuracy, false positives and recall of the release on each set, in words."""
    rows = []
    for name, measured in metrics.get("sets", {}).items():
        parts = (
            f"{label} {measured[key]['value']:.1%} ({measured[key]['low']:.1%} to {measured[key]['high']:.1%})"
            for key, label in (
                ("accuracy", "accuracy at score 0.5"),
                ("false_positive_rate", "real photos called fake"),
                ("recall", "fakes found"),
            )
        )
        rows.append((f"{name}, n = {measured['n']:,}", "; ".join(parts)))
    return rows
