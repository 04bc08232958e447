"""What a caller may ask of a running server, and that nobody can pass for somebody else."""

import asyncio
import contextlib
import json

import gradio as gr
import httpx
import pytest
from gradio import processing_utils
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from deepley.config import ApiLimits
from deepley.ui.parts.detectors import Detectors
from deepley.ui.server import api, gate, uploads
from deepley.ui.server.gate import Door
from deepley.verdict.detector import Detector
from tests.conftest import encode

BOUNDS = ApiLimits(calls_per_minute=2, max_photos=3, max_bytes=2000, max_body=2000)


@pytest.fixture(scope="module")
def strict(micro_release):
    """The address of a server with nothing but the API, which allows little."""
    with gr.Blocks(analytics_enabled=False) as app:
        api.build(Detectors(Detector(micro_release)), BOUNDS)
    _, url, _ = app.launch(
        prevent_thread_lock=True, quiet=True, ssr_mode=False, mcp_server=True,
        app_kwargs={"middleware": [Middleware(Door, bounds=BOUNDS)]},
    )  # fmt: skip
    yield url
    app.close()


def _from(address, **options):
    """A client on another address of this machine: uvicorn believes 127.0.0.1 alone."""
    return httpx.Client(transport=httpx.HTTPTransport(local_address=address), **options)


def _call(url, client, endpoint="check", value=None):
    asked = client.post(f"{url}gradio_api/call/{endpoint}", json={"data": [value]})
    asked.raise_for_status()
    said = client.get(f"{url}gradio_api/call/{endpoint}/{asked.json()['event_id']}").text
    return json.loads(said.rpartition("data: ")[2])["error"]


def test_an_address_may_call_so_often_and_no_more_whatever_it_says_of_itself(strict):
    with _from("127.0.0.2") as client:
        assert [_call(strict, client) for _ in range(2)] == ["Send a photo to check."] * 2
        client.headers["X-Forwarded-For"] = "8.8.8.8"
        assert _call(strict, client).startswith("At most 2 calls a minute are answered: call again in ")
    with _from("127.0.0.3") as client:
        assert _call(strict, client) == "Send a photo to check."


