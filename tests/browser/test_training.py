"""A person fine-tunes the shipped ResNet50 on their own pictures, loses power, goes on, and uses the model."""

import io
import os
import re
import signal
import time
import zipfile

import numpy as np
import pytest
from playwright.sync_api import expect, sync_playwright

from deepley.config import DEFAULT_RELEASE
from deepley.jobs import folder, local
from deepley.photo import faces
from deepley.training.views import augment
from deepley.ui import page as pages
from deepley.verdict.detector import Detector
from tests.browser import drive
from tests.browser.test_page import DONE
from tests.conftest import encode

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    root = tmp_path_factory.mktemp("kept") / "runs"
    yield root
    for job in folder.every(root):
        if not job.status.state.over:
            local.cancel(job)


@pytest.fixture(scope="module")
def page(runs, astronaut):
    address = pages.launch(Detector(DEFAULT_RELEASE), runs.parent, runs, quiet=True).local_url
    with sync_playwright() as playwright:
        browser = drive.chromium(playwright, drive.camera(runs.parent, astronaut))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.locator("#photo input[type=file]").wait_for(state="attached", timeout=30_000)
        drive.open_tab(page, "Train")
        yield page
        browser.close()


def _archive(astronaut):
    """32 views of one face, half of them with grain, and a text that calls itself a picture."""
    face, rng, packed = faces.find(astronaut)[0].crop, np.random.default_rng(0), io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for i in range(32):
            view = augment.brightness_contrast(face, rng.uniform(-40, 40), rng.uniform(0.7, 1.2))
            label = ("real", "fake")[i % 2]
            if label == "fake":
                view = np.clip(view + rng.normal(0, 12, view.shape), 0, 255).astype(np.uint8)
            archive.writestr(f"{('train', 'valid')[i >= 24]}/{label}/{i:02}.png", encode(view))
        archive.writestr("train/real/text.jpg", b"no picture")
    return {"name": "faces.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}


def _cell(page, row, column, value):
    cell = page.locator(f"#phases [data-testid=cell-{row}-{column}]")
    cell.dblclick()
    cell.locator("textarea, input").fill(value)
    page.keyboard.press("Enter")
    expect(cell).to_have_text(re.compile(rf"^\s*{re.escape(value)}\s*⋮?\s*$"))


def test_a_job_is_started_killed_resumed_finished_and_used(page, runs, astronaut):
    page.locator("#start").click()
    expect(page.locator("#outcome")).to_contain_text("Choose pictures first")

    page.locator("#archive input[type=file]").set_input_files(_archive(astronaut))
    said = page.locator("#pictures")
    expect(said).to_contain_text("train/real/text.jpg", timeout=60_000)
    expect(said).to_contain_text("12 real")
    for column, value in ((1, "head"), (2, "2"), (3, "32"), (4, "64")):
        _cell(page, 0, column, value)
    for column, value in ((1, "stage5 head"), (2, "1"), (3, "32"), (4, "64")):
        _cell(page, 1, column, value)
    page.locator("#start").click()
    expect(page.locator("#outcome")).to_contain_text("is queued", timeout=20_000)

    (job,) = folder.every(runs)
    expect(said).to_contain_text(f"went to job {job.id}")
    expect(page.locator("#samples")).to_be_hidden()
    assert job.config.train.phases[0].rounds == 2
    assert job.config.train.phases[1].trainable == ("stage5", "head")
    page.locator('#job [data-state="running"]').wait_for(timeout=60_000)
    page.locator('#job [data-state="running"]:not([data-rounds="0"]):not([data-rounds="1"])').wait_for(timeout=120_000)
    expect(page.locator("#job")).to_contain_text("left")
    expect(page.locator("#log textarea")).not_to_have_value("")
    expect(page.locator("#loss .scatterlayer .trace path.js-line[d*=L]")).to_have_count(2)
    expect(page.locator("#loss .legendtext")).to_have_text(["training", "validation"])
    page.reload()
    drive.open_tab(page, "Train")
    page.locator(f'#job [data-state]:has-text("{job.id}")').wait_for(timeout=20_000)

    os.killpg(job.status.pid, signal.SIGKILL)
    page.locator('#job [data-state="interrupted"]').wait_for(timeout=20_000)
    expect(page.locator("#job")).to_contain_text("killed")
    rounds = len(job.history)

    page.locator("#resume").click()
    deadline = time.monotonic() + 120
    while len(job.history) <= rounds and time.monotonic() < deadline:
        time.sleep(0.2)
    assert [row["round"] for row in job.history] == list(range(1, len(job.history) + 1))
    page.locator('#job [data-state="completed"]').wait_for(timeout=180_000)
    expect(page.locator("#summary")).to_contain_text(job.id)
    expect(page.locator("#job")).to_contain_text("Phases so far: head (rounds 1 to 2), all (round 3)")

    with page.expect_download() as downloading:
        page.locator("#download").click()
    with zipfile.ZipFile(downloading.value.path()) as packed:
        assert {"model.safetensors", "config.json", "README.md"} <= set(packed.namelist())

    page.locator("#use").click()
    expect(page.locator("#done")).to_contain_text("my-detector")
    drive.open_tab(page, "Photo")
    file = {"name": "a.png", "mimeType": "image/png", "buffer": encode(astronaut)}
    page.locator("#photo input[type=file]").set_input_files(file)
    page.wait_for_selector(DONE, timeout=60_000)
    expect(page.locator("#verdict")).to_contain_text("Release my-detector")
