"""Files that an earlier version wrote, which `tests/old/make.py` made, are read by today's code."""

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from deepley.jobs import trainer
from deepley.jobs.folder import Job
from deepley.jobs.job import State
from deepley.network import files, release
from deepley.scan.run import Found, scan
from deepley.training.data.sources import find
from deepley.verdict import feedback
from deepley.verdict.detector import Detector
from deepley.video import temporal_head

OLD = Path(__file__).parent / "old"
SAID = json.loads((OLD / "said.json").read_text())
"""What the old version said with these files."""


@pytest.fixture
def old(tmp_path):
    """A copy of the files, to write in."""
    shutil.copytree(OLD, tmp_path / "old")
    return tmp_path / "old"


@pytest.fixture(scope="module")
def detector():
    return Detector(OLD / "release")


def test_a_release_scores_a_face_as_it_did(detector):
    (crop,) = (OLD / "feedback" / "fake").iterdir()
    logits, embeddings = detector.engine.look(np.asarray(Image.open(crop))[None])
    assert logits[0] == pytest.approx(SAID["logit"], abs=1e-4)
    assert detector.novelty.distance(embeddings)[0] == pytest.approx(SAID["novelty"], rel=1e-3)


def test_a_release_has_its_history_and_its_figures():
    loaded = release.load(OLD / "release")
    assert loaded.name == "ended"
    assert [row["phase"] for row in loaded.history()] == ["head", "head", "all", "all", "all"]
    assert set(loaded.history()[0]) == set(files.COLUMNS)
    assert loaded.metrics["sets"]["validation"]["n"] == 8


def test_a_temporal_head_scores_a_sequence_as_it_did(detector):
    head = temporal_head.load(OLD / "release" / files.TEMPORAL, detector.release.sha256)
    sequence = np.random.default_rng(2).normal(size=(6, 39)).astype(np.float32)
    np.testing.assert_allclose(head.logits(sequence), SAID["temporal"], atol=1e-4)


@pytest.mark.slow
def test_a_killed_job_is_interrupted_and_trains_on_to_the_end(old):
    job = Job(old / "job")
    before = job.history
    assert job.status.state is State.INTERRUPTED
    assert job.name == "killed"
    assert job.config.train.phases[0].trainable == ("stage2", "stage3", "head")  # it says conv2 and conv3
    assert [row["phase"] for row in before] == ["head", "head", "all"]

    job.queue()
    assert trainer.run(job) == 0
    assert job.status.state is State.COMPLETED
    assert job.history[:3] == before
    assert [(row["round"], row["phase"]) for row in job.history[3:]] == [(4, "all"), (5, "all")]
    assert release.load(job.release).name == "killed"


@pytest.mark.slow
def test_an_interrupted_scan_keeps_its_rows_and_adds_equal_ones(old, monkeypatch):
    monkeypatch.chdir(old / "scan")
    assert scan("all", Path("out.parquet"), old / "release", workers=1) == Found(photos=6, errors=0, kept=3)
    rows = pq.read_table("out.parquet").to_pylist()
    paths = [row.pop("path") for row in rows]
    assert paths == [
        *("all/face.jpg", "all/shard.parquet#0", "all/shard.parquet#1"),  # were done
        *("all/shard.tar#face.jpg", "all/shard.tar#wall.jpg", "all/wall.jpg"),
    ]
    faces, walls = [rows[0], rows[1], rows[3]], [rows[2], rows[4], rows[5]]
    assert all(_rounded(row) == _rounded(faces[0]) for row in faces)
    assert all(row == walls[0] for row in walls)


def _rounded(value):
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(value, 3) if isinstance(value, float) else value


def test_corrections_are_read_and_new_ones_appended(old, detector):
    folder = old / "feedback"
    (photo,) = (folder / "photos").iterdir()
    assert [source.label for source in find(folder)] == [1]
    feedback.keep(folder, detector.check(photo.read_bytes()), 0, "real", detector, photo.read_bytes())
    assert [source.label for source in find(folder)] == [0]  # the same face, which moved
    first, second = map(json.loads, (folder / feedback.LINES).read_text().splitlines())
    assert set(first) == set(second)
    assert set(first["verdict"]) <= set(second["verdict"])
