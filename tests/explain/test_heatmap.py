import numpy as np
import pytest

from deepley.explain.heatmap import grad_cam, on_photo, regions


def test_the_heatmap_is_the_positive_part_and_its_sign_follows_the_claim():
    features = np.zeros((2, 2, 2))
    features[0, 0] = [3, 0]
    features[1, 1] = [0, 2]
    gradient = np.array([1.0, -1.0])
    np.testing.assert_array_equal(grad_cam(features, gradient, True), [[1, 0], [0, 0]])
    np.testing.assert_array_equal(grad_cam(features, gradient, False), [[0, 0], [0, 1]])


@pytest.mark.parametrize("gradient", [np.zeros(2), np.array([-1.0, -1.0]), np.array([np.nan, 1.0])])
def test_a_heatmap_without_evidence_is_zero_and_finite(gradient):
    heat = grad_cam(np.ones((2, 2, 2)), gradient, True)
    np.testing.assert_array_equal(heat, np.zeros((2, 2)))


def test_a_heatmap_lands_on_its_face():
    to_crop = np.array([[2.0, 0, -100], [0, 2.0, -60]])  # the face square starts at (50, 30), 128 px wide
    on = on_photo(np.ones((8, 8)), to_crop, 300, 200)
    assert on.shape == (200, 300)
    assert on[40:140, 60:160].min() == 1.0
    assert on[:25].max() == on[:, :45].max() == on[:, 185:].max() == 0.0


def test_the_regions_of_a_heatmap_share_its_weight():
    heat = np.zeros((8, 8), np.float32)
    heat[6, 3:5] = 1  # rows 192 to 224 of 256
    shares = regions(heat)
    assert next(iter(shares)) == "mouth and chin"
    np.testing.assert_allclose(sum(shares.values()), 1, atol=1e-6)
    assert regions(np.zeros((8, 8), np.float32)) == {}
