import cv2
import numpy as np
import pytest

from deepley.photo.decode import centre_crop, crop
from deepley.training.views import augment


def test_a_crop_is_cut_and_not_resized(astronaut):
    np.testing.assert_array_equal(crop(astronaut, 100, 7, 30), astronaut[7:107, 30:130])
    np.testing.assert_array_equal(centre_crop(astronaut, 100), astronaut[206:306, 206:306])


def test_a_crop_that_leaves_the_picture_is_refused(astronaut):
    with pytest.raises(ValueError, match="leaves a picture"):
        crop(astronaut, 100, 450, 0)


def test_flipping_twice_changes_nothing(astronaut):
    assert (augment.flip(astronaut) != astronaut).any()
    np.testing.assert_array_equal(augment.flip(augment.flip(astronaut)), astronaut)


def test_brightness_and_contrast_are_exact_and_clipped():
    pixels = np.array([[[0, 100, 255]]], np.uint8)
    np.testing.assert_array_equal(augment.brightness_contrast(pixels, 10, 1.0), [[[10, 110, 255]]])
    np.testing.assert_array_equal(augment.brightness_contrast(pixels, 0, 1.2), [[[0, 94, 255]]])


def test_a_view_is_a_function_of_its_generator(astronaut):
    views = [augment.augment(astronaut, 224, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert views[0].shape == (224, 224, 3)
    assert views[0].dtype == np.uint8
    np.testing.assert_array_equal(views[0], views[1])
    assert (views[0] != views[2]).any()


def test_without_degradation_a_view_is_a_piece_of_the_picture(astronaut):
    for seed in range(4):
        view = augment.augment(astronaut, 448, np.random.default_rng(seed), degrade="none")
        match = max(
            cv2.matchTemplate(astronaut, np.ascontiguousarray(v), cv2.TM_CCORR_NORMED).max()
            for v in (view, augment.flip(view))
        )
        assert match > 0.99999


def test_a_frame_enlarges_and_turns_about_its_middle():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[30:34, 40:44] = 255
    turned = augment.frame(pixels, 64, 2.0, 90, 31.5, 31.5, augment.INTERPOLATIONS[1])
    rows, columns = np.nonzero(turned[..., 0] > 128)
    assert (rows.mean(), columns.mean()) == pytest.approx((31.5 - 20, 31.5), abs=1)  # 10 px right becomes 20 px up
    assert len(rows) == pytest.approx(64, rel=0.3)


def test_a_tight_picture_keeps_its_middle_and_mirrors_it(astronaut):
    made = augment.tight(astronaut, 0.5)
    assert made.shape == astronaut.shape
    np.testing.assert_array_equal(made[128:384, 128:384], astronaut[128:384, 128:384])
    np.testing.assert_array_equal(made[127, 128:384], astronaut[129, 128:384])


def test_colours_at_rest_change_next_to_nothing_and_without_saturation_are_grey(astronaut):
    assert np.abs(augment.colours(astronaut, 0, 1, 1).astype(int) - astronaut).max() <= 6  # OpenCV's hue has 180 steps
    grey = augment.colours(astronaut, 0, 0, 1)
    np.testing.assert_array_equal(grey[..., 0], grey[..., 1])


def test_noise_has_the_size_asked_for():
    rng = np.random.default_rng(0)
    made = augment.noise(np.full((128, 128, 3), 128, np.uint8), 5, rng).astype(float)
    assert made.std() == pytest.approx(5, rel=0.05)


def test_wide_views_are_of_one_size_and_differ(astronaut):
    views = [augment.augment(astronaut[:256, :256], 160, np.random.default_rng(s), "wide") for s in (*range(30), 0)]
    assert {view.shape for view in views} == {(160, 160, 3)}
    np.testing.assert_array_equal(views[0], views[-1])
    assert len({view.tobytes() for view in views}) == 30
