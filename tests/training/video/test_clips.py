import itertools

import cv2
import numpy as np
import pytest

from deepley.photo.alignment import TEMPLATE
from deepley.photo.faces import find
from deepley.training.video import clips
from deepley.video import changes, reader, temporal_head
from tests.video import film


@pytest.fixture(scope="module")
def face(astronaut):
    return find(astronaut)[0].crop


def _shot(seed=0):
    return clips.shot(np.random.default_rng(seed))


def _frames(face, kind, seed=0):
    return np.stack(list(clips.frames(face, TEMPLATE, kind, _shot(seed), np.random.default_rng(seed))))


def _blends(face, kind="blended"):
    return clips._blends(face, TEMPLATE, kind, _shot().head, np.random.default_rng(3))


def test_the_same_draw_gives_the_same_clip_and_another_another(face):
    one, two, other = (_frames(face, "blended", seed) for seed in (1, 1, 2))
    assert one.shape == (clips.FRAMES, clips.SIDE, clips.SIDE, 3)
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_a_clip_shows_the_photo_and_moves(face):
    made = _frames(face, "real").astype(float)
    middle = made[:, 16:272, 16:272]
    for i in (0, 20, 39):
        assert np.corrcoef(cv2.blur(middle[i], (9, 9)).ravel(), cv2.blur(face, (9, 9)).ravel())[0, 1] > 0.8
    assert np.abs(made[0] - made[20]).mean() > 2 * np.abs(made[0] - made[1]).mean()


def test_a_control_has_gone_through_the_blend_and_shows_the_photo_unchanged(face):
    for blend in itertools.islice(_blends(face, "control"), 3):
        np.testing.assert_array_equal(blend, face)


def test_a_blend_changes_the_face_alone_and_trembles(face):
    one, two = itertools.islice(_blends(face), 2)
    np.testing.assert_array_equal(one[:10], face[:10])
    assert (one != two).any()
    assert (one != face).any()


def test_a_rendered_clip_is_read_as_the_pairs_that_the_head_sees(face, tmp_path):
    clips.render(tmp_path / "a.mp4", face, TEMPLATE, "real", _shot(), np.random.default_rng(0))
    pairs, reading = film.drained(reader.read(tmp_path / "a.mp4"))
    assert len(pairs) == temporal_head.WINDOW
    assert reading.frames == clips.FRAMES
    assert reading.cuts == ()


def test_a_blend_flickers_more_than_its_real_clip(face):
    def ratio(kind):
        made = _frames(face, kind, 5)[:, 16:272, 16:272]
        pairs = [changes.residuals(made[i], made[i + 1]) for i in range(0, clips.FRAMES - 1, 6)]
        return np.mean([inside / around for inside, around, _ in pairs])

    assert ratio("blended") > ratio("real")


def test_an_unknown_kind_is_refused(face):
    with pytest.raises(ValueError, match="not 'fake'"):
        next(clips.frames(face, TEMPLATE, "fake", _shot(), np.random.default_rng(0)))


def test_what_trembles_has_the_size_and_the_memory_that_is_asked_for():
    drawn = np.concatenate([clips._tremor(np.random.default_rng(seed), (2.0,), 0.6) for seed in range(500)], axis=1)
    assert drawn.std() == pytest.approx(2, rel=0.05)
    assert np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1] == pytest.approx(0.6, abs=0.05)
