"""Headless Chromium with a camera that sees a face."""

import io
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, Playwright, Route, expect

expect.set_options(timeout=30_000)  # another test may hold both cores meanwhile


def camera(folder: Path, photo: np.ndarray) -> Path:
    """A film for the fake camera: `photo`, cut to 640 x 480, again and again."""
    frame = io.BytesIO()
    picture = Image.fromarray(photo[:480]).resize((640, 600)).crop((0, 0, 640, 480))
    picture.save(frame, "JPEG", quality=95, subsampling=2)
    path = folder / "camera.mjpeg"
    path.write_bytes(frame.getvalue() * 30)
    return path


def slow_to_cancel(page: Page, seconds: float = 1.5) -> None:
    """Lets what a run says while it is being cancelled arrive first, as on a slow line."""

    def wait(route: Route) -> None:
        page.wait_for_timeout(seconds * 1000)
        route.continue_()

    page.route("**/gradio_api/cancel", wait)


def open_tab(page: Page, name: str) -> None:
    """Opens a tab."""
    page.get_by_role("tab", name=name, exact=True).click()


def chromium(playwright: Playwright, film: Path) -> Browser:
    """Debian's Chromium, headless, its camera playing `film`."""
    return playwright.chromium.launch(
        executable_path=shutil.which("chromium"),
        args=[
            "--no-sandbox",
            "--use-fake-ui-for-media-stream",
            "--use-fake-device-for-media-stream",
            f"--use-file-for-fake-video-capture={film}",
        ],
    )
