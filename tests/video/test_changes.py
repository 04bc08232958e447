import cv2
import numpy as np
import pytest

from deepley.photo.alignment import TEMPLATE
from deepley.photo.faces import find
from deepley.video import changes


@pytest.fixture(scope="module")
def face(astronaut):
    return find(astronaut)[0].crop


def _moved(points, angle, scale, shift):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return scale * points @ turn.T + shift


def _shifted(pixels, x, y):
    return cv2.warpAffine(pixels, np.float64([[1, 0, x], [0, 1, y]]), (256, 256), borderMode=cv2.BORDER_REFLECT_101)


def test_embedding_distance_looks_at_direction_only():
    one = np.array([1.0, 2, 3])
    assert changes.embedding_distance(one, 5 * one) == pytest.approx(0)
    assert changes.embedding_distance(np.array([1.0, 0]), np.array([0.0, 1])) == pytest.approx(1)
    assert changes.embedding_distance(one, -one) == pytest.approx(2)
    assert np.isfinite(changes.embedding_distance(one, np.zeros(3)))


def test_head_motion_is_no_landmark_jitter():
    assert changes.landmark_jitter(TEMPLATE, TEMPLATE) == pytest.approx(0, abs=1e-9)
    assert changes.landmark_jitter(TEMPLATE, _moved(TEMPLATE, 0.4, 1.3, (50, -8))) == pytest.approx(0, abs=1e-9)


def test_landmark_jitter_measures_what_moves_against_the_others():
    rng = np.random.default_rng(0)
    sizes = [np.mean([changes.landmark_jitter(TEMPLATE, TEMPLATE + rng.normal(0, s, (5, 2))) for _ in range(100)])
             for s in (1, 2)]  # fmt: skip
    # Of ten coordinates the similarity takes four: sqrt(2 * 6 / 10) of the noise stays, over 63 px between the eyes.
    assert sizes[0] == pytest.approx(np.sqrt(1.2) / 63, rel=0.12)
    assert sizes[1] / sizes[0] == pytest.approx(2, rel=0.2)
    mirrored = TEMPLATE * [-1, 1]
    assert changes.landmark_jitter(TEMPLATE, mirrored) > 0.1  # a mirror image is no head motion


def test_the_landmarks_lie_inside_the_face_and_the_regions_do_not_touch():
    assert changes.INSIDE[tuple(TEMPLATE.astype(int)[:, ::-1].T)].all()
    assert not (
        cv2.dilate(changes.INSIDE.astype(np.uint8), np.ones((21, 21)), None).astype(bool) & changes.AROUND
    ).any()
    assert min(changes.INSIDE.sum(), changes.AROUND.sum()) > 8000


def test_a_still_and_a_shifted_face_leave_no_residual(face):
    assert changes.residuals(face, face) == (0, 0, 0)
    raw = np.abs(_shifted(face, 3, 2).astype(float) - face).mean() / 255
    inside, around, shift = changes.residuals(face, _shifted(face, 3, 2))
    assert inside < raw / 4
    assert around < raw / 2
    assert shift < 0.5 / 255


@pytest.mark.parametrize(("region", "larger"), [("INSIDE", 0), ("AROUND", 1)])
def test_what_flickers_leaves_its_residual_where_it_is(face, region, larger):
    mask = cv2.GaussianBlur(getattr(changes, region).astype(np.float32), (0, 0), 4)[..., None]
    changed = np.clip(_shifted(face, 1, 0) + 20 * mask, 0, 255).astype(np.uint8)
    *found, shift = changes.residuals(face, changed)
    assert found[larger] > 3 * found[1 - larger]
    assert 0 <= min(found) <= max(found) <= 1
    assert 12 < 255 * shift <= 20


def test_the_features_come_in_their_order_and_vanish_for_a_still_face(face):
    still = changes.features((face, face), (TEMPLATE, TEMPLATE), (np.ones(4), np.ones(4)), (1.0, 1.0))
    np.testing.assert_allclose(still, np.zeros(len(changes.NAMES)), atol=1e-6)
    brighter = np.clip(face + 20 * changes.INSIDE[..., None], 0, 255).astype(np.uint8)
    found = changes.features((face, brighter), (TEMPLATE, TEMPLATE), (np.ones(4), np.ones(4)), (1.0, -0.5))
    assert found.dtype == np.float32
    assert found[1] == pytest.approx(1.5)
    assert found[3] > found[4]
    assert found[5] == pytest.approx(found[3] - found[4])
    assert found[6] == pytest.approx(np.log1p(20), rel=0.1)
