"""A clip's verdict in words: one vocabulary for page, command line and report."""

from __future__ import annotations

from deepley.verdict.words import HEADLINES
from deepley.video.verdict import BRIEF, ClipVerdict, TrackVerdict
from deepley.video.watcher import Watcher


def headline(verdict: ClipVerdict) -> str:
    """The verdict on the clip in a few words: that of its strongest track."""
    return HEADLINES[verdict.tracks[verdict.strongest].evidence] if verdict.tracks else "Not applicable"


def which(verdict: ClipVerdict) -> str:
    """A sentence that names the track the verdict is based on and the time of its strongest evidence.

    Args:
        verdict: Verdict with at least one track.
    """
    track = verdict.tracks[verdict.strongest]
    whose = f"Face {track.number} of {len(verdict.tracks)}" if len(verdict.tracks) > 1 else "The one face"
    first, last = track.looks[0].seconds, track.looks[-1].seconds
    at = track.looks[track.peak].seconds
    what = "its evidence is strongest" if track.decided == "both" else "its single frames score highest"
    return f"{whose}, seen from {first:.1f} to {last:.1f} s; {what} at {at:.1f} s."


def basis(track: TrackVerdict) -> str:
    """The basis of the verdict on a track, in a sentence or two."""
    if track.brief:
        return f"The face was seen in fewer than {BRIEF} pairs of frames, too briefly to be judged."
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
    """The faces that were not judged, in a sentence or two; None if all were."""
    said = []
    if verdict.left_out:
        said.append(f"Faces too small or too blurred to be judged: {verdict.left_out}.")
    if verdict.beyond:
        said.append(f"Faces not followed, as there were larger ones: up to {verdict.beyond} at one time.")
    return " ".join(said) or None


def trained(watcher: Watcher) -> str:
    """What the temporal head was trained on and its figures, in two sentences; or that there is none."""
    if watcher.head is None:
        return "This release judges single frames only."
    details = watcher.head.details
    found, n = details["figures"]["auc"], details["figures"]["n"]
    said = ", ".join(
        f"{name} {found[key]['value']:.2f} ({found[key]['low']:.2f} to {found[key]['high']:.2f})"
        for key, name in (("spatial", "single frames"), ("temporal", "changes"), ("both", "both"))
    )
    return (
        f"Changes between frames were learnt from {details['origin']}. On {n['real']} real and {n['blended']} "
        f"blended clips like those, of photos held out, the area under the ROC is (95 % interval): {said}."
    )
