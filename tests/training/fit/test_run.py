"""Training for real, on a network of six thousand weights."""

import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import psutil
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from sklearn.metrics import roc_auc_score

from deepley.engine.tensorflow import TensorFlowEngine
from deepley.host.files import write_json
from deepley.network import files, release
from deepley.network.model import stage_of
from deepley.recipes import PRESETS, TrainConfig
from deepley.records import from_json, to_json
from deepley.training.data import dataset
from deepley.training.fit import batches, begin, cache, run, steps
from deepley.training.fit.checkpoint import CheckpointError
from deepley.training.release.finish import finish
from deepley.training.views import views
from deepley.verdict import words
from deepley.verdict.detector import Detector
from tests.conftest import MICRO

pytestmark = pytest.mark.slow

TRAIN = """
import json, sys
from pathlib import Path
import keras
from deepley.recipes import TrainConfig
from deepley.records import from_json
from deepley.training.data import dataset
from deepley.training.fit import run
data, out, config = sys.argv[1:4]
run.train(dataset.load(Path(data)), from_json(TrainConfig, json.loads(config)), Path(out), resume=True)
print("done")
"""


@pytest.fixture(scope="module")
def data(data_folder):
    return dataset.load(data_folder)


def _start(data_folder, out, recipe):
    return subprocess.Popen(
        [sys.executable, "-c", TRAIN, str(data_folder), str(out), json.dumps(to_json(recipe))],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _final(out):
    return {k: v for k, v in load_file(out / run.CHECKPOINT).items() if not k.startswith("optimizer/")}


def test_a_run_that_was_killed_and_resumed_ends_bit_for_bit_like_one_that_was_not(data_folder, tmp_path, micro_recipe):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = _start(data_folder, killed, micro_recipe)
    # Kill once in each phase: while the first round of the second phase runs, and before that in the first phase.
    for rounds in (1, 3):
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            history = killed / "history.csv"
            if history.exists() and len(history.read_text().splitlines()) - 1 >= rounds:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, process.stdout.read()
        process = _start(data_folder, killed, micro_recipe)
    run.train(dataset.load(data_folder), micro_recipe, whole)
    output, _ = process.communicate(timeout=120)
    assert output.endswith("done\n"), output
    wanted, found = _final(whole), _final(killed)
    assert wanted.keys() == found.keys()
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)

    def rows(out):
        with open(out / "history.csv", newline="") as file:
            return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]

    assert rows(killed) == rows(whole)
    assert [row["phase"] for row in rows(whole)] == ["head", "head", "all", "all", "all"]


def test_a_run_whose_views_a_process_draws_is_the_same(data, micro_recipe, tmp_path, monkeypatch):
    alone, drawn, asked, drawers = tmp_path / "alone", tmp_path / "drawn", [], views.drawers
    run.train(data, micro_recipe, alone)
    monkeypatch.setattr(views, "drawers", lambda sources, count: asked.append(count) or drawers(sources, 1))
    run.train(data, micro_recipe, drawn)
    assert asked == [0]  # without a GPU
    wanted, found = _final(alone), _final(drawn)
    for name in wanted:
        np.testing.assert_array_equal(found[name], wanted[name], err_msg=name)


DRAW = """
import sys, time
from multiprocessing import active_children
from pathlib import Path
import numpy as np
from deepley.training.data.sources import find
from deepley.training.views.views import drawers
if __name__ == "__main__":
    with drawers(tuple(find(Path(sys.argv[1]))), 1) as views:
        views.draw(np.arange(4), (1,), 64, "wide")
        print(active_children()[0].pid, flush=True)
        time.sleep(60)
"""


def test_a_process_that_draws_ends_with_the_training(data_folder, tmp_path):
    script = tmp_path / "draw.py"
    script.write_text(DRAW)
    root = str(Path(run.__file__).parents[3])
    training = subprocess.Popen(
        [sys.executable, script, data_folder], stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": root}
    )
    drawer = psutil.Process(int(training.stdout.readline()))
    training.send_signal(signal.SIGKILL)
    training.wait()
    drawer.wait(timeout=20)


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    """A network that learned to see the grain of the fake pictures, and its folder."""
    from deepley.recipes import Phase

    recipe = TrainConfig(
        preset="test",
        model=dataclasses.replace(MICRO, dropout=0.1),
        batch_size=8,
        mixed_precision=False,
        augment="none",
        patience=12,
        phases=(Phase("all", ("all",), 12, 48, crop=64, learning_rate=1e-2),),
    )
    out = tmp_path_factory.mktemp("run")
    network, history = run.train(data, recipe, out)
    return network, history, recipe, out


