"""The app as a program calls it."""

import ast
import asyncio
import base64
import json
import re
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import httpx
import jsonschema
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from playwright.sync_api import sync_playwright

from deepley import __version__
from tests.conftest import encode
from tests.video import film

ROOT = Path(__file__).parents[3]
SCHEMA = json.loads((ROOT / "docs" / "check.schema.json").read_text())


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


@pytest.fixture(scope="module")
def photo(tmp_path_factory, astronaut):
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    path.write_bytes(encode(astronaut))
    return path


def _holds(result, kind):
    jsonschema.validate(result, {"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{kind}"})


def test_check_answers_with_the_verdict(client, photo):
    facts = client.predict(photo=handle_file(str(photo)), api_name="/check")
    _holds(facts, "photo")
    assert facts["release"] == "micro"
    (face,) = facts["faces"]
    assert 0 <= face["score"] <= 1


def test_check_takes_a_data_url(client, astronaut):
    data = "data:image/png;base64," + base64.b64encode(encode(astronaut)).decode()
    photo = {"url": data, "meta": {"_type": "gradio.FileData"}}
    facts = client.predict(photo=photo, api_name="/check")
    assert len(facts["faces"]) == 1


def test_check_many_answers_for_each_photo_whatever_is_wrong_with_one(client, photo, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\xff\xd8\xff broken")
    sent = [handle_file(str(path)) for path in (photo, tmp_path / "broken.png")]
    found = client.predict(photos=sent, api_name="/check_many")
    jsonschema.validate(found, SCHEMA)
    assert [bool(result["error"]) for result in found] == [False, True]
    assert [result["name"] for result in found] == ["photo.png", "broken.png"]
    assert found[0]["faces"] == client.predict(photo=handle_file(str(photo)), api_name="/check")["faces"]


def test_check_video_answers_with_each_face_over_time(client, tmp_path, astronaut):
    clip = film.write(tmp_path / "a.mp4", [np.roll(astronaut, i, axis=1) for i in range(30)])
    facts = client.predict(clip=handle_file(str(clip)), api_name="/check_video")
    _holds(facts, "clip")
    assert facts["tracks"][0]["frames"]


@pytest.mark.parametrize(
    ("endpoint", "sent", "words"),
    [
        ("check", {"photo": b"\xff\xd8\xff broken"}, "not an image"),
        ("check", {"photo": None}, "Send a photo"),
        ("check", {"photo": "data:image/png;base64,!!!"}, "no valid base64"),
        ("check", {"photo": "https://example.org/a.jpg"}, "names no file"),
        ("check_many", {"photos": None}, "no photos"),
        ("check_video", {"clip": None}, "Send a clip"),
        ("check_video", {"clip": b"no clip"}, "not a clip"),
    ],
)
def test_what_cannot_be_checked_is_answered_with_a_sentence(client, tmp_path, endpoint, sent, words):
    ((name, value),) = sent.items()
    if isinstance(value, bytes):
        (tmp_path / "a.png").write_bytes(value)
        value = handle_file(str(tmp_path / "a.png"))
    elif value:
        value = {"url": value, "meta": {"_type": "gradio.FileData"}}
    with pytest.raises(AppError, match=words):
        client.predict(**{name: value}, api_name=f"/{endpoint}")


def test_only_the_three_are_public(client):
    public = client.view_api(return_format="dict")["named_endpoints"]
    assert list(public) == ["/check", "/check_many", "/check_video"]


def test_health_says_what_is_up(url):
    found = httpx.get(f"{url}health").json()
    assert found.pop("uptime_seconds") > 0
    sha256 = found.pop("sha256")
    assert found == {"status": "up", "version": __version__, "release": "micro", "queue": 0}
    assert len(sha256) == 64


def test_health_answers_while_calls_are_being_answered_and_counts_those_that_wait(client, url, photo):
    calls = [client.submit(photo=handle_file(str(photo)), api_name="/check") for _ in range(2)]
    waiting = []
    while not all(call.done() for call in calls):
        time.sleep(0.02)
        waiting.append(httpx.get(f"{url}health").json()["queue"])
    assert max(waiting) >= 1
    assert all(len(call.result()["faces"]) == 1 for call in calls)


def _example(language):
    """The only README block in a language, with the address of the running app and a photo that is there."""
    readme = (ROOT / "README.md").read_text()
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    return block


def _at(block, url, photo):
    return block.replace("http://127.0.0.1:7860", url.rstrip("/")).replace("photo.jpg", str(photo))


def test_the_python_example_of_the_readme_runs(url, tmp_path, astronaut):
    (tmp_path / "photo.jpg").write_bytes(encode(astronaut, "JPEG"))
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.write(tmp_path / "photo.jpg", "other.jpg")
    film.write(tmp_path / "clip.mp4", [np.roll(astronaut, i, axis=1) for i in range(30)])
    block = _at(_example("python"), url, "photo.jpg")
    ran = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=True)
    one, many, clip = map(ast.literal_eval, ran.stdout.splitlines()[-3:])
    _holds(one, "photo")
    _holds(clip, "clip")
    jsonschema.validate(many, SCHEMA)
    assert [each["name"] for each in many] == ["photo.jpg", "other.jpg"]


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here")
def test_the_curl_example_of_the_readme_runs(url, photo):
    ran = subprocess.run(["sh", "-c", _at(_example("sh"), url, photo)], capture_output=True, text=True, check=True)
    said = ran.stdout.partition("data: ")[2]
    _holds(json.loads(said)[0], "photo")


def test_the_javascript_example_of_the_readme_runs(url, photo):
    data = "data:image/png;base64," + base64.b64encode(photo.read_bytes()).decode()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{url}health")
        block = _at(_example("js"), url, photo)
        verdict = page.evaluate(f"async (photo) => {{ {block}; return verdict; }}", data)
        browser.close()
    _holds(verdict, "photo")


def test_the_mcp_tools_are_those_and_answer(url, astronaut):
    (server,) = json.loads(_example("json"))["mcpServers"].values()
    data = "data:image/png;base64," + base64.b64encode(encode(astronaut)).decode()

    async def use():
        address = server["url"].replace("http://127.0.0.1:7860/", url)
        async with streamable_http_client(address) as (read, write, *_), ClientSession(read, write) as session:
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, await session.call_tool("check", {"photo": data})

    tools, answer = asyncio.run(use())
    assert [tool.name for tool in tools] == ["check", "check_many", "check_video"]
    assert all("Args" not in tool.description and len(tool.description) > 80 for tool in tools)
    assert not answer.isError
    _holds(ast.literal_eval(answer.content[0].text), "photo")  # Gradio writes the dict as Python does
