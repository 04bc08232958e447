"""The page as a person uses it, in headless Chromium."""

import base64
import csv
import hashlib
import io
import json
import re
import time
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

from deepley.photo.treatment import TREATMENTS
from deepley.training.data.sources import find
from deepley.verdict.detector import Detector
from tests.browser import drive
from tests.conftest import encode

pytestmark = pytest.mark.browser

DONE = '#verdict [data-state="done"]'


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    import skimage.data

    film = drive.camera(tmp_path_factory.mktemp("camera"), skimage.data.astronaut())
    with sync_playwright() as playwright:
        chromium = drive.chromium(playwright, film)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, url):
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    page = context.new_page()
    page.errors, hosts = [], set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).hostname))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(url)
    page.locator("#photo input[type=file]").wait_for(state="attached", timeout=30_000)
    yield page
    assert page.errors == []
    assert hosts <= {"127.0.0.1", None, ""}  # nothing is loaded from elsewhere
    context.close()


def _upload(page, name, data):
    """Chooses a file; its bytes, or the path of a large one."""
    if isinstance(data, Path):
        page.locator("#photo input[type=file]").set_input_files(data)
        return
    page.locator("#photo input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def test_a_photo_gets_a_verdict_a_score_and_an_overlay(page, astronaut):
    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    assert page.locator(".gauge").get_attribute("aria-label").startswith("Score 0.")
    assert "Release micro of 2026-01-01" in page.locator("#verdict").inner_text()
    expect(page.locator("#looked [data-testid=imageslider-image]").first).to_be_visible()
    expect(page.get_by_text("It proves nothing.")).to_be_visible()


def test_every_part_of_the_answer_is_there(page, astronaut):
    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    card = page.locator("#verdict").inner_text()
    assert "Survives recompression?" in card
    assert all(name in card for name in TREATMENTS)
    assert page.locator('.legend [aria-current="true"]').count() == 1
    expect(page.locator("#where")).to_contain_text("Most of the weight lies on")
    expect(page.locator("#provenance")).to_contain_text("Nothing: no Content Credentials")
    expect(page.locator("#faces")).to_be_hidden()
    for hidden in ("#report-file", "#report-text"):
        expect(page.locator(hidden)).to_be_hidden()


def test_one_of_two_faces_can_be_chosen(page, astronaut):
    _upload(page, "two.png", encode(np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)))
    page.wait_for_selector(DONE, timeout=30_000)
    rows = page.locator("#faces input[type=radio]")
    assert rows.count() == 2
    chosen = int(page.locator("#verdict").inner_text().split("Face ")[1][0])
    slider = page.locator("#looked img").last
    before = slider.get_attribute("src")
    expect(page.get_by_label("Whole photo")).to_be_checked()
    rows.nth(2 - chosen).check()
    expect(page.locator("#verdict")).to_contain_text(f"Face {3 - chosen} of 2")
    expect(slider).not_to_have_attribute("src", before)


def test_the_opacity_of_the_heatmap_can_be_set(page, astronaut):
    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    slider = page.locator("#looked img").last
    before = slider.get_attribute("src")
    page.locator("#opacity input[type=range]").focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(slider).not_to_have_attribute("src", before)


def test_a_photo_without_a_face_is_not_applicable(page, astronaut):
    _upload(page, "a.png", encode(astronaut[300:, :200]))
    page.wait_for_selector(DONE, timeout=30_000)
    expect(page.locator("#verdict")).to_contain_text("Not applicable")
    expect(page.locator("#verdict")).to_contain_text("No face was found")
    expect(page.locator("#looked")).to_be_hidden()
    expect(page.get_by_text("This is wrong")).to_be_hidden()
    expect(page.locator("#provenance")).to_be_visible()


def test_the_example_is_checked(page):
    page.locator("#example").click()
    page.wait_for_selector(DONE, timeout=30_000)
    assert page.locator(".gauge").count() == 1


def test_the_report_is_one_file_that_says_everything(page, astronaut, tmp_path):
    data = encode(astronaut)
    _upload(page, "a <b>.png", data)
    page.wait_for_selector(DONE, timeout=30_000)
    with page.expect_download() as downloading:
        page.locator("#report").click()
    path = tmp_path / "report.html"
    downloading.value.save_as(path)
    opened, asked = page.context.new_page(), []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(path.as_uri())
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}  # it needs nothing else
    text = opened.locator("body").inner_text()
    for words in (hashlib.sha256(data).hexdigest(), "a <b>.png", "512 x 512 px", "JPEG 50", "Face 1", "micro"):
        assert words in text
    pictures = "[...document.images].map(i => [i.naturalWidth, i.alt.length > 0])"
    assert all(width > 0 and alt for width, alt in opened.evaluate(pictures))


