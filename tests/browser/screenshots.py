"""Pictures of every state of the page, to look at: python -m tests.browser.screenshots OUT [--release DIR]."""

import argparse
import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import skimage.data
from playwright.sync_api import Page, sync_playwright

from deepley.config import DEFAULT_RELEASE
from deepley.ui import page as pages
from deepley.verdict.detector import Detector
from tests.browser import drive
from tests.conftest import encode

SIZES = {"desktop": (1280, 900, "light"), "dark": (1280, 900, "dark"), "phone": (390, 844, "light")}


def states(page: Page, photo: np.ndarray) -> dict:
    """By name: what to do to reach the state, from the page as it opens."""
    pair = np.concatenate([photo, photo[:, ::-1]], axis=1)

    def upload(data: bytes, end: str) -> None:
        file = {"name": "photo.png", "mimeType": "image/png", "buffer": data}
        page.locator("#photo input[type=file]").set_input_files(file)
        page.wait_for_selector(f'#verdict [data-state="{end}"]', timeout=60_000)

    def many() -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for name, data in (("one.png", encode(photo)), ("two.png", encode(pair)), ("broken.jpg", b"broken")):
                archive.writestr(name, data)
        drive.open_tab(page, "Many photos")
        file = {"name": "photos.zip", "mimeType": "application/zip", "buffer": packed.getvalue()}
        page.locator("#files input[type=file]").set_input_files(file)
        page.wait_for_selector('#many-status [data-state="done"]', timeout=60_000)

    def snapshot() -> None:
        page.get_by_label("Capture from camera").click()
        page.get_by_title("grant webcam access").click()
        page.get_by_label("capture photo").click(timeout=15_000)
        page.wait_for_selector('#verdict [data-state="done"]', timeout=60_000)

    return {
        "empty": lambda: None,
        "one-face": lambda: upload(encode(photo), "done"),
        "two-faces": lambda: upload(encode(pair), "done"),
        "no-face": lambda: upload(encode(photo[300:, :200]), "done"),
        "bad-file": lambda: upload(b"broken", "failed"),
        "snapshot": snapshot,
        "many": many,
        "train": lambda: drive.open_tab(page, "Train"),
        "performance": lambda: drive.open_tab(page, "How good is it"),
    }


def main() -> None:
    """Starts the app, goes through every state at every size and writes OUT/SIZE-STATE.jpg."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--release", type=Path, default=DEFAULT_RELEASE)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    photo, detector = skimage.data.astronaut(), Detector(options.release)
    detector.warm_up()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        url = pages.launch(detector, Path(folder), Path(folder) / "runs", quiet=True).local_url
        browser = drive.chromium(playwright, drive.camera(Path(folder), photo))
        for size, (width, height, theme) in SIZES.items():
            context = browser.new_context(viewport={"width": width, "height": height}, permissions=["camera"])
            page = context.new_page()
            for name, reach in states(page, photo).items():
                page.goto(f"{url}?__theme={theme}")
                page.locator("#photo input[type=file]").wait_for(state="attached", timeout=60_000)
                reach()
                page.wait_for_timeout(4000 if name == "performance" else 1200)
                page.screenshot(path=options.out / f"{size}-{name}.jpg", full_page=True, quality=85)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
