import cv2
import numpy as np
import pytest

from deepley.photo.faces import TEMPLATE, find
from deepley.training import clips
from deepley.video import reader, temporal


@pytest.fixture(scope="module")
def face(astronaut):
    return find(astronaut)[0].crop


def _frames(face, kind, seed=0):
    return np.stack(list(clips.frames(face, TEMPLATE, kind, np.random.default_rng(seed))))


def test_the_same_draw_gives_the_same_clip_and_another_another(face):
    one, two, other = (_frames(face, "blended", seed) for seed in (1, 1, 2))
    assert one.shape == (clips.FRAMES, clips.SIDE, clips.SIDE, 3)
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_a_clip_shows_the_photo_and_moves(face):
    made = _frames(face, "real").astype(float)
    middle = made[:, 16:272, 16:272]
    for i in (0, 45, 91):
        assert np.corrcoef(cv2.blur(middle[i], (9, 9)).ravel(), cv2.blur(face, (9, 9)).ravel())[0, 1] > 0.8
    assert np.abs(made[0] - made[45]).mean() > 2 * np.abs(made[0] - made[1]).mean()


def test_a_control_has_gone_through_the_blend_and_shows_the_photo_unchanged(face, monkeypatch):
    blends = clips._blends(face, TEMPLATE, np.random.default_rng(3), "control")
    for _ in range(3):
        np.testing.assert_array_equal(next(blends), face)


def test_a_blend_changes_the_face_alone_and_trembles(face):
    blends = clips._blends(face, TEMPLATE, np.random.default_rng(3), "blended")
    one, two = next(blends), next(blends)
    np.testing.assert_array_equal(one[:10], face[:10])
    assert (one != two).any()
    assert (one != face).any()


def test_a_rendered_clip_is_read_as_eight_pairs(face, tmp_path):
    clips.render(tmp_path / "a.mp4", face, TEMPLATE, "real", np.random.default_rng(0))
    *pairs, reading = reader.read(tmp_path / "a.mp4")
    assert len(pairs) == 8
    assert reading.frames == clips.FRAMES
    assert reading.cuts == ()


def test_a_blend_flickers_more_than_its_real_clip(face):
    def ratio(kind):
        made = _frames(face, kind, 5)[:, 16:272, 16:272]
        pairs = [temporal.residuals(made[i], made[i + 1]) for i in range(0, clips.FRAMES - 1, 12)]
        return np.mean([inside / around for inside, around in pairs])

    assert ratio("blended") > ratio("real")


def test_an_unknown_kind_is_refused(face):
    with pytest.raises(ValueError, match="not 'fake'"):
        next(clips.frames(face, TEMPLATE, "fake", np.random.default_rng(0)))
