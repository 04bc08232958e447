from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from deepley.photo import alignment, faces


@pytest.fixture(scope="module")
def face(astronaut):
    found = faces.find(astronaut)
    assert len(found) == 1
    return found[0]


def test_the_astronauts_face_is_found_where_it_is(face):
    x, y, width, height = face.box
    assert 160 < x + width / 2 < 290
    assert 60 < y + height / 2 < 190
    assert face.confidence > 0.95


def test_an_aligned_face_has_its_eyes_on_the_ffhq_template(face):
    eyes = face.landmarks[:2] @ face.to_crop[:, :2].T + face.to_crop[:, 2]
    assert np.abs(eyes - alignment.TEMPLATE[:2]).max() < 10
    assert abs(eyes[0, 1] - eyes[1, 1]) < 6  # level, up to the tilt between eyes and mouth


def test_an_aligned_crop_is_taken_as_it_is(face):
    again = faces.find(face.crop)
    assert len(again) == 1
    np.testing.assert_array_equal(again[0].crop, face.crop)
    np.testing.assert_array_equal(again[0].to_crop, [[1, 0, 0], [0, 1, 0]])


def test_a_larger_aligned_crop_is_resized_once(face):
    large = cv2.resize(face.crop, (512, 512), interpolation=cv2.INTER_CUBIC)
    again = faces.find(large)[0]
    np.testing.assert_allclose(again.to_crop, [[0.5, 0, -0.25], [0, 0.5, -0.25]])
    assert np.abs(again.crop.astype(int) - face.crop).mean() < 3


def test_the_crop_comes_from_the_original_not_from_the_copy_that_is_searched(astronaut, face):
    wall = np.full((1200, 1200, 3), 128, np.uint8)
    wall[300:812, 400:912] = astronaut
    again = faces.find(wall)[0]
    assert np.abs(np.array(again.box) - face.box - [400, 300, 0, 0]).max() < 12
    detail = [cv2.Laplacian(crop, cv2.CV_64F).var() for crop in (face.crop, again.crop)]
    assert detail[1] > 0.7 * detail[0]


def test_a_box_ends_where_the_photo_ends(astronaut):
    (cut,) = faces.find(np.ascontiguousarray(astronaut[80:, 195:]))
    x, y, width, height = cut.box
    assert x >= 0
    assert y >= 0
    assert x + width <= 512 - 195
    assert y + height <= 512 - 80


def test_the_transform_is_a_similarity_that_maps_its_own_square_onto_the_crop():
    landmarks = np.array([[30.0, 50], [70, 50], [50, 70], [35, 95], [65, 95]])
    matrix = alignment.ffhq_transform(landmarks)
    np.testing.assert_allclose(matrix[0, 0], matrix[1, 1])
    np.testing.assert_allclose(matrix[0, 1], -matrix[1, 0], atol=1e-12)
    # Half side: the longer of 2.0 * 40 px between the eyes and 1.8 * 45 px down to the mouth.
    np.testing.assert_allclose(np.hypot(*matrix[0, :2]), 128 / 81)
    centre = matrix @ [50, 54.5, 1]
    np.testing.assert_allclose(centre, [127.5, 127.5])


@pytest.mark.parametrize("pixels", [np.full((300, 300, 3), 90, np.uint8), np.zeros((5, 400, 3), np.uint8)])
def test_a_picture_without_a_face_gives_none(pixels):
    assert faces.find(pixels) == []


def test_positions_are_those_of_the_photo_at_full_size(astronaut, face):
    half = cv2.resize(astronaut, (256, 256), interpolation=cv2.INTER_AREA)
    (found,) = faces.find(half, factor=0.5)
    assert np.abs(np.array(found.box) - face.box).max() < 12
    assert np.abs(found.landmarks - face.landmarks).max() < 6
    np.testing.assert_allclose(found.to_crop, face.to_crop, rtol=0.1, atol=8)
    (again,) = faces.recrop([found], astronaut)
    np.testing.assert_allclose(again.to_crop, found.to_crop, atol=1e-6)
    assert again.sharpness > 2 * found.sharpness


def test_a_face_says_when_a_smaller_photo_would_lose_detail(face):
    assert face.needs_more_than(1.0)  # a crop of 256 px from about 200
    large = replace(face, to_crop=face.to_crop / 6)
    assert not large.needs_more_than(1.0)
    assert not large.needs_more_than(0.6)
    assert large.needs_more_than(0.3)


def test_blur_lowers_the_sharpness(face):
    blurred = replace(face, crop=cv2.GaussianBlur(face.crop, (0, 0), 2))
    assert blurred.sharpness < 0.2 * face.sharpness


def test_several_pictures_at_once_give_each_the_faces_that_it_has_alone(astronaut):
    mirrored, empty = np.ascontiguousarray(astronaut[:, ::-1]), np.full_like(astronaut, 128)
    for pictures in ([astronaut, empty, mirrored], [astronaut[:10], empty, astronaut[:300]], [astronaut[:10]] * 2):
        for together, alone in zip(faces.find_many(pictures), map(faces.find, pictures), strict=True):
            assert [face.box for face in together] == [face.box for face in alone]
            for one, other in zip(together, alone):
                np.testing.assert_allclose(one.landmarks, other.landmarks, atol=1e-3)


@pytest.mark.parametrize("factor", [0.6, 0.5, 0.4, 0.3, 0.11])
def test_detail_finer_than_the_crop_can_show_is_filtered_out_of_a_zone_plate(factor):
    side = round(256 / factor * 1.1)
    radius = np.hypot(*(np.mgrid[:side, :side] - side / 2))
    finest = 0.49  # cycles a pixel at the middle of each border, rising from 0 at the centre
    levels = np.rint(127.5 + 100 * np.cos(2 * np.pi * finest * radius**2 / side)).astype(np.uint8)
    landmarks = (alignment.TEMPLATE - 127.5) / factor + side / 2
    crop, _ = alignment.align(np.repeat(levels[..., None], 3, axis=2), landmarks, tolerance=-1.0)
    radius = np.hypot(*(np.mgrid[:256, :256] - 127.5))
    frequency = finest * 2 * radius / factor / side / factor  # in cycles a pixel of the crop: it can show 0.5
    assert crop[frequency < 0.35].std() > 55
    assert crop[(frequency > 0.65) & (radius < 126)].std() < 12  # 13 to 62 where the warp interpolated alone


@pytest.mark.parametrize("times", [2, 3, 4])
def test_a_photo_and_its_enlargement_give_the_same_crop(astronaut, times):
    landmarks = faces.find(astronaut)[0].landmarks
    small, _ = alignment.align(astronaut, landmarks, tolerance=-1.0)
    side = 512 * times
    large = np.asarray(Image.fromarray(astronaut).resize((side, side), Image.Resampling.LANCZOS))
    again, _ = alignment.align(large, (landmarks + 0.5) * times - 0.5, tolerance=-1.0)
    assert np.abs(small.astype(int) - again).mean() < 1.5


def test_a_crop_may_be_larger(astronaut, face):
    crop, to_crop = alignment.align(astronaut, face.landmarks, tolerance=-1.0, side=512)
    assert crop.shape == (512, 512, 3)
    half = np.asarray(Image.fromarray(crop).resize((256, 256), Image.Resampling.LANCZOS))
    assert np.abs(half.astype(int) - face.crop).mean() < 1.5
    smaller = alignment.scaling(0.5) @ np.vstack([to_crop, [0, 0, 1]])
    np.testing.assert_allclose(smaller[:2], face.to_crop, atol=1e-9)
