import numpy as np
import pytest

from deepley.photo.treatment import TREATMENTS
from deepley.verdict.photo import Stability


@pytest.mark.parametrize("name", TREATMENTS)
def test_a_treatment_changes_a_face_and_keeps_its_size(astronaut, name):
    crop = astronaut[:256, 100:356]
    treated = TREATMENTS[name](crop)
    assert treated.shape == crop.shape
    assert treated.dtype == np.uint8
    assert 0.3 < np.abs(treated.astype(int) - crop).mean() < 15


@pytest.mark.parametrize(
    ("score", "treated", "flips"),
    [
        (0.8, {"JPEG 70": 0.6, "JPEG 50": 0.5}, ()),  # the threshold itself is evidence
        (0.8, {"JPEG 70": 0.6, "JPEG 50": 0.49}, ("JPEG 50",)),
        (0.1, {"JPEG 70": 0.3, "JPEG 50": 0.5}, ("JPEG 50",)),
        (0.1, {}, ()),
    ],
)
def test_a_flip_is_a_treatment_that_crosses_the_threshold(score, treated, flips):
    found = Stability(score, treated, threshold=0.5)
    assert found.flips == flips
    assert (found.low, found.high) == (min([score, *treated.values()]), max([score, *treated.values()]))
