"""The app as a program calls it."""

import base64

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.conftest import encode


@pytest.fixture(scope="module")
def client(url):
    return Client(url, verbose=False)


def test_check_answers_with_the_verdict(client, tmp_path, astronaut):
    (tmp_path / "a.png").write_bytes(encode(astronaut))
    facts = client.predict(photo=handle_file(str(tmp_path / "a.png")), api_name="/check")
    assert facts["release"] == "micro"
    (face,) = facts["faces"]
    assert 0 <= face["score"] <= 1


def test_check_takes_a_data_url(client, astronaut):
    data = "data:image/png;base64," + base64.b64encode(encode(astronaut)).decode()
    photo = {"url": data, "meta": {"_type": "gradio.FileData"}}
    facts = client.predict(photo=photo, api_name="/check")
    assert len(facts["faces"]) == 1


def test_a_broken_file_is_answered_with_a_sentence(client, tmp_path):
    (tmp_path / "a.png").write_bytes(b"\xff\xd8\xff broken")
    with pytest.raises(AppError, match="not an image"):
        client.predict(photo=handle_file(str(tmp_path / "a.png")), api_name="/check")


@pytest.mark.parametrize(
    ("photo", "words"),
    [
        (None, "Send a photo"),
        ({"url": "data:image/png;base64,!!!", "meta": {"_type": "gradio.FileData"}}, "no valid base64"),
    ],
)
def test_a_call_without_a_photo_is_answered_with_a_sentence(client, photo, words):
    with pytest.raises(AppError, match=words):
        client.predict(photo=photo, api_name="/check")


def test_only_check_is_public(client):
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/check"]