def test_the_verdict_can_be_copied_as_text(page, astronaut):
    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("Copied")
    text = page.evaluate("navigator.clipboard.readText()")
    assert "Face 1 (" in text
    assert "What the file says of itself" in text


def test_a_correction_is_stored_with_the_photo_only_if_that_is_ticked(page, astronaut, kept):
    def send():
        page.locator("#send").click()
        expect(page.locator("#thanks")).to_contain_text("Stored on this machine", timeout=10_000)

    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    page.get_by_text("This is wrong").click()
    page.locator("#send").click()
    expect(page.locator("#thanks")).to_contain_text("Choose what the face really is")
    page.get_by_label("The face is real").check()
    send()
    expect(page.locator("#thanks")).to_contain_text("without the photo")
    stored = kept / "feedback"
    assert [p.name for p in stored.rglob("*") if p.is_file()] == ["feedback.jsonl"]
    page.get_by_label("Also keep the photo").check()
    send()
    expect(page.locator("#thanks")).to_contain_text("with the photo")
    lines = [json.loads(line) for line in (stored / "feedback.jsonl").read_text().splitlines()]
    assert [line["label"] for line in lines] == ["real", "real"]
    (photo,) = (stored / "photos").iterdir()
    assert photo.read_bytes() == encode(astronaut)
    assert [source.label for source in find(stored)] == [0]


def test_many_photos_with_a_bad_one_give_a_table_and_two_files(page, astronaut):
    drive.open_tab(page, "Many photos")
    files = [("face.png", encode(astronaut)), ("wall.png", encode(astronaut[300:, :200])), ("bad.jpg", b"broken")]
    page.locator("#files input[type=file]").set_input_files(
        [{"name": name, "mimeType": "image/png", "buffer": data} for name, data in files]
    )
    status = page.locator('#many-status [data-state="done"]')
    status.wait_for(timeout=30_000)
    assert status.inner_text() == "2 photos checked; 1 could not be."
    table = page.locator("#many-table")
    for words in ("face.png", "No face was found", "not an image"):
        expect(table).to_contain_text(words)
    with page.expect_download() as downloading:
        page.locator("#csv").click()
    rows = list(csv.DictReader(io.StringIO(downloading.value.path().read_text())))
    assert [row["file"] for row in rows] == ["face.png", "wall.png", "bad.jpg"]
    assert [bool(row["score"]) for row in rows] == [True, False, False]
    with page.expect_download() as downloading:
        page.locator("#json").click()
    results = json.loads(downloading.value.path().read_text())
    assert [bool(result["error"]) for result in results] == [False, False, True]


def test_a_run_over_many_photos_can_be_stopped(page, astronaut):
    drive.open_tab(page, "Many photos")
    expect(page.locator("#stop")).to_be_hidden()
    drive.slow_to_cancel(page)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for i in range(100):
            archive.writestr(f"{i:02}.jpg", encode(astronaut, "JPEG"))
    page.locator("#files input[type=file]").set_input_files(
        {"name": "photos.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
    )
    expect(page.locator("#many-status")).to_contain_text("of 100 photos checked")
    with page.expect_response("**/gradio_api/cancel"):
        page.locator("#stop").click()
    expect(page.locator("#many-status")).to_contain_text("Stopped after")
    page.wait_for_timeout(500)
    expect(page.locator("#many-status")).to_contain_text("Stopped after")
    expect(page.locator("#stop")).to_be_hidden()
    with page.expect_download() as downloading:
        page.locator("#csv").click()
    assert 1 < len(downloading.value.path().read_text().splitlines()) < 101


def test_removing_the_photo_removes_the_verdict(page, astronaut):
    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    page.get_by_label("Remove Image").click()
    page.wait_for_selector('#verdict [data-state="idle"]', timeout=10_000)
    expect(page.locator("#looked")).to_be_hidden()


@pytest.fixture
def checking(page, astronaut, monkeypatch):
    """The page while a photo is being checked, slowly; and what is under way is slow to be cancelled."""
    steps = Detector.steps

    def slowly(self, data):
        running = steps(self, data)
        while True:
            try:
                yield next(running)
            except StopIteration as end:
                return end.value
            time.sleep(0.7)

    monkeypatch.setattr(Detector, "steps", slowly)
    drive.slow_to_cancel(page, 1.2)
    _upload(page, "a.png", encode(astronaut))
    expect(page.locator('#verdict [data-state="working"]')).to_be_visible()
    return page


def test_a_photo_that_is_removed_while_it_is_checked_leaves_nothing(checking):
    page = checking
    with page.expect_response("**/gradio_api/cancel"):
        page.get_by_label("Remove Image").click()
    page.wait_for_timeout(1500)
    expect(page.locator('#verdict [data-state="idle"]')).to_be_visible()
    _upload(page, "b.png", b"\xff\xd8\xff broken")
    expect(page.locator('#verdict [data-state="failed"]')).to_be_visible()


def test_a_photo_that_takes_anothers_place_while_that_is_checked_gets_its_own_verdict(checking, astronaut):
    page = checking
    page.get_by_label("Remove Image").click()
    _upload(page, "wall.png", encode(astronaut[300:, :200]))
    page.wait_for_timeout(4000)
    expect(page.locator('#verdict [data-state="done"]')).to_contain_text("No face")
    expect(page.locator("#photo img")).to_be_visible()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xff\xd8\xff broken", "not an image"),
        (b"%PDF-1.7", "not an image"),
        ("cut", "damaged or incomplete"),
        ("large", "64 megapixels"),
        ("heavy", "larger than 25 MB"),
    ],
    ids=["empty", "broken", "pdf", "truncated", "megapixels", "megabytes"],
)
def test_a_bad_file_gives_one_sentence_and_no_score(page, astronaut, tmp_path, data, words):
    if data == "cut":
        data = encode(astronaut)[:50_000]
    elif data == "large":
        data = encode(np.zeros((8001, 8001), np.uint8))
    elif data == "heavy":
        data = tmp_path / "heavy.png"
        data.write_bytes(bytes(26_000_000))
    _upload(page, "a.png", data)
    page.wait_for_selector('#verdict [data-state="failed"]', timeout=30_000)
    expect(page.locator("body")).to_contain_text(words)
    assert page.locator(".gauge").count() == 0


