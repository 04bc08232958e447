"""The Space as space.yaml describes it: one description, held against README, requirements and the reference."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from deepley.hub import space
from deepley.hub.space import SpaceError
from tests.hub.server import Fault

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def ours():
    return space.load(PROJECT)


def test_description_readme_and_requirements_agree(ours):
    assert space.check(ours, PROJECT) == []


def test_the_front_matter_is_what_the_hub_reads_and_the_rest_stays(ours):
    text = space.render(ours, "# Title\n\n---\n\nText\n")
    front, rest = text.removeprefix("---\n").split("---\n\n", 1)
    assert yaml.safe_load(front) == ours.card
    assert rest == "# Title\n\n---\n\nText\n"
    assert space.render(ours, text) == text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"colorFrom": "teal"}, "colorFrom must be one of"),
        ({"short_description": "x" * 61}, "more than 60"),
        ({"python_version": 3.1}, "in quotes"),
        ({"sdk_version": "6.0.0"}, "requirements.txt has gradio"),
        ({"hf_oauth_scopes": ["everything"]}, "no OAuth scope everything"),
        ({"suggested_hardware": "cpu-free"}, "no hardware cpu-free"),
        ({"app_file": "main.py"}, "There is no main.py"),
        ({"title": "Another"}, "space render"),
    ],
)
def test_what_is_wrong_is_said(ours, changes, says):
    other = dataclasses.replace(ours, card={**ours.card, **changes})
    assert says in " ".join(space.check(other, PROJECT))


def test_a_field_that_is_missing_is_named(ours):
    card = {name: value for name, value in ours.card.items() if name != "emoji"}
    assert "The card lacks emoji." in space.check(dataclasses.replace(ours, card=card), PROJECT)


def test_exactly_what_a_space_needs_is_uploaded(ours):
    names = {path.relative_to(PROJECT).as_posix() for path in space.uploads(ours, PROJECT)}
    assert {"app.py", "README.md", "requirements.txt", "deepley/ui/page.py", "deepley/ui/astronaut.jpg"} <= names
    assert "weights/deepley-resnet50/model.safetensors" in names
    assert not any(name.startswith(("tests/", "benchmarks/", ".")) or "__pycache__" in name for name in names)


def test_a_deployment_sets_everything_and_waits_until_it_runs(hub, api, ours):
    *_, address = list(space.deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    assert address == f"{hub.url}/spaces/alice/deepley"
    tree = hub.repos["spaces/alice/deepley"].at("main")[1]
    assert tree["app.py"] == (PROJECT / "app.py").read_bytes()
    assert hub.spaces["alice/deepley"]["flavor"] == "cpu-basic"
    assert hub.spaces["alice/deepley"]["variables"]["GRADIO_ANALYTICS_ENABLED"] == {"value": "False"}
    assert len(hub.requests("runtime")) == 2


def test_a_second_deployment_takes_away_what_is_no_longer_there(hub, api, ours):
    list(space.deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    stored = hub.repos["spaces/alice/deepley"]
    stored.commits[stored.head]["deepley/old.py"] = b"x"
    list(space.deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    assert "deepley/old.py" not in stored.at("main")[1]


def test_a_space_that_does_not_run_and_a_hub_that_fails_are_sentences(hub, api, ours):
    hub.stages = ["BUILDING", "BUILD_ERROR"]
    with pytest.raises(SpaceError, match="BUILD_ERROR"):
        list(space.deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    hub.faults = [Fault("hardware", 402)]
    with pytest.raises(SpaceError, match="payment method"):
        list(space.deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))
    hub.faults, hub.stages = [Fault("runtime", 503, times=2)], ["RUNNING"]
    assert list(space.deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=0.3))[-1].endswith("alice/deepley")


def test_what_the_version_before_came_to_is_not_taken_for_the_new_one(hub, api, ours):
    hub.stages = ["RUNNING", "RUNNING", "BUILDING", "BUILD_ERROR"]
    with pytest.raises(SpaceError, match="BUILD_ERROR"):
        list(space.deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=30))
    hub.stages = ["NO_APP_FILE", "BUILDING", "RUNNING"]
    list(space.deploy(ours, PROJECT, "alice/deepley", api, poll=0.01, settle=30))


def test_a_description_that_cannot_be_read_is_a_sentence(tmp_path):
    (tmp_path / "space.yaml").write_text("card: [")
    with pytest.raises(SpaceError, match="cannot be used"):
        space.load(tmp_path)
