from dataclasses import replace

import numpy as np
import pytest

from deepley.config import VideoLimits
from deepley.ui.parts import clip_card, timeline
from deepley.verdict.calibration import Calibration, Evidence
from deepley.video import report
from deepley.video.observations import Observation
from deepley.video.reader import Facts, Frame, Pair, Reading
from deepley.video.verdict import ClipVerdict, TrackVerdict
from deepley.video.watcher import _shown


@pytest.fixture(scope="module")
def verdict(astronaut):
    seconds = [i / 2 for i in range(12)]
    shown = [_shown(Pair(Frame(astronaut, t), Frame(astronaut, t), int(t >= 3)), VideoLimits()) for t in seconds]
    to_crop = np.array([[1.0, 0, -100], [0, 1, -30]])
    box, embedding, heatmap = (180, 70, 90, 110), np.zeros(4), np.zeros((8, 8))
    looks = tuple(Observation(t, box, to_crop, 0.0, embedding, None, heatmap) for t in seconds)
    scores = np.linspace(0.1, 0.9, 12)
    changes = np.where(np.arange(12) < 2, np.nan, 0.4)
    tracks = (
        TrackVerdict(1, looks, 0.5, scores, 0.4, changes, 0.45, scores, Evidence.INCONCLUSIVE, "frames", False, None),
        TrackVerdict(
            2, looks[:2], 0.2, scores[10:], None, changes[:2], 0.2, scores[10:], Evidence.NONE, "frames", False, "Few."
        ),
    )
    reading = Reading(Facts("mp4", "h264", 1, 512, 512, 6.0, 150), 150, 0.0, 5.9, (3.0,), None)
    return ClipVerdict("0" * 64, reading, tuple(shown), tracks, None, 1, 2)


def test_the_timeline_has_a_line_for_frames_and_one_for_changes(verdict):
    drawn = timeline.figure(verdict, Calibration())
    assert [line.name for line in drawn.data] == ["face 1, frames", "face 1, changes", "face 2, frames", "cuts"]
    assert list(drawn.data[0].x) == [look.seconds for look in verdict.tracks[0].looks]
    assert sum(shape.type == "rect" for shape in drawn.layout.shapes) == 5  # weak evidence has no band of its own
    assert list(drawn.data[3].x) == [3.0, 3.0, None]


def test_a_clip_of_many_cuts_is_drawn_with_as_few_shapes(verdict):
    cuts = tuple(np.linspace(0, 5.9, 4000))
    drawn = timeline.figure(replace(verdict, reading=replace(verdict.reading, cuts=cuts)), Calibration())
    assert len(drawn.layout.shapes) == 5
    assert len(drawn.data[3].x) == 3 * 4000


def test_the_filmstrip_shows_the_highest_scores_in_order_and_no_glimpse(verdict):
    strip = report.filmstrip(verdict)
    assert [seconds for seconds, _, _ in strip] == [2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5]
    assert strip[-1][2] == "5.5 s, face 1: 0.90"
    assert all(picture.shape == (220, 220, 3) for _, picture, _ in strip)


def test_every_track_has_its_card_and_what_was_left_out_is_told(verdict):
    told = clip_card.tracks(verdict)
    assert told.count("<section") == 2
    assert "too briefly to be judged" in told
    assert "could be judged" not in told
    assert "too small or too blurred to be judged: 1" in told
    assert "not followed, as there were larger ones: up to 2 at one time" in told