def test_training_learns_and_writes_its_history(trained):
    _, history, recipe, out = trained
    assert tuple(history[0]) == files.COLUMNS
    assert min(row["val_loss"] for row in history) < 0.8 * history[0]["val_loss"]
    assert max(row["val_auc"] for row in history) > 0.9
    assert files.read_history(out / "history.csv")[-1]["round"] == len(history)
    assert history[-1]["epoch"] == len(history)
    assert history[-1]["learning_rate"] < 1e-3 * recipe.phases[0].learning_rate


def test_a_finished_run_becomes_a_release_whose_figures_are_its_own(trained, data, tmp_path):
    network, history, recipe, _ = trained
    folder = tmp_path / "release"
    metrics = finish(network, history, data, recipe, folder, "grain", "generated pictures")
    loaded = release.load(folder)
    assert json.loads((folder / files.METRICS).read_text()) == json.loads(json.dumps(metrics))
    assert metrics["sets"]["validation"]["n"] == 24
    assert metrics["sets"]["test"]["n"] == 16
    assert loaded.history() == [{k: v if k == "phase" else float(v) for k, v in row.items()} for row in history]
    from deepley.training.measure.evaluation import score_readable
    from deepley.verdict.calibration import of_release

    logits, _, _ = score_readable(TensorFlowEngine(loaded.model).score, data.splits["test"])
    stored = metrics["sets"]["test"]["scores"]
    np.testing.assert_allclose(of_release(loaded).score(logits), stored, atol=1e-5)
    text = (folder / files.CARD).read_text()
    assert text.startswith("---\nlibrary_name: keras\n")
    assert "generated pictures" in text
    assert loaded.sha256 in text
    assert from_json(TrainConfig, loaded.config["training"]) == recipe


def test_a_release_tells_what_its_training_started_from(trained, data, micro_release, tmp_path):
    network, history, recipe, _ = trained
    start, folder = shutil.copytree(micro_release, tmp_path / "start"), tmp_path / "release"
    config = json.loads((start / files.CONFIG).read_text())
    del config["data"]["origin"]
    first = {"name": "first", "sha256": "0" * 64, "data": {"origin": "drawings", "counts": {}}}
    write_json(start / files.CONFIG, config | {"ancestors": [first]})
    finish(network, history, data, recipe, folder, "grain", "generated pictures", start)
    detector = Detector(folder)
    before = release.load(start)
    assert detector.release.history()[:3] == before.history()
    assert [row["round"] for row in detector.release.history()] == list(range(1, len(history) + 4))
    assert [each["sha256"] for each in detector.release.config["ancestors"]] == [before.sha256, "0" * 64]
    card = (folder / files.CARD).read_text()
    for said in (
        "started from micro",
        "trained on pictures of which it says nothing",
        "started from first",
        "on drawings",
    ):
        assert said in card
    told = words.trained(detector.release.config)
    assert "generated pictures; before that, on: pictures of which it says nothing; before" in told
    assert "started from" not in (micro_release / files.CARD).read_text()


def test_the_best_weights_come_back(trained, data):
    network, history, _, _ = trained
    trainer = keras.Model(network.input, network.get_layer("logit").output)
    logits = steps.predict(trainer, batches.Wholes(data.splits["valid"], 16, ("generated",)))[:, 0]
    labels = batches.labels_of(data.splits["valid"])
    loss = np.mean(np.logaddexp(0, logits) - labels * logits)
    assert loss == pytest.approx(min(row["val_loss"] for row in history), abs=1e-5)


def test_the_weights_with_the_best_of_what_is_monitored_come_back(data, tmp_path, micro_recipe):
    phase = dataclasses.replace(micro_recipe.phases[1], rounds=6, images_per_round=16, learning_rate=0.3)
    recipe = dataclasses.replace(micro_recipe, phases=(phase,), monitor="val_auc")
    network, history = run.train(data, recipe, tmp_path)
    rows = {key: [row[key] for row in history] for key in ("val_auc", "val_loss")}
    assert np.argmax(rows["val_auc"]) != np.argmin(rows["val_loss"])  # else this shows nothing
    trainer = keras.Model(network.input, network.get_layer("logit").output)
    logits = steps.predict(trainer, batches.Wholes(data.splits["valid"], 16, ("generated",)))[:, 0]
    found = roc_auc_score(batches.labels_of(data.splits["valid"]), logits)
    assert found == pytest.approx(max(rows["val_auc"]), abs=1e-6)
    with pytest.raises(ValueError, match="monitor must be"):
        dataclasses.replace(recipe, monitor="accuracy")