def test_a_bad_file_after_a_good_one_takes_the_old_verdict_away(page, astronaut):
    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    _upload(page, "b.png", b"\xff\xd8\xff broken")
    page.wait_for_selector('#verdict [data-state="failed"]', timeout=15_000)


def test_a_dropped_photo_is_checked(page, astronaut):
    data = base64.b64encode(encode(astronaut)).decode()
    page.evaluate(
        """(data) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "a.png", { type: "image/png" }));
            const zone = document.querySelector("#photo [aria-dropeffect]");
            for (const kind of ["dragenter", "dragover", "drop"])
                zone.dispatchEvent(new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        data,
    )
    page.wait_for_selector(DONE, timeout=30_000)


def test_ctrl_v_checks_the_pasted_picture_even_over_another(page, astronaut):
    _upload(page, "a.png", encode(astronaut[300:, :200]))  # no face
    page.wait_for_selector(DONE, timeout=30_000)
    assert "Not applicable" in page.locator("#verdict").inner_text()
    page.evaluate(
        """(data) => {
            const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "b.png", { type: "image/png" }));
            document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
        }""",
        base64.b64encode(encode(astronaut)).decode(),
    )
    page.locator(".gauge").wait_for(timeout=30_000)


def test_a_webcam_snapshot_is_checked(page):
    page.get_by_label("Capture from camera").click()
    page.get_by_title("grant webcam access").click()
    page.get_by_label("capture photo").click(timeout=15_000)
    page.wait_for_selector(DONE, timeout=30_000)
    assert page.locator(".gauge").count() == 1


def test_the_second_tab_shows_the_stored_curves_and_figures(page):
    drive.open_tab(page, "How good is it")
    page.locator(".js-plotly-plot").nth(4).wait_for(timeout=30_000)
    assert page.locator(".js-plotly-plot").count() == 5
    text = page.locator("body").inner_text()
    for words in ("Accuracy at score 0.5", "validation, n = 60", "Confusion", "ROC", "Reliability", "head", "all"):
        assert re.search(words, text), words


@pytest.mark.parametrize("width", [390, 1280])
def test_no_width_needs_scrolling_sideways(browser, url, width):
    context = browser.new_context(viewport={"width": width, "height": 844})
    page = context.new_page()
    page.goto(url)
    page.locator("#photo input[type=file]").wait_for(state="attached", timeout=30_000)
    for tab in ("Train", "How good is it", "Photo", "Many photos", "One photo"):
        drive.open_tab(page, tab)
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.get_by_label("More tabs").first.is_visible()  # all of them are in sight
    context.close()


@pytest.mark.parametrize("tab", ["empty", "One photo", "Many photos", "How good is it", "Train"])
def test_axe_finds_nothing_serious(page, astronaut, tab):
    if tab == "One photo":
        _upload(page, "two.png", encode(np.concatenate([astronaut, astronaut[:, ::-1]], axis=1)))
        page.wait_for_selector(DONE, timeout=30_000)
    if tab != "empty":
        drive.open_tab(page, tab)
    page.wait_for_timeout(1000)
    found = Axe().run(page).response
    assert len(found["passes"]) > 10  # it did look
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert {v["id"]: [node["html"][:160] for node in v["nodes"]] for v in serious} == {}
