"""Publishing and fetching through the real client, against a server that speaks the Hub's protocol."""

import contextlib
import io
import re
import shutil
import time
from functools import partial

import httpx2
import huggingface_hub
import numpy as np
import pytest
import yaml
from huggingface_hub import HfApi

from deepley.__main__ import main
from deepley.config import UploadLimits
from deepley.engine.tensorflow import TensorFlowEngine
from deepley.hub import client, dataset
from deepley.hub.dataset import DatasetError
from deepley.hub.download import pinned as pinned_release
from deepley.hub.publish import PublishError, publish
from deepley.network import files, release
from tests.conftest import encode
from tests.hub.server import Fault, Repo


def test_what_was_published_can_be_pulled_at_the_commit_it_printed(hub, api, micro_release, tmp_path):
    printed = pinned_release(publish(micro_release, "alice/detector", api))
    assert printed.repo == "alice/detector"
    assert hub.repos["alice/detector"].private
    for name in hub.repos["alice/detector"].commits[printed.revision]:
        api.hf_hub_download("alice/detector", name, revision=printed.revision, local_dir=tmp_path)
    assert files.digest(tmp_path) == printed.digest == files.digest(micro_release)
    faces = np.random.default_rng(0).integers(0, 256, (3, 256, 256, 3), np.uint8)
    scores = [TensorFlowEngine(release.load(folder).model).score(faces) for folder in (tmp_path, micro_release)]
    np.testing.assert_array_equal(*scores)  # bit for bit


def test_what_is_published_has_a_card_that_says_how_to_load_it(
    hub, api, micro_release, tmp_path, astronaut, monkeypatch
):
    printed = pinned_release(publish(micro_release, "alice/shown", api))
    tree = hub.repos["alice/shown"].commits[printed.revision]
    front, text = tree[files.CARD].decode().removeprefix("---\n").split("---\n", 1)
    front = yaml.safe_load(front)
    assert (front["library_name"], front["pipeline_tag"]) == ("keras", "image-classification")
    assert front["license"] == "cc-by-nc-sa-4.0"
    assert front["model-index"][0]["results"]
    assert tree[files.CURVES].startswith(b"\x89PNG")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert '"alice/shown"' in code
    here = {"endpoint": hub.url, "token": "hf_alice", "cache_dir": tmp_path / "cache"}
    monkeypatch.setattr(huggingface_hub, "snapshot_download", partial(huggingface_hub.snapshot_download, **here))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(encode(astronaut, "JPEG"))
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(code, {})
    assert re.match(r"\(\d+, \d+, \d+, \d+\) [a-z ]+ 0\.\d+\n", said.getvalue())


def test_the_command_prints_the_pin(hub, api, micro_release, monkeypatch, capsys):
    monkeypatch.setattr(client, "api", lambda _: api)
    assert main(["publish", str(micro_release), "--repo", "alice/typed"]) == 0
    printed = pinned_release(capsys.readouterr().out)
    assert printed.revision == hub.repos["alice/typed"].head
    assert main(["publish", str(micro_release / "none"), "--repo", "alice/typed"]) == 1
    assert "no release" in capsys.readouterr().err


def test_what_an_earlier_release_had_and_the_new_one_has_not_is_taken_away(hub, api, micro_release, tmp_path):
    shutil.copytree(micro_release, tmp_path / "with-head")
    (tmp_path / "with-head" / files.TEMPORAL).write_bytes(b"a head")
    first = pinned_release(publish(tmp_path / "with-head", "alice/twice", api))
    assert files.TEMPORAL in hub.repos["alice/twice"].commits[first.revision]
    second = pinned_release(publish(micro_release, "alice/twice", api))
    assert files.TEMPORAL not in hub.repos["alice/twice"].commits[second.revision]
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("repos/create", 401), "log in again"),
        (Fault("repos/create", 0), "cannot be reached"),
        (Fault("repos/create", 403), "right to write"),
        (Fault("/commit/", 500), "error (500)"),
        (Fault("/commit/", 429, retry_after=60), "asks to wait"),
        (Fault("/commit/", 404), "does not know this"),
        (Fault("PUT /lfs/", 403), "right to write"),
    ],
)
def test_a_hub_that_refuses_is_a_sentence(hub, api, micro_release, fault, says, monkeypatch):
    monkeypatch.setattr(hub, "faults", [fault])
    with pytest.raises(PublishError, match=says.replace("(", r"\(").replace(")", r"\)")):
        publish(micro_release, "alice/other", api)


def test_only_a_release_is_published_and_only_to_a_proper_name(api, micro_release, tmp_path):
    with pytest.raises(PublishError, match="no release"):
        publish(tmp_path, "alice/x", api)
    shutil.copytree(micro_release, tmp_path / "cardless", ignore=shutil.ignore_patterns(files.CARD))
    with pytest.raises(PublishError, match="no model card"):
        publish(tmp_path / "cardless", "alice/x", api)
    with pytest.raises(PublishError, match=r"(?i)repo"):
        publish(micro_release, "no name at all!", api)


@pytest.fixture
def pinned(hub, data_folder):
    tree = {f"set/{path.relative_to(data_folder)}": path.read_bytes() for path in (data_folder / "test").rglob("*.jpg")}
    tree["set/test/real/a[1].jpg"] = tree.pop("set/test/real/007.jpg")
    hub.repos["datasets/alice/faces"] = Repo(commits={"0" * 40: {}, "a" * 40: tree | {"README.md": b"x"}})
    return f"alice/faces@{'a' * 40}"


def test_a_dataset_is_fetched_at_its_commit_and_only_its_pictures(hub, api, pinned, tmp_path, data_folder):
    dataset.fetch(pinned, tmp_path, api)
    names = (path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    found = [name for name in names if not name.startswith(".")]
    assert len(found) == 16
    assert "set/test/real/a[1].jpg" in found
    assert all(name.startswith("set/test/") for name in found)
    assert (tmp_path / "set/test/real/000.jpg").read_bytes() == (data_folder / "test/real/000.jpg").read_bytes()


@pytest.mark.parametrize(
    ("name", "limits", "says"),
    [
        ("alice/faces", UploadLimits(), "40 digits"),
        ("alice/faces@main", UploadLimits(), "40 digits"),
        (f"alice/none@{'a' * 40}", UploadLimits(), "does not know"),
        ("pinned", UploadLimits(max_images=3), "16 pictures"),
        ("pinned", UploadLimits(max_bytes=1000), "GB"),
        ("pinned", UploadLimits(min_free=10**18), "too full"),
    ],
)
def test_a_dataset_that_cannot_be_taken_is_refused_before_its_pictures_come(
    hub, api, pinned, tmp_path, name, limits, says
):
    before = len(hub.requests("/resolve/"))
    with pytest.raises(DatasetError, match=says):
        dataset.fetch(pinned if name == "pinned" else name, tmp_path / "out", api, limits)
    assert len(hub.requests("/resolve/")) == before


def test_no_call_waits_for_ever(monkeypatch):
    """A server that accepts and stays silent: the client by itself would wait without end."""
    import socket

    monkeypatch.setattr(client, "TIMEOUT", 0.3)
    client.api(None)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(httpx2.TimeoutException) as caught:
            HfApi(endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}", token="x").whoami()
        assert time.monotonic() - started < 5
    assert client.sentence(caught.value) == "The Hub does not answer in time."