def test_patience_ends_a_phase_early_and_plateau_lowers_the_rate(data, tmp_path, micro_recipe):
    phase = dataclasses.replace(
        micro_recipe.phases[1], rounds=30, images_per_round=16, learning_rate=1.0, schedule="plateau"
    )
    recipe = dataclasses.replace(micro_recipe, phases=(phase,), patience=3, optimizer="adam")
    _, history = run.train(data, recipe, tmp_path / "run")
    assert len(history) < 30
    best = int(np.argmin([row["val_loss"] for row in history]))
    assert len(history) - 1 - best == 3
    assert history[-1]["learning_rate"] == 0.5 * history[best]["learning_rate"]


def test_training_with_and_without_the_cache_is_the_same_training(data, tmp_path, micro_recipe, monkeypatch):
    phase = dataclasses.replace(micro_recipe.phases[0], learning_rate=1e-3)
    recipe = dataclasses.replace(micro_recipe, phases=(phase,), views=2)
    cached, _ = run.train(data, recipe, tmp_path / "cached")
    monkeypatch.setattr(cache, "room_for", lambda folder, count: "the disk is full")
    uncached, _ = run.train(data, recipe, tmp_path / "uncached")
    for one, other in zip(cached.weights, uncached.weights, strict=True):
        if one.path.endswith("/kernel"):  # equal up to the float16 of stored features
            assert np.abs(np.asarray(one) - np.asarray(other)).mean() < 1e-3
    assert not (tmp_path / "cached" / "cache").exists()


def test_a_phase_that_trains_everything_has_nothing_to_cache(data, tmp_path, micro_recipe):
    phase = dataclasses.replace(micro_recipe.phases[0], trainable=("all",), rounds=1)
    _, history = run.train(data, dataclasses.replace(micro_recipe, phases=(phase,)), tmp_path)
    assert len(history) == 1


def test_a_recipe_keeps_the_kinds_of_the_release_it_starts_from(micro_recipe, tmp_path):
    model = dataclasses.replace(MICRO, kinds=("blended", "generated"))
    write_json(tmp_path / files.CONFIG, {"model": to_json(model)})
    assert begin.for_start(micro_recipe, tmp_path).model == model
    assert begin.for_start(micro_recipe, None) == micro_recipe
    with pytest.raises(ValueError, match="no release"):
        begin.for_start(micro_recipe, tmp_path / "nothing")


def test_without_room_on_the_disk_the_cache_is_left_out_and_it_says_so(tmp_path, monkeypatch):
    usage = type("Usage", (), {"free": 3_000_000_000})
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda folder: usage)
    assert cache.room_for(tmp_path, 1000) is None
    assert cache.room_for(tmp_path, 10**9) == "the feature cache needs 2.0 GB and 3.0 GB are free"


def test_a_run_is_not_overwritten_by_accident(trained, data):
    _, _, recipe, out = trained
    with pytest.raises(begin.TrainingError, match="continue it with --resume"):
        run.train(data, recipe, out)


def test_resuming_with_another_recipe_is_refused(trained, data):
    _, _, recipe, out = trained
    with pytest.raises(CheckpointError, match="with other config"):
        run.train(data, dataclasses.replace(recipe, batch_size=4), out, resume=True)


def test_a_checkpoint_from_before_a_field_of_the_recipe_is_resumed(trained, data, tmp_path):
    _, history, recipe, out = trained
    path = tmp_path / run.CHECKPOINT
    with safe_open(out / run.CHECKPOINT, "numpy") as file:
        state = json.loads(file.metadata()["state"])
    del state["identity"]["config"]["kept"]
    save_file(load_file(out / run.CHECKPOINT), path, metadata={"state": json.dumps(state)})
    assert run.train(data, recipe, tmp_path, resume=True)[1] == history


def test_a_damaged_checkpoint_is_refused(data, tmp_path, micro_recipe):
    (tmp_path / run.CHECKPOINT).write_bytes(b"\0" * 100)
    with pytest.raises(CheckpointError, match="damaged"):
        run.train(data, micro_recipe, tmp_path, resume=True)


