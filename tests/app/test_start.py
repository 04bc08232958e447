"""What is imported until the first page is up."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
# app.py's own imports, and what it does up to the warm-up.
START = """
import os, sys, urllib.request
import app
from pathlib import Path
release, kept = map(Path, sys.argv[1:])
url = app.page.launch(app.Detector(release), kept / "data", kept / "runs", quiet=True).local_url
assert urllib.request.urlopen(url).status == 200
print("\\n".join(sys.modules), flush=True)
os._exit(0)
"""
LATER = {"mtcnn", "deepley.training.fit", "deepley.training.clips", "deepley.training.blending", "deepley.jobs.trainer"}
LATER |= {"deepley.scan", "deepley.commands", "deepley.hub.space"}
NEVER = {"torch", "jax", "ray", "matplotlib", "skimage", "foolbox", "playwright"}


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
