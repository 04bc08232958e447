"""The page as a person uses it, in headless Chromium."""

import base64
import io
import re
import shutil
from urllib.parse import urlsplit

import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.conftest import encode

DONE = '#verdict [data-state="done"]'


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    import skimage.data

    frame = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()[:480]).resize((640, 600)).crop((0, 0, 640, 480)).save(
        frame, "JPEG", quality=95, subsampling=2
    )
    camera = tmp_path_factory.mktemp("camera") / "camera.mjpeg"
    camera.write_bytes(frame.getvalue() * 30)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-video-capture={camera}",
            ],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser, url):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
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
    page.locator("#photo input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": data})


def test_a_photo_gets_a_verdict_a_score_and_an_overlay(page, astronaut):
    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    assert page.locator(".gauge").get_attribute("aria-label").startswith("Score 0.")
    assert "Release micro of 2026-01-01" in page.locator("#verdict").inner_text()
    expect(page.locator("#looked [data-testid=imageslider-image]").first).to_be_visible()
    expect(page.get_by_text("It proves nothing.")).to_be_visible()


def test_removing_the_photo_removes_the_verdict(page, astronaut):
    _upload(page, "a.png", encode(astronaut))
    page.wait_for_selector(DONE, timeout=30_000)
    page.get_by_label("Remove Image").click()
    page.wait_for_selector('#verdict [data-state="idle"]', timeout=10_000)
    expect(page.locator("#looked")).to_be_hidden()


def test_a_bad_file_gives_one_sentence_and_no_score(page):
    _upload(page, "a.png", b"\xff\xd8\xff broken")
    toast = page.get_by_test_id("toast-body")
    expect(toast).to_contain_text("not an image", timeout=15_000)
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
    page.get_by_role("tab", name="How good is it").click()
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
    for tab in ("How good is it", "Check a photo"):
        page.get_by_role("tab", name=tab).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
