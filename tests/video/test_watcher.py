import copy
import csv
import io
import json
import re
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest

from deepley.__main__ import main
from deepley.config import VideoLimits
from deepley.errors import WeightsError
from deepley.network.files import TEMPORAL
from deepley.verdict.calibration import Calibration, Evidence
from deepley.verdict.detector import Detector
from deepley.video import changes, observations, report, temporal_head, words
from deepley.video.reader import Frame, Pair
from deepley.video.record import COLUMNS, to_csv
from deepley.video.temporal_head import Combination, Head
from deepley.video.tracks import Tracker
from deepley.video.verdict import ClipVerdict
from deepley.video.watcher import Step, Watcher
from tests.video import film


@pytest.fixture(scope="module")
def clip(tmp_path_factory, astronaut):
    """Six seconds of a face that moves; half a second without it."""

    def frames():
        for i in range(150):
            x = 60 + round(40 * np.sin(i / 20))
            yield np.full((320, 320, 3), 90, np.uint8) if 60 <= i < 73 else astronaut[:320, x : x + 320]

    return film.write(tmp_path_factory.mktemp("clip") / "a.mp4", frames())


@pytest.fixture(scope="module")
def release_with_head(tmp_path_factory, micro_release):
    """The micro release with a temporal head of random weights."""
    folder = tmp_path_factory.mktemp("headed") / "micro"
    shutil.copytree(micro_release, folder)
    detector = Detector(folder)
    size = detector.release.model.output[0].shape[-1] + len(changes.NAMES)
    auc = {key: {"value": 0.5, "low": 0.4, "high": 0.6} for key in ("spatial", "temporal", "both")}
    figures = {"n": {"real": 7, "blended": 7, "control": 7}, "auc": auc}
    details = {"release": "micro", "sha256": detector.release.sha256, "origin": "random numbers", "figures": figures}
    made = Head(
        temporal_head.build(size), np.zeros(size, np.float32), np.ones(size, np.float32), Calibration(),
        Combination(1.0, 1.0, 0.0), Calibration(), details,
    )  # fmt: skip
    temporal_head.save(folder / TEMPORAL, made)
    return folder


@pytest.fixture(scope="module")
def watcher(release_with_head):
    return Watcher(Detector(release_with_head))


@pytest.fixture(scope="module")
def checked(watcher, clip):
    """The steps of a check, and its verdict."""
    return film.drained(watcher.steps(clip))


@pytest.fixture(scope="module")
def verdict(checked):
    return checked[1]


def test_a_check_says_how_far_it_has_come(checked):
    before, verdict = checked
    assert isinstance(verdict, ClipVerdict)
    assert all(isinstance(step, Step) for step in before)
    shares = [step.share for step in before if step.share is not None]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert all(step.left >= 0 for step in before if step.left is not None)


def test_a_verdict_on_a_clip_is_complete(verdict, watcher):
    (track,) = verdict.tracks  # joined across the gap
    assert verdict.reason is None
    assert len(verdict.reading.cuts) == 2
    assert len(verdict.shown) == 12
    assert len(track.looks) == 11
    spatial = Calibration().score(np.mean([look.logit for look in track.looks]))
    assert track.spatial == pytest.approx(float(spatial))
    assert 0 <= track.temporal <= 1
    combined = np.log(track.spatial / (1 - track.spatial)) + np.log(track.temporal / (1 - track.temporal))
    together = float(Calibration().score(combined))
    bands = [Calibration().evidence(score) for score in (track.spatial, together)]
    order = list(Evidence)
    decided = order.index(bands[1]) >= order.index(bands[0])
    assert track.decided == ("both" if decided else "frames")
    assert track.score == pytest.approx(together if decided else track.spatial, abs=1e-4)
    assert track.evidence is watcher.calibration(track).evidence(track.score)
    judged = [look.features is not None for look in track.looks]
    assert sum(judged) >= 10  # where the sway turns, a frame may be the one before
    assert list(np.isfinite(track.temporal_scores)) == judged
    assert words.which(verdict).startswith("The one face, seen from 0.0 to 5.5 s")


