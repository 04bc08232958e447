"""A verdict in words: one vocabulary for page, report and text. Needs no network."""

from __future__ import annotations

from collections.abc import Sequence

from deepley.config import FaceLimits
from deepley.explain.heatmap import regions
from deepley.photo.faces import Face
from deepley.records import JsonObject
from deepley.verdict.calibration import Calibration, Evidence
from deepley.verdict.photo import PhotoVerdict, Verdict

HEADLINES = {
    Evidence.NONE: "No evidence of manipulation found",
    Evidence.INCONCLUSIVE: "Inconclusive",
    Evidence.WEAK: "Weak evidence of manipulation",
    Evidence.MODERATE: "Moderate evidence of manipulation",
    Evidence.STRONG: "Strong evidence of manipulation",
    Evidence.VERY_STRONG: "Very strong evidence of manipulation",
}

_MEANINGS = {
    Evidence.NONE: "The network saw no trace of the manipulations it knows. "
    "That does not show that the photo is real or unedited.",
    Evidence.INCONCLUSIVE: "The score is higher than that of most real photos, "
    "but not high enough to count as evidence.",
    Evidence.WEAK: "Few real photos score this high, but some do. Treat it as a hint to look further.",
    Evidence.MODERATE: "Suspicious, but not conclusive. Look for the source of the photo.",
    Evidence.STRONG: "The face looks to the network like manipulated ones.",
    Evidence.VERY_STRONG: "The face looks to the network very much like manipulated ones.",
}

_KINDS = {
    "generated": "generated whole, as by a face generator",
    "blended": "blended into the picture, as in a face swap or by retouching",
}

HEATMAP_NOTE = "A heatmap shows where the network looked. It proves nothing."


def meaning(verdict: Verdict) -> str:
    """Says what the band of evidence means, or why the verdict is inconclusive."""
    if verdict.strange:
        return (
            "The face is unlike anything that this model was trained on, so its score means little. Drawings, masks, "
            "unusual light and heavy filters are possible reasons."
        )
    if verdict.stability.flips:
        return (
            "The verdict is not robust: the score crosses the threshold under "
            f"{_list(verdict.stability.flips)}. Try a version of the photo of better quality."
        )
    return " ".join([_MEANINGS[verdict.evidence], *_kinds(verdict)])


def _kinds(verdict: Verdict) -> list[str]:
    """The kinds of manipulation that the evidence points to, in at most one sentence."""
    named = " or ".join(_KINDS.get(kind, kind) for kind in verdict.kinds)
    return [f"The traces are those of a face {named}."] if named else []


def stability(verdict: Verdict) -> str:
    """Says whether the verdict is robust to the usual treatments."""
    scores = verdict.stability
    low, high = f"{scores.low:.2f}", f"{scores.high:.2f}"
    spread = f"stays at {low}" if low == high else f"lies between {low} and {high}"
    spread = f"under {_list(tuple(scores.treated))}, the score {spread}"
    if scores.flips:
        return f"The verdict is not robust: {spread}, on both sides of the threshold at {scores.threshold:.2f}."
    return f"The verdict is robust: {spread}, on the same side of the threshold at {scores.threshold:.2f}."


def looked(verdict: Verdict) -> str:
    """Says where the network looked, as a text alternative to the heatmap."""
    shares = list(regions(verdict.heatmap).items())
    if not shares:
        return "No part of the face supports this verdict more than the opposite one."
    (first, most), (second, next_most) = shares[:2]
    return f"Most of the weight lies on the {first} ({most:.0%}), then on the {second} ({next_most:.0%})."


def trained(config: JsonObject) -> str:
    """Says what a release was trained to detect, and what it was not.

    Args:
        config: Content of the release's config.json.
    """
    origins = [each["data"]["origin"] for each in (config, *config.get("ancestors", ()))]
    return (
        f"Trained on: {'; before that, on: '.join(origins)}. Other generators, other ways to swap a face, and "
        f"retouching may go undetected. Release {config['name']} of {config['created']}."
    )


def left_out(verdict: PhotoVerdict) -> str | None:
    """Says that further faces were not judged; None if there are none."""
    if not verdict.verdicts or not verdict.left_out:
        return None
    one = verdict.left_out == 1
    faces = "One more face was not judged: it is" if one else f"{verdict.left_out} more faces were not judged: they are"
    return f"{faces} too small or too blurred, or there are too many faces."


def bands(cut: Calibration) -> list[tuple[Evidence, float, float]]:
    """Every band of evidence with its lowest and highest score, without bands that lie below the threshold."""
    edges = [0.0, cut.doubt, cut.threshold]
    edges += [max(cut.threshold, edge) for edge in (cut.moderate, cut.strong, cut.very_strong)] + [1.0]
    return [(band, low, high) for band, low, high in zip(Evidence, edges, edges[1:]) if high > low]


def box(verdict: Verdict) -> str:
    """Says where the face is in the photo."""
    x, y, width, height = verdict.face.box
    return f"{width} x {height} px at {x}, {y}"


def _list(items: tuple[str, ...]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def no_verdict(found: Sequence[Face], large: Sequence[Face], limits: FaceLimits) -> str:
    """Says why no face of a photo can be judged.

    Args:
        found: All faces, largest first.
        large: Faces that are large enough.
        limits: Limits that say how large and sharp a face must be.
    """
    if large:
        return (
            "The face is too blurred: there is not enough detail left to judge. Try a sharper version of the photo, "
            "one that was not enlarged."
        )
    if found:
        return (
            f"The largest face is {found[0].side} pixels wide or high; below {limits.min_side} pixels the scores are "
            "not reliable. Try a larger version of the photo."
        )
    return (
        f"No face was found. Try a photo in which a face is upright, turned to the camera and at least "
        f"{limits.min_side} pixels wide; drawings and faces seen from the side are not judged."
    )
