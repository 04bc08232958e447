"""Which release is used, whatever the Hub does: the real client against a server that misbehaves on purpose."""

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from deepley.hub.download import DownloadError, choose, pinned
from deepley.network import files, release
from tests.hub.server import Fault, Hub, Repo

pytestmark = pytest.mark.slow

COMMIT = "b" * 40
CHOOSE = """
import json, os, sys
from pathlib import Path
from deepley.hub.download import choose
if sys.argv[3:]:
    choose(Path("embedded"), None, "alice/none@" + "0" * 40 + ":" + "0" * 64, 1.0)  # imports what nobody may not
    os.setuid(int(sys.argv[3]))
choice = choose(Path("embedded"), None, sys.argv[1], float(sys.argv[2]))
print(json.dumps([str(choice.folder), choice.reason]), flush=True)
os._exit(0)
"""


@pytest.fixture
def hub(micro_release):
    hub = Hub()
    hub.tokens[""] = "nobody"  # a public repository is read without a token
    tree = {path.name: path.read_bytes() for path in micro_release.iterdir()}
    hub.repos["alice/detector"] = Repo(commits={"0" * 40: {}, COMMIT: tree})
    yield hub
    hub.close()


@pytest.fixture
def name(micro_release):
    return f"alice/detector@{COMMIT}:{files.digest(micro_release)}"


def _choose(url, cache, name, patience=20.0, nobody=False, **environment):
    """In a process of its own: the client reads its settings when it is imported."""
    environment = {"HF_ENDPOINT": url, "HF_HOME": str(cache), "HF_TOKEN": "", **environment}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", CHOOSE, name, str(patience), *(["65534"] if nobody else [])],
        env={**os.environ, **environment}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return *json.loads(done.stdout.splitlines()[-1]), time.monotonic() - began


def test_a_pinned_release_is_fetched_once_and_then_used_without_the_hub(hub, name, tmp_path, micro_release):
    folder, reason, _ = _choose(hub.url, tmp_path, name)
    assert release.load(folder).sha256 == release.load(micro_release).sha256
    assert "of the Hub is used" in reason
    before = len(hub.seen)
    again, _, _ = _choose(hub.url, tmp_path, name)
    assert again == folder
    assert len(hub.seen) == before
    offline, _, _ = _choose("http://127.0.0.1:9", tmp_path, name, HF_HUB_OFFLINE="1")
    assert offline == folder


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        (Fault("resolve", 401, times=99), "log in again"),
        (Fault("resolve", 403, times=99), "access to the repository"),
        (Fault("resolve", 404, times=99, code="RepoNotFound"), "does not know this"),
        (Fault("GET .*resolve.*safetensors", 404, times=99, code="EntryNotFound"), "does not know this"),
        (Fault("resolve", 500, times=99), "error (500)"),
        (Fault("resolve", 429, times=99, retry_after=60), "asks to wait"),
        (Fault("resolve", 0, times=99), "cannot be reached"),
        pytest.param(Fault("GET .*resolve.*safetensors", 500, times=99), "error (500)", id="500 on the weights"),
        (Fault("GET .*resolve.*safetensors", 200, times=99, code="stall"), "longer than 4 seconds"),
        (Fault("GET .*resolve.*safetensors", 200, times=99, code="trickle"), "longer than 4 seconds"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status}{value.code}",
)
def test_a_hub_that_fails_leaves_the_embedded_release_in_use(hub, name, tmp_path, fault, says):
    hub.faults = [fault]
    folder, reason, took = _choose(hub.url, tmp_path, name, patience=4.0)
    assert folder == "embedded"
    assert says in reason
    assert took < 20


