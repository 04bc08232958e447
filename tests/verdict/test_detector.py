import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
from PIL import Image

from deepley.config import FaceLimits, PhotoLimits
from deepley.engine.fake import FakeEngine
from deepley.explain.heatmap import grad_cam
from deepley.photo import faces
from deepley.photo.decode import PhotoError
from deepley.photo.treatment import TREATMENTS
from deepley.verdict import record, words
from deepley.verdict.calibration import Evidence
from deepley.verdict.detector import Detector
from tests.conftest import encode


@pytest.fixture(scope="module")
def detector(micro_release):
    """A detector whose network is sure that every face is fake."""
    return Detector(micro_release, engine=lambda release: FakeEngine(logits=(5.0,)))


@pytest.fixture
def say(detector, monkeypatch):
    """Sets what the network says; see `FakeEngine`."""

    def put(**said):
        engine = FakeEngine(**said)
        monkeypatch.setattr(detector, "engine", engine)
        return engine

    return put


def test_a_verdict_of_a_real_network_is_complete(micro_release, astronaut):
    detector = Detector(micro_release)
    verdict = detector.check(encode(astronaut))
    assert verdict.reason is None
    (face,) = verdict.verdicts
    assert face.stability.flips or face.evidence is detector.calibration.evidence(face.score)
    claimed = face.score >= detector.calibration.threshold and not face.stability.flips
    assert face.kinds == (("generated",) if claimed else ())
    assert face.heatmap.min() >= 0
    assert face.heatmap.max() == 1


@pytest.mark.parametrize(
    ("shares", "kinds"),
    [((0.9, 0.1), ("generated",)), ((0.2, 0.8), ("blended",)), ((0.4, 0.6), ("blended", "generated"))],
)
def test_the_kinds_that_carry_the_evidence_are_named(detector, astronaut, shares, kinds, say, monkeypatch):
    say(logits=(5.0,), kinds=shares)
    monkeypatch.setattr(detector, "kinds", ("generated", "blended"))
    (verdict,) = detector.judge(faces.find(astronaut))
    assert verdict.kinds == kinds
    said = words.meaning(verdict)
    assert ("generated whole" in said, "face swap" in said) == ("generated" in kinds, "blended" in kinds)


@pytest.mark.parametrize(("logit", "evidence"), [(5.0, Evidence.VERY_STRONG), (-5.0, Evidence.NONE)])
def test_the_heatmap_explains_the_claim_that_is_made(detector, astronaut, say, logit, evidence):
    engine = say(logits=(logit,))
    (face,) = detector.check(encode(astronaut)).verdicts
    assert face.evidence is evidence
    wanted = grad_cam(engine.features, engine.gradient, towards_fake=logit > 0)
    np.testing.assert_array_equal(face.heatmap, wanted)
    assert np.abs(wanted - grad_cam(engine.features, engine.gradient, towards_fake=logit < 0)).max() > 0.5


def test_a_verdict_that_a_treatment_turns_is_inconclusive(detector, astronaut, say):
    say(logits=(5.0, 5.0, -5.0, 5.0, 5.0))  # as it is, then under each treatment
    (face,) = detector.check(encode(astronaut)).verdicts
    assert face.stability.flips == (list(TREATMENTS)[1],)
    assert face.evidence is Evidence.INCONCLUSIVE
    assert face.kinds == ()


def test_several_faces_get_a_verdict_each_from_one_pass(detector, astronaut, say):
    engine = say()
    pair = np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)
    verdict = detector.check(encode(pair))
    assert len(verdict.verdicts) == 2
    assert engine.calls == [2 * (1 + len(TREATMENTS))]
    assert len({v.face.box[0] > 512 for v in verdict.verdicts}) == 2
    photo, overlay = verdict.overlay()
    assert photo.shape == overlay.shape == (512, 1024, 3)
    changed = (photo != overlay).any(axis=2)
    for v in verdict.verdicts:
        x, y, width, height = v.face.box
        assert changed[y : y + height, x : x + width].any()
    assert not changed[400:].any()


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.full((300, 300, 3), 80, np.uint8), "No face was found"),
        ("small", "below 64 pixels the scores are not reliable"),
    ],
)
def test_without_a_usable_face_there_is_a_reason_and_no_score(detector, astronaut, say, pixels, words):
    engine = say()
    if isinstance(pixels, str):
        pixels = np.asarray(Image.fromarray(astronaut).resize((200, 200), Image.Resampling.LANCZOS))
    verdict = detector.check(encode(pixels))
    assert verdict.verdicts == ()
    assert words in verdict.reason
    assert engine.calls == []


def test_the_steps_are_said_before_they_are_done(detector, astronaut):
    assert list(detector.steps(encode(astronaut))) == ["Reading the file", "Finding faces", "Looking at one face"]


def test_json_has_what_the_command_line_promises(detector, astronaut):
    verdict = detector.check(encode(astronaut))
    found = json.loads(json.dumps(record.of_photo(verdict, detector.release)))
    assert set(found) == {"schema", "error", "reason", "faces", "file", "provenance", "release", "sha256"}
    assert found["release"] == "micro"
    (face,) = found["faces"]
    assert set(face) == {"box", "score", "evidence", "evidence_kinds", "treated", "holds", "strange"}
    assert all(isinstance(value, int) for value in face["box"])


def test_a_bad_file_is_an_error_and_never_a_score(detector):
    with pytest.raises(PhotoError):
        detector.check(b"nothing")


def test_a_verdict_out_of_range_cannot_be_made(detector, astronaut):
    (face,) = detector.check(encode(astronaut)).verdicts
    with pytest.raises(ValueError, match="score"):
        replace(face, score=float("nan"))
    with pytest.raises(ValueError, match="heatmap"):
        replace(face, heatmap=np.full((2, 2), np.nan))


def test_a_close_view_shows_the_face_and_what_was_cropped(detector, astronaut):
    verdict = detector.check(encode(astronaut))
    whole, near = verdict.overlay(face=0), verdict.overlay(face=0, close=True)
    assert near[0].shape == near[1].shape
    assert max(near[0].shape) < 0.7 * max(whole[0].shape)
    x, y, width, height = verdict.verdicts[0].face.box
    face = whole[1][y : y + height, x : x + width]
    assert cv2.matchTemplate(near[1], face, cv2.TM_SQDIFF).min() < 1000  # the same pixels, up to float32


def test_a_blurred_face_is_not_judged(detector, astronaut):
    verdict = detector.check(encode(cv2.GaussianBlur(astronaut, (0, 0), 3)))
    assert verdict.verdicts == ()
    assert "too blurred" in verdict.reason


def test_a_large_photo_gives_the_verdict_of_its_full_size(detector, astronaut):
    """One face needs the photo at full size, and one does not: neither loses anything by decoding it smaller."""
    for factor in (3, 7):
        large = cv2.resize(astronaut, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        jpeg = detector.check(encode(large, "JPEG", quality=97, subsampling=0)).verdicts[0]
        exact = detector.check(encode(large, "BMP"), PhotoLimits(max_bytes=50_000_000)).verdicts[0]
        assert np.abs(np.array(jpeg.face.box) - exact.face.box).max() < 20
        assert np.abs(jpeg.face.crop.astype(int) - exact.face.crop).mean() < 4


def test_a_crowd_is_judged_up_to_a_number(detector, astronaut):
    verdict = detector.check(encode(np.concatenate([astronaut] * 3, axis=1)), face_limits=FaceLimits(max_faces=2))
    assert len(verdict.verdicts) == 2
    assert verdict.left_out == 1
    assert "One more face" in words.left_out(verdict)
