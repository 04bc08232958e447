"""A clip's verdict as JSON, as CSV, and as one line."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from deepley.records import SCHEMA_VERSION
from deepley.video import changes
from deepley.video.verdict import ClipVerdict, TrackVerdict
from deepley.video.watcher import Watcher

COLUMNS = (
    "track", "seconds", "shot", "x", "y", "width", "height", "spatial score", "temporal score", *changes.NAMES,
)  # fmt: skip
"""Columns of `to_csv`."""


def to_json(verdict: ClipVerdict | None, watcher: Watcher, error: str | None = None) -> dict[str, Any]:
    """Writes a checked clip as plain JSON types; exactly one of `verdict` and `error` is given.

    Args:
        verdict: Verdict on the clip, or None.
        watcher: Watcher that checked it.
        error: Reason why it could not be checked, or None.
    """
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


def _track(track: TrackVerdict) -> dict[str, Any]:
    """The verdict on one face as plain JSON types."""
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
                "features": None if look.features is None else dict(zip(changes.NAMES, map(float, look.features))),
            }
            for look, spatial, over_time in zip(track.looks, track.spatial_scores, track.temporal_scores)
        ],
    }


def to_csv(verdict: ClipVerdict) -> str:
    """A CSV with a line for each face and sampled frame; its columns are `COLUMNS`."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    shots = {shown.seconds: shown.shot for shown in verdict.shown}
    for track in verdict.tracks:
        for look, spatial, over_time in zip(track.looks, track.spatial_scores, track.temporal_scores):
            features = [""] * len(changes.NAMES) if look.features is None else [f"{x:.5f}" for x in look.features]
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


def line(result: Mapping[str, Any]) -> str:
    """A clip's JSON as one line of text, without the name of the file."""
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
