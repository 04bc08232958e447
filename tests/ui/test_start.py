"""What is imported until the first page is up; and that it comes up whatever is wrong with a release of the Hub."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from deepley.errors import WeightsError
from deepley.hub.download import Choice
from deepley.network import files
from deepley.ui import start

ROOT = Path(__file__).parents[2]
# app.py's own imports, and what it does up to the warm-up.
START = """
import os, sys, urllib.request
import app
from pathlib import Path
from deepley.ui import page, start
release, kept = map(Path, sys.argv[1:])
detector, reason = start.detector(app.choose(release, None, None, 1.0))
url = page.launch(detector, kept / "data", kept / "runs", quiet=True).local_url
assert urllib.request.urlopen(url).status == 200
print("\\n".join(sys.modules), flush=True)
os._exit(0)
"""
LATER = {"mtcnn", "deepley.training.fit.run", "deepley.training.video.clips", "deepley.training.views.blending"}
LATER |= {"deepley.jobs.trainer", "deepley.scan", "deepley.cli", "deepley.hub.space", "deepley.hub.deploy"}
NEVER = {"torch", "jax", "ray", "matplotlib", "skimage", "foolbox", "playwright"}


@pytest.mark.slow
def test_the_first_page_waits_for_no_import_that_it_does_not_need(micro_release, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", START, micro_release, tmp_path],
        cwd="/sys",  # where nobody can write, as the container's user in the folder of the app
        env=os.environ | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split())
    assert {"gradio", "keras", "deepley.ui.page"} <= loaded
    assert loaded & (LATER | NEVER) == set()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        (files.CONFIG, lambda config: json.dumps({**json.loads(config), "schema": 99}).encode()),
        (files.DOUBT, lambda _: b"no tensors"),
        (files.TEMPORAL, lambda _: b"no tensors"),
    ],
    ids=[files.CONFIG, files.DOUBT, files.TEMPORAL],
)
def test_a_pinned_release_that_cannot_be_used_leaves_the_embedded_one(micro_release, tmp_path, file, content):
    pinned = tmp_path / "pinned"
    shutil.copytree(micro_release, pinned)
    path = pinned / file
    path.write_bytes(content(path.read_bytes() if path.exists() else b""))
    detector, reason = start.detector(Choice(pinned, "The release of the Hub is used.", micro_release))
    assert detector.release.folder == micro_release
    assert reason.startswith("The embedded release is used, as that of the Hub cannot be: ")
    with pytest.raises(WeightsError):  # one that was named on this machine is a mistake to be told
        start.detector(Choice(pinned, "The release is used, as asked."))


@pytest.mark.slow
def test_app_py_runs_as_on_a_space_with_a_hub_that_is_away(tmp_path):
    """Port and root path from the environment, a visitor's login, and a pinned release that does not come."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "SPACE_ID": "alice/deepley", "SYSTEM": "spaces", "SPACE_HOST": "alice-deepley.hf.space",
        "OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "secret", "OAUTH_SCOPES": "openid profile jobs manage-repos",
        "OPENID_PROVIDER_URL": "http://127.0.0.1:9", "HF_ENDPOINT": "http://127.0.0.1:9",
        "DEEPLEY_HUB": f"alice/detector@{'a' * 40}:{'b' * 64}", "HF_HOME": str(tmp_path), "HOME": str(tmp_path),
        "DEEPLEY_DATA": str(tmp_path / "data"), "DEEPLEY_RUNS": str(tmp_path / "runs"),
        "GRADIO_SERVER_PORT": str(port), "GRADIO_ROOT_PATH": "/deepley",
    }  # fmt: skip
    app = subprocess.Popen(
        [sys.executable, "app.py"], cwd=ROOT, env=os.environ | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        address, end = f"http://127.0.0.1:{port}", time.monotonic() + 120
        while True:
            try:
                page = httpx.get(address, timeout=60)
                break
            except httpx.TransportError:
                assert app.poll() is None, app.stderr.read()
                assert time.monotonic() < end
                time.sleep(0.2)
        assert page.status_code == 200
        shown = httpx.get(f"{address}/config").json()
        assert shown["root"].endswith("/deepley")
        texts = [str(component["props"].get("value")) for component in shown["components"]]
        assert any("The embedded release is used, and not alice/detector of the Hub." in text for text in texts)
        assert any("cannot be reached" in text for text in texts)
        assert any("Hugging Face" in text and len(text) < 40 for text in texts)  # the login button
        assert httpx.get(f"{address}/health").json()["release"] == "deepley-resnet50"
    finally:
        app.kill()
        app.wait()
        app.stderr.close()
