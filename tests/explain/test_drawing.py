import base64

import cv2
import numpy as np

from deepley.explain.drawing import data_url, outline, overlay


def test_the_outline_runs_around_what_was_cropped():
    photo = np.full((200, 300, 3), 100, np.uint8)
    drawn = outline(photo, [np.array([[2.0, 0, -100], [0, 2.0, -60]])])
    changed = (drawn != photo).any(axis=2)
    assert changed[30:158, 50].all()
    assert changed[30, 50:178].all()
    assert not changed[40:140, 60:160].any()
    assert not changed[:26].any()


def test_an_overlay_leaves_cold_places_alone():
    photo = np.full((4, 4, 3), 200, np.uint8)
    heat = np.zeros((4, 4))
    heat[0, 0] = 1
    laid = overlay(photo, heat)
    assert (laid[1:] == 200).all()
    assert (laid[0, 0] != 200).any()


def test_several_faces_are_numbered_and_one_is_not():
    photo = np.zeros((200, 400, 3), np.uint8)
    left = np.array([[2.0, 0, -60], [0, 2.0, -60]])
    right = np.array([[2.0, 0, -460], [0, 2.0, -60]])
    one, two = outline(photo, [left]), outline(photo, [left, right])
    assert two[:, 200:].any()
    assert (one[:, :200] != two[:, :200]).any()


def test_a_data_url_holds_the_picture_as_a_jpeg(astronaut):
    kind, data = data_url(astronaut).split(",")
    assert kind == "data:image/jpeg;base64"
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    assert np.abs(decoded.astype(int) - astronaut).mean() < 5
