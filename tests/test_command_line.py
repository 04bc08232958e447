import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from deepley.__main__ import main
from deepley.errors import Refusal
from deepley.photo.decode import decode
from tests.conftest import encode


@pytest.fixture
def photos(tmp_path, astronaut):
    folder = tmp_path / "photos"
    (folder / "below").mkdir(parents=True)
    (folder / "astronaut.png").write_bytes(encode(astronaut))
    (folder / "below" / "wall.png").write_bytes(encode(np.full((200, 200, 3), 90, np.uint8)))
    return folder


def test_check_prints_one_object_a_file_and_goes_on_after_a_bad_one(photos, astronaut, micro_release, capsys):
    (photos / "broken.jpg").write_bytes(encode(astronaut, "JPEG")[:9000])
    code = main(["check", str(photos), str(photos / "gone.jpg"), "--json", "--release", str(micro_release)])
    found = {item["path"].removeprefix(f"{photos}/"): item for item in json.loads(capsys.readouterr().out)}
    assert code == 1
    assert list(found) == ["astronaut.png", "below/wall.png", "broken.jpg", "gone.jpg"]
    assert found["astronaut.png"]["error"] is None
    assert 0 <= found["astronaut.png"]["faces"][0]["score"] <= 1
    assert found["below/wall.png"]["reason"].startswith("No face was found")
    assert "damaged" in found["broken.jpg"]["error"]
    assert found["gone.jpg"]["error"] == "The file cannot be read: No such file or directory."


def test_check_writes_overlays_and_says_evidence_in_words(photos, micro_release, tmp_path, capsys):
    options = ["--release", str(micro_release), "--heatmaps", str(tmp_path / "maps")]
    assert main(["check", str(photos), *options]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "evidence of manipulation: " in lines[0]
    assert "not applicable: No face was found" in lines[1]
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["001-astronaut.png.heatmap.png"]
    with Image.open(tmp_path / "maps" / "001-astronaut.png.heatmap.png") as overlay:
        assert overlay.size == (512, 512)


def test_evaluate_gives_every_figure_with_its_interval(data_folder, micro_release, capsys):
    code = main(["evaluate", str(data_folder / "test"), "--json", "--release", str(micro_release)])
    found = json.loads(capsys.readouterr().out)
    assert code == 0
    figures = found["sets"]["test"]
    assert figures["n"] == 16
    for name in ("accuracy", "balanced_accuracy", "auc", "average_precision", "false_positive_rate", "recall", "ece"):
        assert figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"]
    assert found["release"] == "micro"


def test_sets_are_stored_beside_those_scored_before(data_folder, micro_release, tmp_path, capsys):
    release = shutil.copytree(micro_release, tmp_path / "release")
    for name in ("first", "second"):
        shutil.copytree(data_folder / "test", tmp_path / f"with-{name}" / name)
        sets = ["--sets", str(tmp_path / f"with-{name}"), "--store", "--json"]
        assert main(["evaluate", str(data_folder / "test"), "--release", str(release), *sets]) == 0
    stored = json.loads((release / "metrics.json").read_text())
    assert {name: found["n"] for name, found in stored["elsewhere"].items()} == {"first": 16, "second": 16}
    assert "| second | 16 (8)" in (release / "README.md").read_text()


def test_copies_of_training_pictures_are_left_out_of_the_sets(data_folder, micro_release, tmp_path, capsys):
    """Copies under the same label: a fake made of a photo that was trained on as real is no easier for it."""
    release = shutil.copytree(micro_release, tmp_path / "release")
    some, train = tmp_path / "sets" / "some", data_folder / "train"
    shutil.copytree(data_folder / "test", some)
    shutil.copytree(train, tmp_path / "sets" / "all")
    (some / "real" / "copy.jpg").write_bytes(encode(decode((train / "real" / "000.jpg").read_bytes()).pixels, "JPEG"))
    shutil.copy(train / "fake" / "000.jpg", some / "fake" / "copy.jpg")
    shutil.copy(train / "real" / "001.jpg", some / "fake" / "other.jpg")
    (some / "real" / "broken.jpg").write_bytes(b"broken")
    sets = ["--sets", str(tmp_path / "sets"), "--store", "--json", "--release", str(release)]
    for options, expected in (([], {"all": 48, "some": 19}), (["--trained", str(data_folder)], {"some": 17})):
        assert main(["evaluate", str(data_folder / "test"), *sets, *options]) == 1
        out = capsys.readouterr()
        assert "skipped some/real/broken.jpg" in out.err
        stored = json.loads((release / "metrics.json").read_text())["elsewhere"]
        assert {name: found["n"] for name, found in json.loads(out.out)["elsewhere"].items()} == expected
        assert {name: found["n"] for name, found in stored.items()} == expected
    assert stored["some"]["copies_left_out"] == 2
    assert "some: 2 near-copies of training pictures left out" in out.err
    assert "all: nothing left to score" in out.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--trained", "."], "--trained is for --sets"),
        (["--sets", ".", "--trained", "DATA"], "has no training picture that can be read"),
    ],
)
def test_training_pictures_that_do_not_help_are_refused(data_folder, micro_release, options, words, capsys):
    options = [str(data_folder / "test") if option == "DATA" else option for option in options]
    assert main(["evaluate", str(data_folder / "test"), "--release", str(micro_release), *options]) == 1
    assert words in capsys.readouterr().err