def test_the_tools_count_their_callers_too(strict):
    """Gradio calls the server itself for them, with the headers that it got."""

    async def use(address, forged):
        transport = httpx.AsyncHTTPTransport(local_address=address)
        async with (
            httpx.AsyncClient(transport=transport, headers={"X-Forwarded-For": forged}) as client,
            streamable_http_client(f"{strict}gradio_api/mcp/", http_client=client) as (read, write, *_),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return (await session.call_tool("check", {"photo": "data:image/png;base64,AAAA"})).content[0].text

    said = [asyncio.run(use("127.0.0.4", f"8.8.8.{i}")) for i in range(3)]
    assert ["At most 2 calls" in answer for answer in said] == [False, False, True]
    assert "At most 2 calls" not in asyncio.run(use("127.0.0.5", "8.8.8.0"))


def test_many_photos_are_held_to_a_number_and_to_bytes(strict, astronaut):
    with _from("127.0.0.6") as client:

        def send(photos):
            files = [("files", (f"{i}.png", photo)) for i, photo in enumerate(photos)]
            paths = client.post(f"{strict}gradio_api/upload", files=files).json()
            data = [{"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths]
            return _call(strict, client, "check_many", data)

        assert "at most 3 are checked" in send([b"a"] * 4)
        assert "more than 0.002 MB" in send([encode(astronaut)])


@pytest.mark.parametrize("told", [True, False], ids=["length told", "in chunks"])
def test_a_request_is_not_read_past_its_limit_unless_it_is_an_upload(strict, told):
    body = json.dumps({"data": ["x" * 3000]}).encode()
    content = body if told else iter([body[:1500], body[1500:]])
    with _from("127.0.0.7") as client:
        headers = {"Content-Type": "application/json"}
        assert client.post(f"{strict}gradio_api/call/check", content=content, headers=headers).status_code == 413
        assert client.post(f"{strict}gradio_api/call/upload", content=body, headers=headers).status_code == 413
        assert client.post(f"{strict}gradio_api/upload", files={"files": b"x" * 3000}).status_code == 200


def test_the_page_has_this_door(url):
    refused = httpx.post(f"{url}gradio_api/call/check", content=b"x" * (ApiLimits().max_body + 1))
    assert refused.status_code == 413


def test_an_upload_is_not_read_into_memory_as_a_field(url):
    assert httpx.post(f"{url}gradio_api/upload", files={"files": (None, b"x" * 100_000)}).status_code in (400, 413)
    assert httpx.post(f"{url}gradio_api/upload", files={"files": b"x" * 100_000}).status_code == 200


@pytest.mark.parametrize("told", [True, False], ids=["length told", "in chunks"])
def test_an_address_uploads_so_much_and_no_more(micro_release, told, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with gr.Blocks(analytics_enabled=False) as app:
        gr.File()
    bounds = ApiLimits(uploads_per_hour=200_000)
    options = {"prevent_thread_lock": True, "quiet": True, "ssr_mode": False}
    _, url, _ = app.launch(app_kwargs={"middleware": [Middleware(Door, bounds=bounds)]}, **options)
    try:
        with _from("127.0.0.8") as client:

            def send(size):
                request = client.build_request("POST", f"{url}gradio_api/upload", files={"files": b"x" * size})
                content = request.read()
                headers = {"Content-Type": request.headers["Content-Type"]}
                return client.post(request.url, content=content if told else iter([content]), headers=headers)

            assert send(150_000).status_code == 200
            refused = send(150_000)
            assert refused.status_code == 413
            assert "GB an hour" in refused.text
            assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 160_000
        with _from("127.0.0.9") as client:
            assert send(150_000).status_code == 200
    finally:
        app.close()


def test_a_disk_that_is_nearly_full_takes_no_upload():
    answered = []

    async def inner(*_):
        answered.append("inner")

    async def send(message):
        answered.append(message.get("status") or message.get("body"))

    scope = {"type": "http", "path": "/gradio_api/upload", "method": "POST", "headers": [], "client": ("8.8.8.8", 1)}
    asyncio.run(Door(inner, min_free=10**18)(dict(scope), None, send))
    assert answered[0] == 507
    assert b"too full" in answered[1]
    asyncio.run(Door(inner)(dict(scope), None, send))
    assert answered[-1] == "inner"


def test_gradios_other_way_to_leave_files_is_closed(url):
    assert httpx.post(f"{url}gradio_api/process_recording", files={"clip": b"x"}).status_code == 404


@pytest.mark.parametrize(
    ("name", "end", "kept"), [("files", b"\r\n--b--\r\n", 1), ("other", b"\r\n--b--\r\n", 0), ("files", None, 0)]
)
def test_of_uploads_that_break_off_or_are_none_nothing_stays(tmp_path, name, end, kept):
    async def stream():
        yield f'--b\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n{"x" * 1000}'.encode()
        if end is None:
            raise ClientDisconnect
        yield end

    kind = Headers({"Content-Type": "multipart/form-data; boundary=b"})
    form = uploads._Form(kind, stream(), upload_dir=tmp_path, max_file_size=10**6)
    with contextlib.suppress(ClientDisconnect):
        asyncio.run(form.parse())
    assert len(list(tmp_path.rglob("*"))) == kept


def test_what_tools_send_is_deleted_as_uploads_are(tmp_path, monkeypatch):
    monkeypatch.setattr(processing_utils, "save_base64_to_cache", processing_utils.save_base64_to_cache)
    with gr.Blocks(analytics_enabled=False) as app:
        gr.File()
    uploads.forget_what_tools_send(app)
    path = processing_utils.save_base64_to_cache("data:image/png;base64,AAAA", str(tmp_path))
    assert app.upload_file_set == {path}


@pytest.mark.parametrize("path", ["file=https://a.org/b.png", "file=HTTP%3A//a.org/b.png", "file/https://a.org/b.png"])
def test_files_of_the_web_are_not_passed_on(url, path):
    assert httpx.get(f"{url}gradio_api/{path}").status_code == 403


def test_a_flood_is_turned_away_and_a_network_counts_as_one(monkeypatch):
    pace = gate.Pace(2)
    assert [bool(pace.hit("8.8.8.8")) for _ in range(3)] == [False, False, True]
    assert [bool(pace.hit(f"2001:db8::{i}")) for i in range(3)] == [False, False, True]
    assert not pace.hit("2001:db8:0:1::1")

    answered = []

    async def behind(scope, receive, send):
        answered.append("app")

    async def ask(door):
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/gradio_api/queue/join",
            "headers": [],
            "client": ("::1", 1),
        }
        await door(scope, None, lambda message: _noted(answered, message))

    door = Door(behind, ApiLimits(posts_per_minute=1))
    asyncio.run(ask(door))
    asyncio.run(ask(door))
    assert answered[:2] == ["app", 429]


async def _noted(answered, message):
    answered.append(message.get("status", "body"))


@pytest.mark.parametrize(
    ("noted", "caller"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("9.9.9.9, 8.8.8.8, 10.1.2.3", "8.8.8.8"),  # the first was forged, the last is a proxy's
        ("8.8.8.8, nonsense", "8.8.8.8"),
        ("10.1.2.3", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_on_a_space_the_last_public_address_that_was_noted_counts_and_elsewhere_none(noted, caller, monkeypatch):
    assert gate.address("10.0.0.1", noted) == "10.0.0.1"
    monkeypatch.setenv("SPACE_ID", "someone/deepley")
    assert gate.address("10.0.0.1", noted) == caller
