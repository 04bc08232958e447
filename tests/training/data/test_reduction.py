import cv2
import numpy as np

from deepley.training.data.reduction import reduced


def test_a_larger_picture_is_reduced_in_one_of_many_ways_to_the_side_asked_for(astronaut):
    made = [reduced(astronaut[:, :400], 256, np.random.default_rng(seed)) for seed in range(12)]
    assert {picture.shape for picture in made} == {(328, 256, 3)}
    detail = [cv2.Laplacian(picture, cv2.CV_64F).var() for picture in made]
    assert max(detail) > 1.3 * min(detail)  # softer and sharper ones
    wanted = cv2.resize(astronaut[:, :400], (256, 328), interpolation=cv2.INTER_AREA).astype(int)
    assert all(np.abs(picture - wanted).mean() < 6 for picture in made)