def test_evaluate_names_an_unreadable_file_and_scores_the_rest(data_folder, micro_release, tmp_path, capsys):
    shutil.copytree(data_folder / "test", tmp_path / "test")
    (tmp_path / "test" / "real" / "zz.jpg").write_bytes(b"broken")
    code = main(["evaluate", str(tmp_path / "test"), "--json", "--release", str(micro_release)])
    out = capsys.readouterr()
    assert code == 1
    assert json.loads(out.out)["sets"]["test"]["n"] == 16
    assert "skipped real/zz.jpg" in out.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["evaluate", "nowhere"], "There is no folder or tar at nowhere."),
        (["check", "x.jpg", "--release", "nowhere"], "nowhere holds no config.json"),
        (["train", "--data", "nowhere", "--out", "out"], "There is no folder or tar at nowhere."),
    ],
)
def test_a_refusal_is_one_sentence(arguments, words, micro_release, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if arguments[0] == "evaluate":
        arguments = [*arguments, "--release", str(micro_release)]
    assert main(arguments) == 1
    assert words in capsys.readouterr().err


def test_the_module_runs_as_a_program():
    process = subprocess.run(
        [sys.executable, "-m", "deepley", "--help"], capture_output=True, text=True, check=True, timeout=60
    )
    assert "check" in process.stdout
    assert "evaluate" in process.stdout


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (Refusal("There is no such photo."), 1, "deepley: There is no such photo.\n"),
        (FileNotFoundError(2, "No such file or directory", "x.jpg"), 1, "deepley: No such file or directory: x.jpg\n"),
        (OSError("The disk went away."), 1, "deepley: The disk went away.\n"),
        (OSError(28, "No space left on device"), 1, "deepley: [Errno 28] No space left on device\n"),
        (KeyboardInterrupt(), 130, "deepley: stopped.\n"),
    ],
)
def test_what_a_person_can_mend_is_told_in_a_sentence(error, code, says, monkeypatch, capsys):
    def fail(*_):
        raise error

    monkeypatch.setattr("deepley.training.data.collect.collect", fail)
    assert main(["collect", "photos", "out"]) == code
    assert capsys.readouterr().err == says


def test_a_bug_shows_its_traceback_and_has_an_exit_code_of_its_own(monkeypatch, capsys):
    def fail(*_):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr("deepley.training.data.collect.collect", fail)
    assert main(["collect", "photos", "out"]) == 70
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert "operands could not be broadcast together" in said
