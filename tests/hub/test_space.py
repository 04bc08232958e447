"""The Space as space.yaml describes it: one description, held against README, requirements and the reference."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from deepley.__main__ import main
from deepley.hub import space
from deepley.hub.deploy import deploy
from deepley.hub.space import SpaceError
from tests.hub.server import Fault

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ours():
    return space.load(PROJECT)


@pytest.fixture(scope="module")
def described():
    return yaml.safe_load((PROJECT / "space.yaml").read_text())


def _wrong(description):
    try:
        return " ".join(space.check(space.parse(description), PROJECT))
    except SpaceError as error:
        return str(error)


def test_description_readme_and_requirements_agree(ours):
    assert space.check(ours, PROJECT) == []


def test_the_front_matter_is_what_the_hub_reads_and_the_rest_stays(ours):
    text = space.render(ours, "# Title\n\n---\n\nText\n")
    front, rest = text.removeprefix("---\n").split("---\n\n", 1)
    assert yaml.safe_load(front) == yaml.safe_load((PROJECT / "space.yaml").read_text())["card"]
    assert rest == "# Title\n\n---\n\nText\n"
    assert space.render(ours, text) == text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"colorFrom": "teal"}, "card.colorFrom should be 'red', 'yellow', "),
        ({"short_description": "x" * 61}, "card.short_description should have at most 60 characters"),
        ({"python_version": 3.1}, "card.python_version must be text in quotes"),
        ({"sdk_version": "6.0.0"}, "requirements.txt has gradio"),
        ({"hf_oauth_scopes": ["everything"]}, "not 'everything'"),
        ({"suggested_hardware": "cpu-free"}, "not 'cpu-free'"),
        ({"colour": "red"}, "card.colour is not in the reference of Spaces."),
        ({"app_file": "main.py"}, "There is no main.py"),
        ({"title": "Another"}, "space render"),
    ],
)
def test_what_is_wrong_is_said(described, changes, says):
    assert says in _wrong({**described, "card": described["card"] | changes})


def test_every_field_that_is_missing_is_named(described):
    card = {name: value for name, value in described["card"].items() if name not in ("emoji", "license")}
    assert _wrong({**described, "card": card}) == "card.emoji is missing. card.license is missing."


def test_exactly_what_a_space_needs_is_uploaded(ours):
    names = {path.relative_to(PROJECT).as_posix() for path in space.uploads(ours, PROJECT)}
    assert {"app.py", "README.md", "requirements.txt", "deepley/ui/page.py", "deepley/ui/static/astronaut.jpg"} <= names
    assert "weights/deepley-resnet50/model.safetensors" in names
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)
    told = subprocess.run(["git", "ls-files", "-z", *ours.files], cwd=PROJECT, capture_output=True, check=True)
    assert names == set(told.stdout.decode().strip("\0").split("\0"))


def test_what_running_and_training_leave_behind_is_not_uploaded(ours, tmp_path):
    for name in ("a.py", "a.pyi", "__pycache__/a.pyc", ".hidden/a", "head.clips/a.npz"):
        (tmp_path / "deepley" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "deepley" / name).touch()
    found = list(space.uploads(ours.model_copy(update={"files": ["deepley"]}), tmp_path))
    assert found == [tmp_path / "deepley" / "a.py"]


PIN = f"alice/detector@{'a' * 40}:{'b' * 64}"


def test_a_pinned_release_is_preloaded_and_started_with(hub, api, ours, tmp_path):
    pinned = ours.model_copy(update={"release": PIN})
    front = yaml.safe_load(space.render(pinned, "").split("---\n")[1])
    assert front["models"] == ["alice/detector"]
    (preloaded,) = front["preload_from_hub"]
    repo, files, commit = preloaded.split(" ")  # the reference's format
    assert (repo, commit) == ("alice/detector", "a" * 40)
    assert {"config.json", "model.safetensors", "doubt.safetensors"} <= set(files.split(","))
    (tmp_path / "README.md").write_text(space.render(pinned, (PROJECT / "README.md").read_text()))
    for name in ("app.py", "requirements.txt"):
        shutil.copy(PROJECT / name, tmp_path)
    volume = space.Volume(type="bucket", source="alice/kept", mount_path="/data")
    changes = {"files": ["app.py", "README.md"], "secrets": ["HF_TOKEN"], "sleep_time": 3600, "storage": [volume]}
    pinned = pinned.model_copy(update=changes)
    hub.spaces["alice/deepley"] = {"variables": {"OLD": {"value": "1"}}}
    said = list(deploy(pinned, tmp_path, "alice/deepley", api, poll=0.01, settle=0.3))
    assert "To be set by hand: HF_TOKEN." in said
    there = hub.spaces["alice/deepley"]
    assert there["variables"] == {"GRADIO_ANALYTICS_ENABLED": {"value": "False"}, "DEEPLEY_HUB": {"value": PIN}}
    assert there["volumes"] == [{"type": "bucket", "source": "alice/kept", "mountPath": "/data"}]
    assert there["sleepTimeSeconds"] == 3600
    list(deploy(pinned.model_copy(update={"storage": []}), tmp_path, "alice/deepley", api, poll=0.01, settle=0.3))
    assert there["volumes"] == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"release": "alice/detector@main"}, "release: A release on the Hub is named"),
        ({"storage": [{"type": "bucket", "source": "alice/kept", "mount_path": "data"}]}, "a mount path starts with /"),
        ({"storage": [{"source": "alice/kept", "mount_path": "/data"}]}, "storage.0.type is missing"),
        ({"variables": {"DEEPLEY_CALLS_PER_MINUTE": 30}}, "in quotes"),
        ({"sleep_time": "an hour"}, "sleep_time should be a valid integer"),
        ({"hardware": "cpu-free"}, "not 'cpu-free'"),
        ({"release": PIN}, "space render"),
    ],
)
def test_what_is_wrong_beside_the_card_is_said(described, changes, says):
    assert says in _wrong(described | changes)


def test_the_commands_check_and_render(capsys):
    before = (PROJECT / "README.md").read_text()
    assert main(["space", "check"]) == 0
    assert "agree" in capsys.readouterr().out
    assert main(["space", "render"]) == 0
    assert (PROJECT / "README.md").read_text() == before


def test_a_deployment_sets_everything_and_waits_until_it_runs(hub, api, ours):
    *_, address = list(deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    assert address == f"{hub.url}/spaces/alice/deepley"
    tree = hub.repos["spaces/alice/deepley"].at("main")[1]
    assert tree["app.py"] == (PROJECT / "app.py").read_bytes()
    assert hub.spaces["alice/deepley"]["flavor"] == "cpu-basic"
    assert hub.spaces["alice/deepley"]["variables"]["GRADIO_ANALYTICS_ENABLED"] == {"value": "False"}
    assert len(hub.requests("runtime")) == 2


def test_a_second_deployment_takes_away_what_is_no_longer_there(hub, api, ours):
    list(deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    stored = hub.repos["spaces/alice/deepley"]
    stored.commits[stored.head]["deepley/old.py"] = b"x"
    list(deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    assert "deepley/old.py" not in stored.at("main")[1]


def test_a_space_that_does_not_run_and_a_hub_that_fails_are_sentences(hub, api, ours):
    hub.stages = ["BUILDING", "BUILD_ERROR"]
    with pytest.raises(SpaceError, match="BUILD_ERROR"):
        list(deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    hub.faults = [Fault("hardware", 402)]
    with pytest.raises(SpaceError, match="payment method"):
        list(deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    hub.faults, hub.stages = [Fault("runtime", 503, times=2)], ["RUNNING"]
    assert list(deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))[-1].endswith("alice/deepley")


def test_what_the_version_before_came_to_is_not_taken_for_the_new_one(hub, api, ours):
    hub.stages = ["RUNNING", "RUNNING", "BUILDING", "BUILD_ERROR"]
    with pytest.raises(SpaceError, match="BUILD_ERROR"):
        list(deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=30))
    hub.stages = ["NO_APP_FILE", "BUILDING", "RUNNING"]
    list(deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=30))


def test_a_description_that_cannot_be_read_is_a_sentence(tmp_path):
    (tmp_path / "space.yaml").write_text("card: [")
    with pytest.raises(SpaceError, match="cannot be used"):
        space.load(tmp_path)
