"""The release that is part of the repository, and what README says of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from deepley.config import DEFAULT_RELEASE, FACE_SIZE
from deepley.engine.tensorflow import TensorFlowEngine
from deepley.explain.heatmap import grad_cam
from deepley.network import files, model
from deepley.photo import faces
from deepley.photo.decode import decode
from deepley.recipes import PRESETS, ModelConfig, TrainConfig
from deepley.records import from_json
from deepley.training.release.model_card import card, tables
from deepley.verdict.detector import Detector
from deepley.video import changes, temporal_head
from tests.conftest import encode, under_orientation

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def detector():
    return Detector(DEFAULT_RELEASE)


def test_the_shipped_weights_load_and_judge_a_photo(detector, astronaut):
    (verdict,) = detector.check(encode(astronaut)).verdicts
    assert 0 <= verdict.score <= 1
    assert verdict.heatmap.shape == (8, 8)
    assert np.isfinite(verdict.heatmap).all()
    assert verdict.heatmap.max() == 1


@pytest.mark.slow
def test_the_shipped_release_scores_a_photo_alike_under_all_orientations(detector, astronaut):
    def scores(file_format, **options):
        files = [under_orientation(astronaut, o, file_format, **options) for o in range(1, 9)]
        found = [faces.find(decode(data).pixels)[0] for data in files]
        return [verdict.score for verdict in detector.judge(found, treatments={})]

    for tolerance, found in ((1e-5, scores("PNG")), (0.02, scores("JPEG", quality=95))):
        assert max(found) - min(found) <= tolerance


def test_randomised_weights_change_the_shipped_heatmap(detector, astronaut):
    """Adebayo et al. 2018, on the real network: only its head is randomised, and the map is another one."""
    (verdict,) = detector.check(encode(astronaut)).verdicts
    network = detector.release.model
    temporal_head = {
        w.path: np.asarray(w) for w in network.weights if model.stage_of(w.path.split("/")[0], ModelConfig()) == "head"
    }
    rng = np.random.default_rng(0)
    try:
        for weight in network.weights:
            if weight.path in temporal_head and weight.path.endswith("/kernel"):
                weight.assign(rng.normal(0, np.std(temporal_head[weight.path]), weight.shape))
        (activation,) = TensorFlowEngine(network).explain(verdict.face.crop[None])
    finally:
        for weight in network.weights:
            if weight.path in temporal_head:
                weight.assign(temporal_head[weight.path])
    maps = [grad_cam(activation.features, activation.gradient, side) for side in (True, False)]
    assert min(np.abs(verdict.heatmap - other).mean() for other in maps) > 0.02


def _results(shown):
    return {(each.dataset_name, each.metric_type): each.metric_value for each in shown.data.eval_results}


def test_figures_on_card_and_readme_are_those_of_the_release():
    loaded = json.loads((DEFAULT_RELEASE / files.CONFIG).read_text())
    metrics = json.loads((DEFAULT_RELEASE / files.METRICS).read_text())
    shipped, written = ModelCard((DEFAULT_RELEASE / files.CARD).read_text()), ModelCard(card(loaded, metrics))
    assert shipped.text == written.text
    assert _results(shipped) == _results(written)
    assert tables(metrics) in (ROOT / "README.md").read_text()
    assert len(metrics["sets"]["test"]["scores"]) == metrics["sets"]["test"]["n"]
    assert len(metrics["sets"]["validation"]["labels"]) == metrics["sets"]["validation"]["n"]


def test_the_release_has_the_temporal_head_that_its_card_tells_of(detector):
    trained = temporal_head.load(DEFAULT_RELEASE / files.TEMPORAL, detector.release.sha256)
    assert trained.mean.shape == (2048 + len(changes.NAMES),)
    told = detector.release.metrics["clips"]
    measured = trained.details["figures"]
    assert told["both"]["auc"] == measured["auc"]["both"]
    assert min(measured["n"].values()) >= 100
    assert measured["difference"]["low"] > -0.01
    assert abs(measured["control"]["temporal"]["value"] - 0.5) <= 0.05


def test_the_release_keeps_the_whole_history_and_the_decks():
    for file in (files.HISTORY, "history-deck.csv"):
        rows = files.read_history(DEFAULT_RELEASE / file)
        assert [row["round"] for row in rows] == list(range(1, len(rows) + 1))
    shown = {phase.name for phase in PRESETS["wide"].phases}
    assert {row["phase"] for row in files.read_history(DEFAULT_RELEASE / files.HISTORY)} == shown
    assert (
        from_json(TrainConfig, json.loads((DEFAULT_RELEASE / files.CONFIG).read_text())["training"]) == PRESETS["wide"]
    )


def test_the_network_sees_a_face_of_the_size_that_alignment_gives(detector):
    features, _ = detector.release.model.compute_output_shape((1, FACE_SIZE, FACE_SIZE, 3))
    assert features == (1, 8, 8, 2048)