def test_a_crop_larger_than_a_face_is_refused(data, tmp_path, micro_recipe):
    phase = dataclasses.replace(micro_recipe.phases[1], crop=300)
    with pytest.raises(begin.TrainingError, match="300 px crops of 256 px faces"):
        run.train(data, dataclasses.replace(micro_recipe, phases=(phase,)), tmp_path)


def test_a_resumed_finished_run_trains_no_more(trained, data):
    network, history, recipe, out = trained
    again, same = run.train(data, recipe, out, resume=True)
    assert same == history
    for one, other in zip(again.weights, network.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def test_a_network_of_more_kinds_starts_from_a_release_of_fewer(data, tmp_path, micro_recipe, micro_release):
    """The kind that both know keeps its logits; the new one hardly adds to the evidence yet."""
    still = dataclasses.replace(
        micro_recipe,
        model=dataclasses.replace(MICRO, kinds=("generated", "blended")),
        phases=(dataclasses.replace(micro_recipe.phases[1], rounds=1, learning_rate=1e-12),),
    )
    network, _ = run.train(data, still, tmp_path, start=micro_release)
    pictures = np.stack([source.face() for source in data.splits["test"]])
    logits = np.asarray(network(pictures.astype(np.float32), training=False)[1])
    before = release.load(micro_release).model
    assert logits.shape == (len(pictures), 2)
    assert (logits[:, 1] < -1).all()
    kernels = [model.get_layer("logit").kernel.numpy()[:, 0] for model in (network, before)]
    np.testing.assert_allclose(kernels[0], kernels[1], atol=1e-5)


def test_a_recipe_that_keeps_a_share_of_its_start_ends_between_the_two(data, tmp_path, micro_recipe, micro_release):
    """But for the kind that the start does not know: that is as trained."""
    recipe = dataclasses.replace(
        micro_recipe,
        model=dataclasses.replace(MICRO, kinds=("generated", "blended")),
        phases=(dataclasses.replace(micro_recipe.phases[1], rounds=1),),
    )
    keeping = dataclasses.replace(recipe, kept=0.75)
    before = release.load(micro_release)
    trained, _ = run.train(data, recipe, tmp_path / "all", start=micro_release)
    averaged, _ = run.train(data, keeping, tmp_path / "part", start=micro_release)
    again, _ = run.train(data, keeping, tmp_path / "part", start=micro_release, resume=True)
    for one, own, start, same in zip(averaged.weights, trained.weights, before.model.weights, again.weights):
        one, own, start = one.numpy(), own.numpy(), start.numpy()
        np.testing.assert_array_equal(one, same.numpy())
        if "logit" in same.path:
            np.testing.assert_array_equal(one[..., 1], own[..., 1])
            one, own, start = one[..., 0], own[..., 0], start[..., 0]
        np.testing.assert_allclose(one, 0.75 * start + 0.25 * own, rtol=1e-6, atol=1e-6)
    assert any(np.abs(one.numpy() - own.numpy()).max() > 1e-3 for one, own in zip(averaged.weights, trained.weights))
    other = tmp_path / "other"
    release.save(other, averaged, recipe.model, {k: before.config[k] for k in ("name", "data", "training")})
    with pytest.raises(CheckpointError, match="with other start"):
        run.train(data, keeping, tmp_path / "part", start=other, resume=True)
    with pytest.raises(begin.TrainingError, match="choose one to start from"):
        run.train(data, keeping, tmp_path / "none")


def test_what_is_taught_further_is_the_head_alone(data, tmp_path, micro_release):
    further = PRESETS["further"]
    (phase,) = further.phases
    recipe = dataclasses.replace(
        further,
        model=MICRO,
        blends=0.0,
        batch_size=16,
        mixed_precision=False,
        phases=(dataclasses.replace(phase, rounds=1, crop=64),),
    )
    taught, _ = run.train(data, recipe, tmp_path, start=micro_release)
    changed = set()
    for one, before in zip(taught.weights, release.load(micro_release).model.weights, strict=True):
        if np.abs(one.numpy() - before.numpy()).max() > 1e-6:
            changed.add(stage_of(one.path.split("/")[0], MICRO))
    assert changed == {"head"}


def test_a_network_of_fewer_kinds_does_not_start_from_one_of_more(data, tmp_path, micro_recipe, micro_release):
    other = dataclasses.replace(micro_recipe, model=dataclasses.replace(MICRO, kinds=("blended",)))
    with pytest.raises(begin.TrainingError, match="another network"):
        run.train(data, other, tmp_path, start=micro_release)
