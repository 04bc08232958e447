"""The tab "Video" as a person uses it, in headless Chromium."""

import csv
import io

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.browser import drive
from tests.video import film

pytestmark = pytest.mark.browser

DONE = '#clip-verdict [data-state="done"]'


@pytest.fixture(scope="module")
def clips(tmp_path_factory, astronaut):
    folder = tmp_path_factory.mktemp("clips")

    def frames(count):
        for i in range(count):
            x = 60 + round(40 * np.sin(i / 20))
            yield astronaut[:320, x : x + 320]

    film.write(folder / "short.mp4", frames(75))
    film.write(folder / "long.mp4", frames(600))
    first, *rest = (Image.fromarray(frame).resize((200, 200)) for frame in frames(75))
    first.save(folder / "short.gif", save_all=True, append_images=rest[3::4], duration=160)
    (folder / "broken.mp4").write_bytes(b"no clip at all")
    return folder


@pytest.fixture(scope="module")
def browser(clips, astronaut):
    with sync_playwright() as playwright:
        browser = drive.chromium(playwright, drive.camera(clips, astronaut))
        yield browser
        browser.close()


@pytest.fixture
def page(url, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 1400})
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    page.locator("#photo input[type=file]").wait_for(state="attached", timeout=30_000)
    drive.open_tab(page, "Video")
    page.locator("#clip input[type=file]").wait_for(state="attached", timeout=30_000)
    yield page
    page.close()
    assert errors == []


def test_a_clip_gets_a_verdict_a_timeline_and_frames_to_jump_to(page, clips):
    page.locator("#clip input[type=file]").set_input_files(clips / "short.mp4")
    page.wait_for_selector(DONE, timeout=90_000)
    expect(page.locator("#clip-verdict")).to_contain_text("The one face, seen from 0.0 to 2.5 s")
    expect(page.locator("#tracks")).to_contain_text("6 pairs of frames")
    expect(page.locator("#strip img")).to_have_count(6)
    page.locator("#timeline .js-plotly-plot .point").first.wait_for(timeout=30_000)

    page.locator("#moment input[type=number]").fill("1.1")
    page.locator("#moment input[type=number]").blur()
    expect(page.locator("#frame")).to_contain_text("At 1.0 s: face 1 scores")
    expect(page.locator("#frame img")).to_be_visible()
    page.wait_for_function("Math.abs(document.querySelector('#clip video').currentTime - 1.1) < 0.01")

    page.locator("#strip img").nth(3).click()
    expect(page.locator("#frame")).to_contain_text("At 1.5 s")

    page.wait_for_timeout(500)  # the plot listens once it is drawn
    point = page.locator("#timeline .js-plotly-plot .point").nth(4).bounding_box()
    page.mouse.move(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    page.wait_for_timeout(200)
    page.mouse.click(point["x"] + point["width"] / 2, point["y"] + point["height"] / 2)
    expect(page.locator("#frame")).to_contain_text("At 2.0 s")

    with page.expect_download() as download:
        page.locator("#clip-csv").click()
    rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert [row["track"] for row in rows] == ["1"] * 6
    with page.expect_download() as download:
        page.locator("#clip-report").click()
    assert download.value.suggested_filename.endswith(".html")
    assert "short.mp4" in download.value.path().read_text()


def test_a_gif_is_checked_too_and_the_verdict_is_accessible(page, clips):
    with page.expect_file_chooser() as chooser:
        page.locator("#gif").click()
    chooser.value.set_files(clips / "short.gif")
    page.wait_for_selector(DONE, timeout=90_000)
    expect(page.locator("#clip-verdict")).to_contain_text("The one face, seen from 0.0")
    page.locator("#timeline .js-plotly-plot .point").first.wait_for(timeout=30_000)
    page.wait_for_timeout(1000)
    found = Axe().run(page).response
    assert len(found["passes"]) > 10  # it did look
    serious = [v for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert {v["id"]: [node["html"][:160] for node in v["nodes"]] for v in serious} == {}


def test_a_recording_is_checked_and_its_player_knows_how_long_it_is(page):
    page.locator("#clip").get_by_label("Capture from camera").click()
    page.locator("#clip").get_by_text("Click to Access Webcam").click()
    record = page.locator("#clip").get_by_label("start recording")
    record.click()
    expect(record).to_have_text("Stop")
    page.wait_for_timeout(2500)
    record.click()
    page.wait_for_selector(DONE, timeout=90_000)
    expect(page.locator("#clip-verdict")).to_contain_text("The one face, seen from 0.0")
    page.wait_for_function("document.querySelector('#clip video').duration < 10")


def test_a_long_check_shows_how_far_it_is_and_can_be_stopped(page, clips):
    drive.slow_to_cancel(page)
    page.locator("#clip input[type=file]").set_input_files(clips / "long.mp4")
    expect(page.locator("#clip-verdict")).to_contain_text("seconds to go")
    with page.expect_response("**/gradio_api/cancel"):
        page.locator("#clip-stop").click()
    expect(page.locator("#clip-verdict")).to_contain_text("Stopped")
    expect(page.locator("#clip-stop")).to_be_hidden()
    page.wait_for_timeout(1000)
    expect(page.locator("#clip-verdict")).to_contain_text("Stopped")


def test_a_clip_waits_for_its_turn_and_says_so(page, clips, browser, url):
    page.locator("#clip input[type=file]").set_input_files(clips / "long.mp4")
    expect(page.locator("#clip-verdict")).to_contain_text("seconds to go")
    second = browser.new_page()
    second.goto(url)
    drive.open_tab(second, "Video")
    second.locator("#clip input[type=file]").set_input_files(clips / "short.mp4")
    expect(second.locator("#clip-verdict")).to_contain_text("Waiting for its turn.")
    page.locator("#clip-stop").click()
    second.wait_for_selector(DONE)
    second.close()


def test_a_clip_that_is_taken_away_while_it_is_checked_leaves_nothing(page, clips):
    drive.slow_to_cancel(page)
    page.locator("#clip input[type=file]").set_input_files(clips / "long.mp4")
    expect(page.locator("#clip-verdict")).to_contain_text("seconds to go")
    with page.expect_response("**/gradio_api/cancel"):
        page.locator("#clip").get_by_label("Clear").click()
    page.wait_for_timeout(1000)
    expect(page.locator("#clip-verdict")).to_contain_text("No clip yet")


def test_a_file_that_is_no_clip_is_refused_with_a_sentence(page, clips):
    page.locator("#clip input[type=file]").set_input_files(clips / "broken.mp4")
    page.wait_for_selector('#clip-verdict [data-state="failed"]', timeout=30_000)
    expect(page.locator("#clip-verdict")).to_contain_text("not a clip in a format that can be read here")
