import cv2
import numpy as np
import pytest

from deepley.training import augment


def test_a_crop_is_cut_and_not_resized(astronaut):
    np.testing.assert_array_equal(augment.crop(astronaut, 100, 7, 30), astronaut[7:107, 30:130])
    np.testing.assert_array_equal(augment.centre_crop(astronaut, 100), astronaut[206:306, 206:306])


def test_a_crop_that_leaves_the_picture_is_refused(astronaut):
    with pytest.raises(ValueError, match="leaves a picture"):
        augment.crop(astronaut, 100, 450, 0)


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
        view = augment.augment(astronaut, 448, np.random.default_rng(seed), degrade=False)
        match = max(
            cv2.matchTemplate(astronaut, np.ascontiguousarray(v), cv2.TM_CCORR_NORMED).max()
            for v in (view, augment.flip(view))
        )
        assert match > 0.99999
