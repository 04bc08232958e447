"""Times a cold start, from `python app.py` to the first page and to the first verdict, and the imports it needs.

    python -m benchmarks.start [--rounds 3]

Each round runs, one after the other and in a new process each: `import gradio`, `import tensorflow`, and the app with
the shipped release, until its page is served and until /check has answered with the verdict on a photo (scikit-image's
astronaut). A first round, which fills the disk cache, is not counted. The last line is one JSON object with the median
seconds and `page_over_imports`, the time to the first page over that of both imports.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import skimage.data
from PIL import Image

from deepley.records import SCHEMA_VERSION

_APP = Path(__file__).parent.parent / "app.py"
_PATIENCE = 300.0
"""Seconds after which a start has failed."""


def main() -> None:
    """Prints the medians and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds = [one_round() for _ in range(options.rounds + 1)][1:]
    seconds = {name: round(statistics.median(each[name] for each in rounds), 2) for name in rounds[0]}
    for name, value in seconds.items():
        print(f"{name:18}{value:8.2f} s")
    imports = (each["import gradio"] + each["import tensorflow"] for each in rounds)
    ratio = statistics.median(each["first page"] / took for each, took in zip(rounds, imports))
    print(json.dumps({"schema": SCHEMA_VERSION, "seconds": seconds, "page_over_imports": round(ratio, 3)}))


def one_round() -> dict[str, float]:
    """The seconds of each step, in new processes."""
    found = {}
    for library in ("gradio", "tensorflow"):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {library}"], check=True, capture_output=True)
        found[f"import {library}"] = time.perf_counter() - start
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as kept:
        own = {"GRADIO_SERVER_PORT": str(port), "DEEPLEY_DATA": f"{kept}/data", "DEEPLEY_RUNS": f"{kept}/runs"}
        start = time.perf_counter()
        app = subprocess.Popen(
            [sys.executable, str(_APP)], env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(app, address)
            found["first page"] = time.perf_counter() - start
            _check(address)
            found["first verdict"] = time.perf_counter() - start
        finally:
            app.terminate()
            app.wait()
    return found


def _wait(app: subprocess.Popen[bytes], address: str) -> None:
    """Waits until the app serves its page."""
    began = time.monotonic()
    while app.poll() is None and time.monotonic() - began < _PATIENCE:
        try:
            if httpx.get(address, timeout=_PATIENCE).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.02)
    raise SystemExit("The app did not start.")


def _check(address: str) -> None:
    """Asks the app for a verdict on a photo."""
    buffer = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(buffer, "JPEG", quality=95)
    photo = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    sent = {"data": [{"url": photo, "meta": {"_type": "gradio.FileData"}}]}
    call = httpx.post(f"{address}/gradio_api/call/check", json=sent, timeout=_PATIENCE).json()["event_id"]
    said = httpx.get(f"{address}/gradio_api/call/check/{call}", timeout=_PATIENCE).text
    if "event: complete" not in said:
        raise SystemExit(f"The app did not answer: {said}")


if __name__ == "__main__":
    main()