@pytest.mark.parametrize(
    ("spatial", "bias", "decided", "evidence"),
    [
        (
            4.0,
            -9.0,
            "frames",
            Evidence.VERY_STRONG,
        ),  # a generated face, which the head does not know
        (-4.0, 12.0, "both", Evidence.VERY_STRONG),  # a blend that flickers, and that single frames do not show
        (-4.0, -4.0, "both", Evidence.NONE),
    ],
)
def test_the_stronger_evidence_decides(watcher, verdict, spatial, bias, decided, evidence):
    seen = [replace(look, logit=spatial) for look in verdict.tracks[0].looks]
    changed = copy.copy(watcher)
    changed.head = replace(watcher.head, combination=Combination(0.5, 0.0, bias))
    track = changed._judge(1, seen)
    assert (track.decided, track.evidence) == (decided, evidence)
    assert ("Both together" in words.basis(track)) == (decided == "both")
    told = "its evidence is strongest" if decided == "both" else "its single frames score highest"
    assert told in words.which(replace(verdict, tracks=(track,)))


def test_what_changes_says_when_the_evidence_is_strongest_if_it_decides(watcher, verdict, monkeypatch):
    seen = [replace(look, logit=-4.0 + 0.1 * (i == 0)) for i, look in enumerate(verdict.tracks[0].looks)]
    changed = copy.copy(watcher)
    changed.head = replace(watcher.head, combination=Combination(0.1, 1.0, 0.0))
    flicker = np.linspace(0, 9, len(temporal_head.sequence(seen)) - temporal_head.WINDOW + 1)  # ever stronger
    monkeypatch.setattr(Head, "logits", lambda self, sequence: flicker)
    track = changed._judge(1, seen)
    assert track.decided == "both"
    assert (track.peak, int(np.argmax(track.spatial_scores))) == (len(seen) - 1, 0)


def test_a_shown_frame_has_its_overlay(verdict):
    pixels, numbers = verdict.overlay(verdict.nearest(0.0))
    assert pixels.shape == (320, 320, 3)
    assert numbers == [1]
    assert (pixels != verdict.shown[0].pixels).any()
    (track,) = verdict.tracks
    other = replace(track, number=2, looks=())
    several, _ = replace(verdict, tracks=(other, replace(track, number=3))).overlay(0)
    assert (several != pixels).any()  # of several faces, the one in view has its number
    without = next(i for i, shown in enumerate(verdict.shown) if shown.shot == 1)
    assert verdict.overlay(without)[1] == []


def test_without_a_head_the_frames_alone_decide(micro_release, clip):
    watcher = Watcher(Detector(micro_release))
    (track,) = watcher.check(clip, VideoLimits(max_seconds=2)).tracks
    assert track.temporal is None
    assert "no temporal head" in words.basis(track)
    assert track.score == track.spatial
    assert track.evidence is watcher.detector.calibration.evidence(track.score)


def test_too_few_pairs_leave_the_changes_out_and_a_glimpse_is_inconclusive(watcher, clip):
    found = watcher.check(clip, VideoLimits(max_seconds=1.4))
    assert "that takes 4 pairs of different frames" in found.tracks[0].why
    assert "from 0.0 to 1.4 seconds" in found.reading.part
    found = watcher.check(clip, VideoLimits(max_seconds=0.6))
    assert found.tracks[0].evidence is Evidence.INCONCLUSIVE
    assert "too briefly" in words.basis(found.tracks[0])


def test_the_strongest_track_decides_and_a_glimpse_does_not(verdict):
    (track,) = verdict.tracks
    weak = replace(track, number=1, evidence=Evidence.NONE, score=0.1)
    strong = replace(track, number=2, evidence=Evidence.STRONG, score=0.8)
    brief = replace(track, number=3, looks=track.looks[:2], evidence=Evidence.INCONCLUSIVE, score=0.99)
    assert replace(verdict, tracks=(weak, strong, brief)).strongest == 1
    assert replace(verdict, tracks=(weak, brief)).strongest == 0
    assert "Face 2 of 3" in words.which(replace(verdict, tracks=(weak, strong, brief)))


def test_a_closed_check_stops(watcher, clip, monkeypatch):
    asked, follow = [], Tracker.follow
    monkeypatch.setattr(Tracker, "follow", lambda self, pair: asked.append(pair) or follow(self, pair))
    running = watcher.steps(clip)
    for _ in range(3):
        next(running)
    running.close()
    assert len(asked) == 2
    assert list(running) == []


