import cv2
import numpy as np
import pytest

from deepley.photo import treatment
from deepley.training.views.augment import INTERPOLATIONS


def _sharpness(pixels):
    return cv2.Laplacian(np.ascontiguousarray(pixels), cv2.CV_64F).var()


def test_a_lower_jpeg_quality_moves_pixels_further(astronaut):
    errors = [np.abs(treatment.jpeg(astronaut, q).astype(int) - astronaut).mean() for q in (96, 75, 50)]
    assert 0 < errors[0] < errors[1] < errors[2] < 10


def test_more_blur_is_less_sharp(astronaut):
    sharp = [_sharpness(p) for p in (astronaut, treatment.blur(astronaut, 0.6), treatment.blur(astronaut, 1.2))]
    assert sharp[0] > sharp[1] > sharp[2]


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
def test_down_and_up_keeps_the_size_and_loses_detail(astronaut, interpolation):
    out = treatment.down_and_up(astronaut, 0.5, interpolation)
    assert out.shape == astronaut.shape
    assert _sharpness(out) < 0.7 * _sharpness(astronaut)
