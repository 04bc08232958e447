"""Pictures, data folders and tiny networks that several tests share."""

from __future__ import annotations

import os

# For processes that tests start, wherever they run: an editable install may be of another checkout.
os.environ["PYTHONPATH"] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["HF_HUB_DISABLE_XET"] = "1"  # as `deepley` sets it; here its client is imported first

import io
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
from huggingface_hub import HfApi
from PIL import Image

from deepley.host.files import write_json
from deepley.hub import client
from deepley.recipes import ModelConfig, Phase, TrainConfig
from deepley.records import to_json
from tests.hub.server import Hub

MICRO = ModelConfig(backbone="micro", dense=(8, 4))
LONGEST = (
    "training/fit/test_run.py",
    "browser/test_page.py",
    "jobs/test_jobs.py",
    "scan/test_killed.py",
    "scan/test_cluster.py",
    "scan/test_run.py",
    "browser/test_training.py",
    "browser/test_clip.py",
    "hub/test_download.py",
    "jobs/rented/test_huggingface.py",
    "ui/test_start.py",
    "test_compatibility.py",
)
"""The files that take longest, in this order: they begin first, so that none is left when everything else is done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest files first."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def few_resamples() -> Iterator[None]:
    """Fifty bootstrap resamples: tests look at what is computed, not at its last digit."""
    from deepley.training.measure import intervals

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intervals, "RESAMPLES", 50)
        yield


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray:
    """A real photo of a person, (512, 512, 3) uint8; the face is about 100 px wide."""
    return skimage.data.astronaut()


def encode(pixels: np.ndarray, file_format: str = "PNG", **options: object) -> bytes:
    """An image file's bytes."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, file_format, **options)
    return buffer.getvalue()


def under_orientation(pixels: np.ndarray, orientation: int, file_format: str, **options: object) -> bytes:
    """A photo stored as a camera held in this EXIF orientation, 1 to 8, would store it."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image, exif = Image.fromarray(pixels), Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    stored = image.transpose(undo[orientation]) if orientation in undo else image
    stored.save(buffer, file_format, exif=exif, **options)
    return buffer.getvalue()


def picture(rng: np.random.Generator, fake: bool) -> np.ndarray:
    """A smooth random 256 px picture; a fake one carries grain."""
    colours = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    pixels = cv2.resize(colours, (256, 256), interpolation=cv2.INTER_CUBIC).astype(int)
    if fake:
        pixels = pixels + rng.normal(0, 50, (256, 256, 1)).astype(int)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def write_pictures(folder: Path, real: int, fake: int, seed: int = 0) -> None:
    """Fills `folder`/real and `folder`/fake."""
    rng = np.random.default_rng(seed)
    for label, count in (("real", real), ("fake", fake)):
        (folder / label).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            (folder / label / f"{i:03}.jpg").write_bytes(encode(picture(rng, label == "fake"), "JPEG", quality=95))


@pytest.fixture(scope="session")
def data_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train, valid and test."""
    folder = tmp_path_factory.mktemp("data")
    for seed, (split, n) in enumerate((("train", 24), ("valid", 12), ("test", 8))):
        write_pictures(folder / split, n, n, seed)
    return folder


@pytest.fixture
def micro_recipe() -> TrainConfig:
    """A recipe that trains in seconds: stage1 frozen and cached, then everything."""
    return TrainConfig(
        preset="test",
        model=MICRO,
        batch_size=16,
        mixed_precision=False,
        phases=(
            Phase("head", ("stage2", "stage3", "head"), 2, 48, crop=64, learning_rate=1e-2, cache=True),
            Phase("all", ("all",), 3, 32, crop=64, learning_rate=1e-2),
        ),
    )


@pytest.fixture(scope="session")
def micro_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release folder of a network with random weights."""
    import keras

    from deepley.network import files, model, release
    from deepley.training.measure.evaluation import document, summary
    from deepley.training.release import finish
    from deepley.verdict.calibration import Calibration

    keras.utils.set_random_seed(7)
    folder = tmp_path_factory.mktemp("weights") / "micro"
    details = {
        "name": "micro",
        "created": "2026-01-01",
        "data": {"origin": "generated test pictures", "counts": {}, "warnings": []},
        "training": {"preset": "test"},
        "calibration": to_json(Calibration()),
    }
    release.save(folder, model.build(MICRO), MICRO, details)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 60)
    measured = summary("validation", rng.normal(labels * 4 - 2.0, 1), labels, Calibration())
    write_json(folder / files.METRICS, document({"validation": measured}))
    rows = [
        dict(zip(files.COLUMNS, (i, i / 2, phase, 0.7 / i, 0.8 / i, 0.6, 0.7, 0.7, 0.8, 1e-3, 2.0)))
        for i, phase in enumerate(("head", "head", "all"), 1)
    ]
    files.write_history(folder / files.HISTORY, rows)
    finish.add(folder, {})  # card and curves
    return folder


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A server that speaks the Hub's protocol."""
    hub = Hub()
    yield hub
    hub.close()


@pytest.fixture
def api(hub: Hub) -> HfApi:
    """The Hub's client as the product uses it, for that server and the account alice."""
    client.api(None)  # bounds the waits
    return HfApi(endpoint=hub.url, token="hf_alice")


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the running app keeps corrections."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="session")
def url(micro_release: Path, kept: Path) -> str:
    """The address of the running app around the micro release."""
    from deepley.ui import page
    from deepley.verdict.detector import Detector

    detector = Detector(micro_release)
    detector.warm_up()
    return page.launch(detector, kept, kept / "runs", quiet=True).local_url