def test_a_clip_without_a_usable_face_is_not_applicable(watcher, tmp_path, astronaut):
    small = cv2.resize(astronaut, (160, 160))
    for name, picture, said in (("wall", np.full((96, 96, 3), 90, np.uint8), "No face"), ("small", small, "smaller")):
        found = watcher.check(film.write(tmp_path / f"{name}.mp4", [picture] * 30))
        assert found.tracks == ()
        assert said in found.reason
        assert words.headline(found) == "Not applicable"


@pytest.mark.parametrize(("gap", "judged"), [(0.04, True), (0.2, False), (0.005, False)])
def test_changes_are_judged_only_between_frames_of_a_films_rate(watcher, astronaut, gap, judged):
    frames = [Frame(np.ascontiguousarray(astronaut[:300, 100 + i : 400 + i]), i * gap) for i in range(2)]
    pair = Pair(*frames, 0)
    (seen,) = Tracker().follow(pair).values()
    (look,) = observations.look([seen], pair, watcher.detector.engine.explain, 1.0)
    assert (look.features is not None) == judged
    again = Pair(frames[0], replace(frames[0], seconds=0.04), 0)
    (look,) = observations.look(list(Tracker().follow(again).values()), again, watcher.detector.engine.explain, 1.0)
    assert look.features is None  # the same picture shown twice


def test_one_clip_that_breaks_the_check_does_not_end_it_for_the_others(release_with_head, clip, capsys, monkeypatch):
    def broken(self, path):
        raise cv2.error("odd")

    monkeypatch.setattr(Watcher, "check", broken)
    assert main(["check", str(clip), "--json", "--release", str(release_with_head)]) == 1
    assert "could not be checked (error)" in json.loads(capsys.readouterr().out)[0]["error"]


def test_the_csv_has_a_line_for_every_face_and_sampled_frame(verdict):
    rows = list(csv.DictReader(io.StringIO(to_csv(verdict))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 11
    assert [row["shot"] for row in rows] == ["0"] * 5 + ["2"] * 6
    assert float(rows[3]["seconds"]) == pytest.approx(1.52, abs=0.03)


def test_the_report_is_one_file_that_says_everything_and_escapes_names(verdict, watcher):
    told = report.html(verdict, watcher, "<b>clip</b>.mp4")
    assert "&lt;b&gt;clip" in told
    assert words.headline(verdict) in told
    assert verdict.sha256 in told
    assert "learnt from random numbers. On 7 real and 7 blended clips like those" in told
    assert "both 0.50 (0.40 to 0.60)" in told
    assert told.count("data:image/jpeg") == report.STRIP
    assert re.findall(r'(?:src|href)="(?!data:)', told) == []


def test_a_head_of_another_release_is_refused(release_with_head, tmp_path, micro_release):
    detector = Detector(micro_release)
    object.__setattr__(detector.release, "config", {**detector.release.config, "sha256": "0" * 64})
    object.__setattr__(detector.release, "folder", release_with_head)
    with pytest.raises(WeightsError, match="another release"):
        Watcher(detector)


def test_the_command_line_checks_clips_beside_photos(clip, tmp_path, astronaut, release_with_head, capsys):
    folder = tmp_path / "mixed"
    folder.mkdir()
    shutil.copy(clip, folder / "a.mp4")
    (folder / "b.mp4").write_bytes(b"broken")
    cv2.imwrite(str(folder / "c.png"), astronaut[:, :, ::-1])
    film.write(folder / "d.gif", [astronaut[:320, 60:380]] * 8, codec="gif")
    assert main(["check", str(folder), "--json", "--release", str(release_with_head)]) == 1
    clip_, broken, photo, gif = json.loads(capsys.readouterr().out)
    assert clip_["strongest"]["track"] == 1
    assert clip_["file"]["codec"] == "h264"
    assert len(clip_["tracks"][0]["frames"]) == 11
    assert set(clip_["tracks"][0]["frames"][0]["features"]) == set(changes.NAMES)
    assert "not a clip" in broken["error"]
    assert photo["faces"]
    assert gif["tracks"]
    assert main(["check", str(folder / "d.gif"), "--release", str(release_with_head)]) == 0
    assert "by face 1 at 0.0 s" in capsys.readouterr().out
