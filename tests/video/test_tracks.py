import cv2
import numpy as np
import pytest

from deepley.config import VideoLimits
from deepley.photo import faces
from deepley.photo.alignment import TEMPLATE, ffhq_transform
from deepley.photo.faces import Face
from deepley.video import reader, tracks
from deepley.video.reader import Frame, Pair, Reading
from tests.video import film

ANN, BOB, EVE = range(3)


def _person(who):
    rng = np.random.default_rng(who)
    return cv2.resize(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8), (256, 256), interpolation=cv2.INTER_CUBIC)


def _follow(monkeypatch, seen, shots=None, limits=VideoLimits()):
    """Tracks of a clip in which, a pair at a time, these people are at these x; (who, x) each."""
    people = [[Face((x, 0, 80, 100), TEMPLATE, 1.0, _person(who), np.eye(2, 3)) for who, x in pair] for pair in seen]
    monkeypatch.setattr(faces, "find_many", lambda frames, limits: [people[pixels[0, 0, 0]] for pixels in frames])
    tracker, frames = tracks.Tracker(limits), [Frame(np.full((4, 4, 3), i, np.uint8), i) for i in range(len(seen))]
    pairs = (Pair(frame, frame, shot) for frame, shot in zip(frames, shots or [0] * len(seen)))
    found = [tracker.follow(pair) for pair in pairs]
    return [{track: sighting.first.box[0] for track, sighting in each.items()} for each in found]


def test_faces_keep_their_tracks_while_they_move(monkeypatch):
    seen = [[(ANN, 10 + 20 * i), (BOB, 300 - 15 * i)] for i in range(5)]
    assert _follow(monkeypatch, seen) == [{0: 10 + 20 * i, 1: 300 - 15 * i} for i in range(5)]


def test_two_faces_that_change_places_keep_their_tracks(monkeypatch):
    assert _follow(monkeypatch, [[(ANN, 0), (BOB, 60)], [(BOB, 5), (ANN, 65)]]) == [{0: 0, 1: 60}, {0: 65, 1: 5}]


def test_a_track_broken_by_an_occlusion_is_joined(monkeypatch):
    seen = [[(ANN, 0)], *[[]] * 6, [(ANN, 200)]]
    assert _follow(monkeypatch, seen) == [{0: 0}, *[{}] * 6, {0: 200}]


def test_a_track_broken_by_a_cut_is_joined_and_a_new_face_is_a_new_one(monkeypatch):
    seen = [[(ANN, 0), (BOB, 150)], [(BOB, 0), (EVE, 150)]]
    assert _follow(monkeypatch, seen, [0, 1]) == [{0: 0, 1: 150}, {1: 0, 2: 150}]


def test_another_person_in_the_same_place_is_another_track(monkeypatch):
    assert _follow(monkeypatch, [[(ANN, 0)], [(BOB, 0)]]) == [{0: 0}, {1: 0}]


def test_only_the_largest_faces_are_followed(monkeypatch):
    assert _follow(monkeypatch, [[(ANN, 0), (BOB, 150)]], limits=VideoLimits(max_faces=1)) == [{0: 0}]


def test_a_square_clip_of_an_aligned_face_is_aligned_in_every_frame(astronaut):
    crop = cv2.resize(faces.find(astronaut)[0].crop, (288, 288))
    tracker, moved = tracks.Tracker(), np.roll(crop, 9, axis=1)
    (seen,) = tracker.follow(Pair(Frame(crop, 0.0), Frame(moved, 0.04), 0)).values()
    own = ffhq_transform(seen.first.landmarks)
    np.testing.assert_allclose(seen.first.to_crop, own)
    assert np.abs(seen.first.crop.astype(int) - seen.second.crop).mean() < 8  # the shift is taken out


def test_likeness_is_high_for_a_changed_copy_and_low_for_another_face(astronaut):
    (face,) = faces.find(astronaut)
    own = tracks.likeness(face.crop)
    assert own.shape == (1376,)
    assert own @ own == pytest.approx(1, abs=1e-5)
    dimmer = cv2.warpAffine(face.crop // 2 + 40, np.float64([[1, 0, 5], [0, 1, -4]]), (256, 256))
    assert own @ tracks.likeness(dimmer) > 0.62
    assert own @ tracks.likeness(_person(ANN)) < 0.3
    assert np.isfinite(tracks.likeness(np.zeros((256, 256, 3), np.uint8))).all()


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),
        ((0, 0, 10, 10), (5, 0, 10, 10), 1 / 3),
        ((0, 0, 10, 10), (20, 20, 5, 5), 0.0),
        ((0, 0, 0, 0), (0, 0, 0, 0), 0.0),
    ],
)
def test_overlap_is_intersection_over_union(one, other, share):
    assert tracks.overlap(one, other) == pytest.approx(share)


def test_a_real_face_is_followed_through_an_encoded_clip_with_a_cut(tmp_path, astronaut):
    def frames():
        for i in range(30):
            yield astronaut[0:320, 60 + i : 380 + i]
        for i in range(30):  # closer and darker: another shot of the same person
            part = astronaut[20:260, 100 - i : 340 - i] // 3
            yield cv2.resize(part, (320, 320))

    path = film.write(tmp_path / "a.mp4", frames())
    pairs, reading = film.drained(reader.read(path))
    assert isinstance(reading, Reading)
    assert len(reading.cuts) == 1
    tracker = tracks.Tracker()
    found = [tracker.follow(pair) for pair in pairs]
    assert all(list(each) == [0] for each in found)
    assert all(each[0].second is not None for each in found)
