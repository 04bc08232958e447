"""Files named by their address, from a real server on this machine: the guard against such is opened for it."""

import asyncio
import contextlib
import gzip
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import gradio as gr
import httpx
import pytest
import safehttpx
from gradio import processing_utils

from deepley.config import ApiLimits
from deepley.ui.server import fetch


class _Web(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        name = self.path.rpartition("/")[2]
        if name == "elsewhere.png":
            self.send_response(302)
            self.send_header("Location", "http://photos.test/small.png")
            self.end_headers()
            return
        self.send_response(404 if name == "gone.png" else 200)
        packed = name == "packed.png"
        if packed:
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        with contextlib.suppress(OSError):  # the other side hangs up, as it should
            if name.startswith("brief"):
                time.sleep(0.6)
                self.wfile.write(b"x")
            elif name == "slow.png":
                for _ in range(20):
                    self.wfile.write(b"x")
                    time.sleep(0.2)
            else:
                content = b"x" * (5000 if name == "large.png" else 500)
                self.wfile.write(gzip.compress(content) if packed else content)


@pytest.fixture
def web(monkeypatch):
    """Serves photos.test, on its port, which only the opened guard knows."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    async def known(_):
        return "127.0.0.1"

    class Here(safehttpx.AsyncSecureTransport):
        async def handle_async_request(self, request):
            request.url = request.url.copy_with(port=server.server_port)
            return await super().handle_async_request(request)

    monkeypatch.setattr(safehttpx, "async_validate_url", known)
    monkeypatch.setattr(fetch, "is_public", lambda address: True)
    monkeypatch.setattr(safehttpx, "AsyncSecureTransport", Here)
    monkeypatch.setattr(processing_utils, "async_transport", None)
    fetch.bound(ApiLimits(max_fetched=1000, fetch_seconds=2))
    yield
    server.shutdown()
    server.server_close()


def _get(name, cache):
    address = f"http://photos.test/{name}"
    return Path(asyncio.run(processing_utils.async_ssrf_protected_download(address, str(cache))))


@pytest.mark.parametrize("name", ["small.png", "elsewhere.png"])
def test_a_file_is_fetched_by_gradio_as_before(web, tmp_path, name):
    assert _get(name, tmp_path).read_bytes() == b"x" * 500


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("large.png", "larger than 0.001 MB"),
        ("slow.png", "longer than 2 seconds"),
        ("gone.png", "error 404"),
        ("packed.png", "sends the file compressed"),
    ],
)
def test_what_is_too_large_too_slow_or_not_there_is_refused_with_a_sentence(web, tmp_path, name, says):
    with pytest.raises(gr.Error, match=says):
        _get(name, tmp_path)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_the_files_of_one_call_share_its_bytes_and_its_seconds(web, tmp_path):
    async def call(names):
        for name in names:
            await processing_utils.async_ssrf_protected_download(f"http://photos.test/{name}", str(tmp_path / name))

    asyncio.run(call(["small.png", "again.png"]))
    with pytest.raises(gr.Error, match=r"larger than 0\.001 MB"):
        asyncio.run(call(["one.png", "two.png", "three.png"]))
    with pytest.raises(gr.Error, match="longer than 2 seconds"):
        asyncio.run(call([f"brief{i}.png" for i in range(5)]))


def test_an_address_of_a_carriers_network_is_refused(monkeypatch, tmp_path):
    async def known(_):
        return "100.100.100.200"

    monkeypatch.setattr(safehttpx, "async_validate_url", known)
    monkeypatch.setattr(processing_utils, "async_transport", None)
    fetch.bound(ApiLimits())
    with pytest.raises(gr.Error, match="cannot be reached on the web from here"):
        _get("small.png", tmp_path)


def test_an_address_inside_is_refused_by_the_running_app_with_a_sentence(url):
    sent = {"data": [{"path": f"{url}health", "meta": {"_type": "gradio.FileData"}}]}
    call = httpx.post(f"{url}gradio_api/call/check", json=sent).json()["event_id"]
    said = httpx.get(f"{url}gradio_api/call/check/{call}").text
    assert "127.0.0.1 cannot be reached on the web from here: upload the file instead." in said
