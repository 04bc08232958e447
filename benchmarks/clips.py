"""Measures the shipped release on real and manipulated clips from other sources.

    python -m benchmarks.clips SETS [--release DIR] [--seconds 3] [--store]

SETS holds one folder per set, with clips in real/SCENE/ and fake/SCENE/. The first seconds of each clip are checked as
page and command line check them, and the face with the strongest evidence stands for the clip. "AUC" uses the score
that the verdict is based on; "AUC of changes" covers the clips in which changes were judged. A clip counts as called
fake if its verdict states evidence of manipulation. Intervals are 95 % bootstrap over scenes: the real and fake clips
of a scene are resampled together. --store adds the figures to the release and its card. The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import collections
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score
from tqdm import tqdm

from deepley.config import DEFAULT_RELEASE, VideoLimits
from deepley.records import SCHEMA_VERSION
from deepley.training.measure import intervals
from deepley.training.measure.intervals import Figures
from deepley.training.release import finish, model_card
from deepley.verdict.calibration import Evidence
from deepley.verdict.detector import Detector
from deepley.video import reader
from deepley.video.verdict import TrackVerdict
from deepley.video.watcher import Watcher

LABELS = {"real": 0, "fake": 1}


@dataclass(frozen=True)
class Clip:
    """A judged clip.

    Attributes:
        label: 0 = real, 1 = fake.
        scene: Name of the scene that it shows.
        face: Verdict on the face with the strongest evidence.
    """

    label: int
    scene: str
    face: TrackVerdict


def judged(folder: Path, watcher: Watcher, limits: VideoLimits) -> tuple[list[Clip], collections.Counter[str]]:
    """The clips of a set, and the number that could not be judged by reason."""
    clips: list[Clip] = []
    without: collections.Counter[str] = collections.Counter()
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in reader.SUFFIXES)
    for path in tqdm(paths, desc=folder.name, unit=" clips", mininterval=10):
        label, scene = path.relative_to(folder).parts[:2]
        try:
            verdict = watcher.check(path, limits)
        except reader.VideoError:
            without["could not be read"] += 1
            continue
        if verdict.tracks:
            clips.append(Clip(LABELS[label], scene, verdict.tracks[verdict.strongest]))
        else:
            without["had no usable face"] += 1
    return clips, without


def figures(clips: list[Clip]) -> Figures:
    """The figures of a set with their intervals: a row of `model_card.comparison`."""
    labels = np.array([clip.label for clip in clips])
    evidence = [clip.face.evidence for clip in clips]
    unsure = np.array([band is Evidence.INCONCLUSIVE for band in evidence])
    flagged = ~unsure & np.array([band is not Evidence.NONE for band in evidence])
    scores = {
        "auc_frames": [clip.face.spatial for clip in clips],
        "auc_changes": [np.nan if clip.face.temporal is None else clip.face.temporal for clip in clips],
        "auc": [clip.face.score for clip in clips],
    }

    def values(pick: np.ndarray) -> dict[str, float]:
        truth = labels[pick]
        found = {}
        for name, each in scores.items():
            kept = np.asarray(each, float)[pick]
            there = ~np.isnan(kept)
            if len(set(truth[there])) == 2:
                found[name] = float(roc_auc_score(truth[there], kept[there]))
        for name, label in (("false_positive_rate", 0), ("recall", 1)):
            if (truth == label).any():
                found[name] = float(flagged[pick][truth == label].mean())
        judged_over_time = float((~np.isnan(np.asarray(scores["auc_changes"], float)))[pick].mean())
        return found | {"inconclusive": float(unsure[pick].mean()), "changes_judged": judged_over_time}

    scenes: dict[str, list[int]] = {}
    for i, clip in enumerate(clips):
        scenes.setdefault(clip.scene, []).append(i)
    scheme = intervals.together([np.array(places) for places in scenes.values()])
    counts = {"n": len(clips), "real": int((labels == 0).sum()), "scenes": len(scenes)}
    return counts | intervals.bootstrap(values, len(clips), scheme)


def main() -> None:
    """Prints the table and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", type=Path)
    parser.add_argument("--release", type=Path, default=DEFAULT_RELEASE)
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds checked of each clip, from its start")
    parser.add_argument("--store", action="store_true", help="add the figures to the release and its card")
    options = parser.parse_args()
    watcher, limits = Watcher(Detector(options.release)), VideoLimits(max_seconds=options.seconds)
    found, left_out = {}, {}
    for folder in sorted(path for path in options.sets.iterdir() if path.is_dir()):
        clips, without = judged(folder, watcher, limits)
        left_out[folder.name] = dict(without)
        if clips:
            found[folder.name] = figures(clips)
    heading, first = model_card.FURTHER["clips_elsewhere"]
    print(f"{heading}\n\n{model_card.comparison(found, first)}\n\nleft out: {left_out}")
    if options.store:
        finish.add(options.release, {"clips_elsewhere": found})
    loaded = watcher.detector.release
    print(json.dumps({"schema": SCHEMA_VERSION, "release": loaded.name, "left_out": left_out, "sets": found}))


if __name__ == "__main__":
    main()
