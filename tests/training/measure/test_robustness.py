"""Robustness measured on a detector whose answers are known: it calls sharp pictures fake."""

import json
import shutil

import cv2
import numpy as np
import pytest

from deepley.network import files
from deepley.photo.decode import decode
from deepley.training.data.sources import find
from deepley.training.measure import robustness
from deepley.training.release import curves, finish, model_card
from deepley.verdict.calibration import Calibration
from tests.conftest import encode, write_pictures

CUT = Calibration(doubt=0.4, threshold=0.5)


def sharp(faces):
    """Grain adds to the Laplacian; the smooth test pictures have next to none. Very grainy ones are strange to it."""
    logits = np.array([cv2.Laplacian(face, cv2.CV_64F).std() - 12.0 for face in faces])
    return logits, logits > 100


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    write_pictures(folder, 12, 12)
    return folder


@pytest.mark.slow
def test_every_treatment_is_measured_and_blur_blinds_what_looks_for_grain(sources):
    found = robustness.under_treatments(sharp, tuple(find(sources)), CUT)
    assert set(found) == set(robustness.CONDITIONS)
    assert found["as it is"]["recall"]["value"] == 1
    assert found["as it is"]["false_positive_rate"]["value"] == 0
    assert found["JPEG 90"]["recall"]["value"] == 1
    assert found["blur 2"]["recall"]["value"] < 0.5
    assert all(figures["n"] == 24 for figures in found.values())
    without = robustness.under_treatments(lambda faces: (sharp(faces)[0], None), tuple(find(sources)), CUT)
    assert all("unlike_training" not in figures for figures in without.values())


def test_sets_are_told_apart_and_utkface_is_split_into_groups(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(robustness, "_SMALLEST_GROUP", 3)
    shutil.copytree(sources, tmp_path / "both")
    faces = tmp_path / "utk" / "real"
    faces.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for i in range(6):
        grain = rng.normal(0, 50 * (i % 2), (256, 256, 3))
        name = f"{20 + 50 * (i // 4)}_{i % 2}_{i % 2}_20170112213500{i:03}.png"
        (faces / name).write_bytes(encode(np.clip(120 + grain, 0, 255).astype(np.uint8)))
    measured = robustness.elsewhere(sharp, tmp_path, CUT)
    found, groups = measured.sets, measured.groups
    assert measured.unreadable == ()
    assert set(found) == {"both", "utk"}
    assert found["utk"]["false_positive_rate"]["value"] == 0.5
    assert "recall" not in found["utk"]
    assert found["utk"]["unlike_training"]["value"] == 0.5
    assert groups["women"]["unlike_training"]["value"] == 1
    assert groups["men"]["false_positive_rate"]["value"] == 0
    assert groups["women"]["false_positive_rate"]["value"] == 1
    assert set(groups) == {"men", "women", "race label White", "race label Black", "age 18 to 39"}


def test_what_was_measured_goes_into_the_release_and_its_card(micro_release, sources, tmp_path):
    release = tmp_path / "release"
    shutil.copytree(micro_release, release)
    config = json.loads((release / "config.json").read_text())
    (release / "config.json").write_text(json.dumps({**config, "training": {"preset": "x"}}))
    treated = robustness.under_treatments(sharp, tuple(find(sources)), CUT)
    finish.add(release, {"treated": treated})
    metrics = json.loads((release / "metrics.json").read_text())
    assert set(metrics["sets"]) == {"validation"}
    assert metrics["treated"]["JPEG 50"]["n"] == 24
    text = (release / "README.md").read_text()
    assert "### Under treatment" in text
    assert "| JPEG 50 | 24 (12) |" in text


def test_a_cell_that_does_not_apply_is_empty():
    one = {"n": 5, "real": 5, "fake": 0, "false_positive_rate": {"value": 0.2, "low": 0.0, "high": 0.6}}
    both = {**one, "recall": {"value": 1.0, "low": 1.0, "high": 1.0}}
    rows = model_card.comparison({"one": one, "both": both}, "set").splitlines()
    assert rows[2] == "| one | 5 (5) | 20.0 % (0.0 to 60.0) |  |"
    assert rows[3].endswith("| 100.0 % (100.0 to 100.0) |")


def test_a_table_says_how_many_copies_were_left_out():
    one = {"n": 5, "real": 5, "fake": 0, "copies_left_out": 1200}
    rows = model_card.comparison({"one": one, "earlier": {"n": 3, "real": 3, "fake": 0}}, "set").splitlines()
    assert rows[0] == "| set | n (real) | copies left out |"
    assert rows[2:] == ["| one | 5 (5) | 1,200 |", "| earlier | 3 (3) |  |"]
    none = model_card.comparison({"one": {**one, "copies_left_out": 0}}, "set").splitlines()
    assert none[2] == "| one | 5 (5) |"


def test_the_curves_of_a_card_are_a_picture_of_the_history(micro_release):
    history = files.read_history(micro_release / files.HISTORY)
    shown = decode(curves.picture(history)).pixels
    assert shown.shape == (360, 1000, 3)
    assert (decode(curves.picture(history[:2])).pixels != shown).any()


def test_the_hub_finds_the_figures_in_the_cards_front_matter(micro_release):
    from huggingface_hub import ModelCard

    metrics = json.loads((micro_release / "metrics.json").read_text())
    config = json.loads((micro_release / "config.json").read_text()) | {"training": {"preset": "x"}}
    data = ModelCard(model_card.card(config, metrics)).data
    assert data.license == "cc-by-nc-sa-4.0"
    found = {result.metric_type: result.metric_value for result in data.eval_results}
    assert found["roc_auc"] == round(metrics["sets"]["validation"]["auc"]["value"], 4)
    assert found["accuracy"] == round(metrics["sets"]["validation"]["accuracy"]["value"], 4)
