import re

import numpy as np
import pytest

from deepley.engine.fake import FakeEngine
from deepley.verdict import report, words
from deepley.verdict.calibration import Calibration, Evidence
from deepley.verdict.detector import Detector
from tests.conftest import encode


@pytest.fixture(scope="module")
def detector(micro_release):
    return Detector(micro_release, engine=lambda release: FakeEngine())


@pytest.fixture(scope="module")
def pair(detector):
    import skimage.data

    photo = skimage.data.astronaut()
    return detector.check(encode(np.concatenate([photo, photo[:, ::-1]], axis=1)))


def test_a_report_has_every_face_its_scores_and_what_judged(detector, pair):
    page = report.html(pair, detector.release, "two.png")
    assert page.count("<h3>Face ") == 2
    for v in pair.verdicts:
        assert f"Score {v.score:.2f}" in page
        assert words.HEADLINES[v.evidence] in page
        for name, score in v.stability.treated.items():
            assert re.search(rf"{name}</th><td>{score:.3f}", page)
    assert pair.file.sha256 in page
    assert detector.release.sha256 in page
    assert "accuracy at score 0.5" in page
    assert len(re.findall(r'src="data:image/jpeg;base64,', page)) == 4  # photo, overlay, two crops
    assert not re.search(r'(src|href)="(?!data:)', page)


def test_what_a_file_brings_cannot_become_markup(detector, pair):
    page = report.html(pair, detector.release, '<script>alert("x")</script>.png')
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_a_report_without_a_face_says_why(detector):
    verdict = detector.check(encode(np.full((300, 300, 3), 90, np.uint8)))
    for made in (
        report.html(verdict, detector.release, "wall.png"),
        report.text(verdict, detector.release, "wall.png"),
    ):
        assert "Not applicable" in made
        assert "No face was found" in made


def test_the_text_names_faces_scores_provenance_and_release(detector, pair):
    text = report.text(pair, detector.release, "two.png")
    assert text.count("Face ") == 2
    assert "File: two.png" in text
    assert "What the file says of itself:\nNothing" in text
    assert "Release micro of 2026-01-01" in text


def test_an_inconclusive_verdict_names_the_treatments_that_carry_it_across(pair):
    from dataclasses import replace

    from deepley.verdict.photo import Stability

    turned = Stability(0.8, {"JPEG 70": 0.7, "JPEG 50": 0.2, "half size": 0.1}, 0.5)
    verdict = replace(pair.verdicts[0], score=0.8, evidence=Evidence.INCONCLUSIVE, kinds=(), stability=turned)
    assert "under JPEG 50 and half size" in words.meaning(verdict)
    assert "is not robust" in words.stability(verdict)
    assert "between 0.10 and 0.80" in words.stability(verdict)


def test_bands_cover_the_scale_and_those_below_the_threshold_are_left_out():
    bands = words.bands(Calibration(doubt=0.3, threshold=0.6))
    assert [band for band, _, _ in bands] == [
        Evidence.NONE,
        Evidence.INCONCLUSIVE,
        Evidence.MODERATE,
        Evidence.STRONG,
        Evidence.VERY_STRONG,
    ]
    assert [low for _, low, _ in bands][1:] == [high for _, _, high in bands][:-1]
    cut = Calibration(doubt=0.3, threshold=0.6)
    for band, low, high in bands:
        assert cut.evidence(low) is cut.evidence((low + high) / 2) is band
