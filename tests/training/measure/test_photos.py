from pathlib import Path

import cv2
import numpy as np
import pytest

from deepley.training.data.sources import Source, find
from deepley.training.measure import photos
from deepley.training.measure.photos import BETWEEN, CROSSES, DELIVERIES, NOT_APPLICABLE, Shown
from tests.conftest import encode


@pytest.fixture(scope="module")
def folder(astronaut, tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    wall = np.full((300, 300, 3), 90, np.uint8)
    for name, data in (
        ("real/astronaut.png", encode(astronaut)),
        ("real/wall.png", encode(wall)),
        ("real/broken.jpg", encode(astronaut, "JPEG")[:5000]),
        ("fake/mirrored.png", encode(astronaut[:, ::-1])),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def test_photos_are_checked_as_the_page_does(folder, micro_release):
    from deepley.verdict.detector import Detector

    detector = Detector(micro_release)
    shown, unreadable = photos.look(detector, find(folder), DELIVERIES["as it is"], "as it is")
    assert [name for name, _ in unreadable] == ["real/broken.jpg"]
    by_label = {(each.label, bool(each.scores)): each for each in shown}
    assert by_label[(0, False)].outcome == NOT_APPLICABLE
    verdict = detector.check((folder / "real" / "astronaut.png").read_bytes())
    (face,) = verdict.verdicts
    assert by_label[(0, True)].scores == (face.score, *face.stability.treated.values())
    assert by_label[(0, True)].outcome == photos.outcome(verdict)


def test_a_delivery_shrinks_and_saves_the_photo_again(astronaut):
    large = cv2.resize(astronaut, (1024, 900))
    data = encode(large)
    assert DELIVERIES["as it is"](data) is data
    for name, side in (("web", 768), ("hard", 512)):
        arrived = cv2.imdecode(np.frombuffer(DELIVERIES[name](data), np.uint8), cv2.IMREAD_COLOR)
        assert max(arrived.shape) == side
    small = cv2.imdecode(np.frombuffer(DELIVERIES["web"](encode(astronaut)), np.uint8), cv2.IMREAD_COLOR)
    assert small.shape == astronaut.shape  # never enlarged


def test_rates_are_those_of_the_verdicts_shown_among_the_photos_that_are_judged():
    shown = [Shown(0, "none found", (0.1, 0.1))] * 6
    shown += [Shown(0, CROSSES, (0.2, 0.8)), Shown(0, BETWEEN, (0.4, 0.4)), Shown(0, "weak", (0.7, 0.7))]
    shown += [Shown(0, "strong", (0.9, 0.9)), Shown(0, NOT_APPLICABLE, ())]
    shown += [Shown(1, "very strong", (0.95, 0.9))] * 3 + [Shown(1, "none found", (0.05, 0.1))]
    found = photos.figures(shown, threshold=0.5)
    assert (found["real"], found["fake"]) == (10, 4)
    assert found["real_outcomes"] == {
        "none found": 6,
        BETWEEN: 1,
        CROSSES: 1,
        "weak": 1,
        "strong": 1,
        NOT_APPLICABLE: 1,
    }
    values = {name: found[name]["value"] for name in found if isinstance(found[name], dict) and "value" in found[name]}
    assert values == pytest.approx(
        {
            "real_none": 0.6, "real_inconclusive": 0.2, "real_evidence": 0.2,
            "fake_none": 0.25, "fake_inconclusive": 0.0, "fake_evidence": 0.75,
            "auc": 0.75, "balanced_accuracy": (0.75 + 0.8) / 2,
        }
    )  # fmt: skip
    assert found["real_none"]["low"] < 0.6 < found["real_none"]["high"]


def test_of_one_class_alone_there_is_no_auc_and_of_no_face_no_rate():
    assert "auc" not in photos.figures([Shown(0, "none found", (0.1,))], threshold=0.5)
    assert "real_none" not in photos.figures([Shown(0, NOT_APPLICABLE, ())], threshold=0.5)


def test_a_file_that_is_gone_is_named(micro_release, tmp_path):
    from deepley.verdict.detector import Detector

    gone = Source("real/gone.jpg", Path(tmp_path / "gone.jpg"), 0, None)
    shown, unreadable = photos.look(Detector(micro_release), [gone], DELIVERIES["web"], "web")
    assert shown == []
    assert unreadable[0][0] == "real/gone.jpg"