def test_a_hub_that_stays_silent_or_is_not_there_is_given_up_after_one_short_try(name, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        folder, reason, took = _choose(f"http://127.0.0.1:{silent.getsockname()[1]}", tmp_path, name)
    assert folder == "embedded"
    assert "does not answer in time" in reason
    assert took < 15  # its client would try for six minutes
    folder, reason, took = _choose("http://127.0.0.1:9", tmp_path, name)
    assert folder == "embedded"
    assert "cannot be reached" in reason
    assert took < 15


def test_without_the_hub_and_without_a_cache_the_reason_names_the_setting(name, tmp_path):
    folder, reason, _ = _choose("http://127.0.0.1:9", tmp_path, name, HF_HUB_OFFLINE="1")
    assert folder == "embedded"
    assert "HF_HUB_OFFLINE is set" in reason


def test_a_file_that_broke_off_is_fetched_to_its_end_or_not_used(hub, name, tmp_path):
    hub.faults = [Fault("GET .*safetensors", 200, code="half")]
    folder, reason, _ = _choose(hub.url, tmp_path, name)
    assert folder != "embedded", reason
    assert pinned(name).digest == files.digest(Path(folder))
    assert len(hub.requests("GET .*model.safetensors")) == 2
    hub.faults = [Fault("GET .*safetensors", 200, times=99, code="half")]
    folder, _, took = _choose(hub.url, tmp_path / "other", name, patience=4.0)
    assert folder == "embedded"
    assert took < 20


def test_etags_that_mix_up_the_files_are_found_out(hub, name, tmp_path):
    hub.faults = [Fault("resolve", 200, times=99, code="etag")]
    folder, reason, _ = _choose(hub.url, tmp_path, name)
    assert folder == "embedded"
    assert "not the pinned one" in reason


def test_a_cache_that_cannot_be_written_leaves_the_embedded_release_in_use(hub, name, tmp_path):
    (tmp_path / "cache").write_text("a file where a folder should be")  # root, who runs tests, may write anywhere else
    folder, reason, _ = _choose(hub.url, tmp_path / "cache", name)
    assert folder == "embedded"
    assert "cache on this machine cannot be written" in reason


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become nobody")
def test_a_cache_that_may_only_be_read_is_used_if_it_holds_the_release(hub, name, tmp_path):
    """As a container's image holds it, whose user owns nothing."""
    tmp_path = Path(tempfile.mkdtemp(dir="/var/tmp"))  # pytest's folders are closed to others
    try:
        tmp_path.chmod(0o755)
        folder, _, _ = _choose(hub.url, tmp_path / "cache", name)
        again, reason, _ = _choose("http://127.0.0.1:9", tmp_path / "cache", name, nobody=True)
        assert again == folder, reason
        (tmp_path / "empty").mkdir(mode=0o755)
        again, reason, _ = _choose(hub.url, tmp_path / "empty", name, nobody=True)
        assert again == "embedded"
        assert "cache on this machine cannot be written" in reason
    finally:
        shutil.rmtree(tmp_path)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "temporal.safetensors"])
def test_a_hub_that_lies_is_found_out(hub, name, tmp_path, file):
    tree = hub.repos["alice/detector"].commits[COMMIT]
    tree[file] = tree.get(file, b"") + b" "  # the config would read as before
    folder, reason, _ = _choose(hub.url, tmp_path, name)
    assert folder == "embedded"
    assert "not the pinned one" in reason


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_cache_that_was_tampered_with_is_filled_anew_or_not_used(hub, name, tmp_path, file, micro_release):
    folder, _, _ = _choose(hub.url, tmp_path, name)
    path = os.path.realpath(f"{folder}/{file}")
    os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[:-1] + b" ")
    assert _choose("http://127.0.0.1:9", tmp_path, name, patience=3.0)[0] == "embedded"
    again, _, _ = _choose(hub.url, tmp_path, name)
    assert again == folder
    assert files.digest(Path(folder)) == files.digest(micro_release)


def test_a_file_that_was_planted_in_the_cache_is_removed(hub, name, tmp_path, micro_release):
    folder, _, _ = _choose(hub.url, tmp_path, name)
    Path(folder, files.TEMPORAL).write_bytes(b"planted")
    assert _choose(hub.url, tmp_path, name)[0] == folder
    assert files.digest(Path(folder)) == files.digest(micro_release)


@pytest.mark.parametrize("text", ["alice/x", "alice/x@main", f"alice/x@{'a' * 40}", f"x@{'a' * 40}:{'b' * 64}"])
def test_only_a_release_that_can_be_one_thing_is_accepted(text, tmp_path):
    with pytest.raises(DownloadError, match="COMMIT:DIGEST"):
        pinned(text)
    assert choose(tmp_path, None, text, 1.0).folder == tmp_path


def test_a_named_folder_goes_first_and_without_wishes_the_embedded_one_is_used(tmp_path):
    assert choose(tmp_path / "embedded", str(tmp_path / "mine"), "nonsense", 1.0).folder == tmp_path / "mine"
    assert choose(tmp_path / "embedded", None, None, 1.0).reason == "The embedded release is used."
