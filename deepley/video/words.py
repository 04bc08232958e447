"""A clip's verdict in words, as JSON and as CSV: one vocabulary for page and command line."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict

from deepley.records import SCHEMA_VERSION
from deepley.verdict.words import HEADLINES
from deepley.video import temporal
from deepley.video.clip import Watcher
from deepley.video.verdict import BRIEF, ClipVerdict, TrackVerdict

COLUMNS = (
    "track", "seconds", "shot", "x", "y", "width", "height", "spatial score", "temporal score", *temporal.NAMES,
)  # fmt: skip
"""Of `to_csv`."""


def headline(verdict: ClipVerdict) -> str:
    """The clip's verdict: that of its strongest track."""
    return HEADLINES[verdict.tracks[verdict.strongest].evidence] if verdict.tracks else "Not applicable"


def which(verdict: ClipVerdict) -> str:
    """Which track the verdict is of, and when its evidence is strongest; there must be one."""
    track = verdict.tracks[verdict.strongest]
    whose = f"Face {track.number} of {len(verdict.tracks)}" if len(verdict.tracks) > 1 else "The one face"
    first, last = track.looks[0].seconds, track.looks[-1].seconds
    at = track.looks[track.peak].seconds
    what = "its evidence is strongest" if track.decided == "both" else "its single frames score highest"
    return f"{whose}, seen from {first:.1f} to {last:.1f} s; {what} at {at:.1f} s."


def basis(track: TrackVerdict) -> str:
    """What the verdict of a track rests on, in a sentence or two."""
    if track.brief:
        return f"It was seen in fewer than {BRIEF} pairs of frames, too briefly to be judged."
    if track.strange:
        return "The face is unlike anything that this model was trained on, so its score means little."
    spatial = f"Single frames: {track.spatial:.2f}."
    if track.temporal is None:
        return f"{spatial} {track.why}"
    between = f"{spatial} Changes between frames: {track.temporal:.2f}."
    if track.decided == "frames":
        return f"{between} The single frames decide: their evidence is stronger than that of both together."
    return f"{between} Both together: {track.score:.2f}."


def left_out(verdict: ClipVerdict) -> str | None:
    """Which faces were not judged, in a sentence or two; None if all were."""
    said = []
    if verdict.left_out:
        said.append(f"Faces too small or too blurred to be judged: {verdict.left_out}.")
    if verdict.beyond:
        said.append(f"Faces not followed, as there were larger ones: up to {verdict.beyond} at one time.")
    return " ".join(said) or None


def trained(watcher: Watcher) -> str:
    """What the temporal head was trained to see, or that there is none."""
    if watcher.head is None:
        return "This release judges single frames only."
    details = watcher.head.details
    found, n = details["figures"]["auc"], details["figures"]["n"]
    said = ", ".join(
        f"{name} {found[key]['value']:.2f} ({found[key]['low']:.2f} to {found[key]['high']:.2f})"
        for key, name in (("spatial", "single frames"), ("temporal", "changes"), ("both", "both"))
    )
    return (
        f"What changes between frames was learnt from {details['origin']}. On {n['real']} real and {n['blended']} "
        f"blended clips like those, of photos held out, the area under the ROC is (95 % interval): {said}."
    )


def to_json(verdict: ClipVerdict | None, watcher: Watcher, error: str | None = None) -> dict:
    """One checked clip as plain JSON types; exactly one of `verdict` and `error` is given."""
    strongest = verdict.tracks[verdict.strongest] if verdict and verdict.tracks else None
    return {
        "schema": SCHEMA_VERSION,
        "error": error,
        "reason": verdict.reason if verdict else None,
        "part": verdict.reading.part if verdict else None,
        "evidence": str(strongest.evidence) if strongest else None,
        "strongest": {"track": strongest.number, "seconds": strongest.looks[strongest.peak].seconds}
        if strongest
        else None,
        "tracks": [_track(track) for track in (verdict.tracks if verdict else ())],
        "left_out": verdict.left_out if verdict else 0,
        "not_followed": verdict.beyond if verdict else 0,
        "cuts": list(verdict.reading.cuts) if verdict else [],
        "analysed": [verdict.reading.start, verdict.reading.end] if verdict else None,
        "file": {"sha256": verdict.sha256, **asdict(verdict.reading.facts)} if verdict else None,
        "release": watcher.detector.release.name,
        "sha256": watcher.detector.release.sha256,
    }


def _track(track: TrackVerdict) -> dict:
    return {
        "track": track.number,
        "evidence": str(track.evidence),
        "score": track.score,
        "decided": track.decided,
        "spatial": track.spatial,
        "temporal": track.temporal,
        "temporal_reason": track.why,
        "brief": track.brief,
        "strange": track.strange,
        "frames": [
            {
                "seconds": look.seconds,
                "box": list(look.box),
                "spatial": float(spatial),
                "temporal": None if math.isnan(over_time) else float(over_time),
                "features": None if look.features is None else dict(zip(temporal.NAMES, map(float, look.features))),
            }
            for look, spatial, over_time in zip(track.looks, track.spatial_scores, track.temporal_scores)
        ],
    }


def to_csv(verdict: ClipVerdict) -> str:
    """One line a face and sampled frame; the columns are `COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    shots = {shown.seconds: shown.shot for shown in verdict.shown}
    for track in verdict.tracks:
        for look, spatial, over_time in zip(track.looks, track.spatial_scores, track.temporal_scores):
            features = [""] * len(temporal.NAMES) if look.features is None else [f"{x:.5f}" for x in look.features]
            between = "" if math.isnan(over_time) else f"{over_time:.4f}"
            writer.writerow(
                (
                    track.number,
                    f"{look.seconds:.3f}",
                    shots[look.seconds],
                    *look.box,
                    f"{spatial:.4f}",
                    between,
                    *features,
                )
            )
    return text.getvalue()


def line(result: dict) -> str:
    """A clip's JSON in one line, without its name."""
    if result["error"]:
        return f"error: {result['error']}"
    if result["reason"]:
        return f"not applicable: {result['reason']}"
    tracks = "; ".join(
        f"face {track['track']}: {track['evidence']} (score {track['score']:.3f})" for track in result["tracks"]
    )
    strongest = result["strongest"]
    part = f" {result['part']}" if result["part"] else ""
    return (
        f"evidence of manipulation: {result['evidence']}, by face {strongest['track']} at {strongest['seconds']:.1f} s "
        f"[{tracks}]{part}"
    )
