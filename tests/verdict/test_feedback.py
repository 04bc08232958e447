import io
import json

import numpy as np
import pytest
from PIL import Image

from deepley.__main__ import main
from deepley.engine.fake import FakeEngine
from deepley.training.data.sources import find
from deepley.verdict import feedback
from deepley.verdict.detector import Detector
from tests.conftest import encode


@pytest.fixture(scope="module")
def detector(micro_release):
    return Detector(micro_release, engine=lambda release: FakeEngine())


@pytest.fixture(scope="module")
def checked(detector):
    import skimage.data

    data = encode(skimage.data.astronaut())
    return data, detector.check(data)


def test_without_the_photo_only_a_line_is_kept(detector, checked, tmp_path):
    _, verdict = checked
    feedback.keep(tmp_path, verdict, 0, "fake", detector)
    assert [path.name for path in tmp_path.iterdir()] == [feedback.LINES]
    (line,) = map(json.loads, (tmp_path / feedback.LINES).read_text().splitlines())
    assert line["label"] == "fake"
    assert line["crop"] is None
    assert line["verdict"]["file"]["sha256"] == verdict.file.sha256


def test_kept_faces_are_what_evaluate_reads(detector, checked, tmp_path, micro_release, capsys):
    data, verdict = checked
    feedback.keep(tmp_path, verdict, 0, "fake", detector, data)
    (source,) = find(tmp_path)
    assert source.label == 1
    np.testing.assert_array_equal(np.asarray(Image.open(source.path)), verdict.verdicts[0].face.crop)
    other = encode(np.asarray(Image.open(io.BytesIO(data)))[:, ::-1])
    feedback.keep(tmp_path, detector.check(other), 0, "real", detector, other)
    assert main(["evaluate", str(tmp_path), "--release", str(micro_release), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["sets"][tmp_path.name]["n"] == 2


def test_who_changes_their_mind_moves_the_face(detector, checked, tmp_path):
    data, verdict = checked
    for label in ("fake", "real"):
        feedback.keep(tmp_path, verdict, 0, label, detector, data)
    assert [source.label for source in find(tmp_path)] == [0]
    assert len((tmp_path / feedback.LINES).read_text().splitlines()) == 2


@pytest.mark.parametrize(("face", "label"), [(0, "maybe"), (1, "real"), (-1, "real")])
def test_what_does_not_exist_is_refused_and_nothing_written(detector, checked, tmp_path, face, label):
    data, verdict = checked
    with pytest.raises(ValueError, match=r"label|no such face"):
        feedback.keep(tmp_path / "new", verdict, face, label, detector, data)
    assert not (tmp_path / "new").exists()
