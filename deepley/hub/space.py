"""The Space: README's front matter rendered from space.yaml, what is wrong with either, and the deployment."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, SpaceHardware, Volume

from deepley.errors import Refusal
from deepley.hub import client, download

DESCRIPTION = "space.yaml"
_FRONT = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
_COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
_SCOPES = {
    "email", "read-billing", "read-repos", "contribute-repos", "write-repos", "manage-repos", "read-mcp", "write-mcp",
    "inference-api", "jobs", "webhooks", "write-discussions",
}  # fmt: skip
_REQUIRED = {"title", "emoji", "colorFrom", "colorTo", "sdk", "sdk_version", "python_version", "app_file", "license"}
_LONGEST = 60
_LEFT = ("__pycache__", ".pyi", ".clips")
_FAILED = {"NO_APP_FILE", "CONFIG_ERROR", "BUILD_ERROR", "RUNTIME_ERROR", "STOPPED", "PAUSED", "DELETING"}
_POLL, _PATIENCE = 5.0, 1800.0  # seconds between two looks; seconds until a Space must run
_SETTLE = 60.0
"""Seconds after a commit in which the stage may still be that of the version before."""
_CARD = _REQUIRED | {
    "pinned", "short_description", "tags", "models", "datasets", "preload_from_hub", "suggested_hardware",
    "suggested_storage", "startup_duration_timeout", "header", "fullWidth", "disable_embedding", "app_port",
    "base_path", "thumbnail", "custom_headers", "hf_oauth", "hf_oauth_scopes", "hf_oauth_expiration_minutes",
    "hf_oauth_authorized_org",
}  # fmt: skip
"""Keys of the reference (https://huggingface.co/docs/hub/spaces-config-reference)."""


class SpaceError(Refusal):
    """A Space that is described wrongly or does not run; the message is one sentence for a person."""


@dataclass(frozen=True)
class Space:
    """What space.yaml says.

    Attributes:
        card: Of the front matter of README.md; its keys are those of Hugging Face's Spaces configuration reference.
        release: The release of the Hub that the app starts with, as `publish` prints it, or None for the embedded one.
        hardware: Flavor the Space runs on.
        storage: Buckets and repositories that it mounts, each with what `huggingface_hub.Volume` takes; what the app
            keeps elsewhere goes with its next start.
        sleep_time: Seconds without a visitor until it sleeps, or None.
        variables: Environment of the app.
        secrets: Names of secrets that must be set by hand.
        files: Files and folders that are uploaded.
    """

    card: dict
    release: str | None
    hardware: str
    storage: list[dict]
    sleep_time: int | None
    variables: dict[str, str]
    secrets: list[str]
    files: list[str]

    @property
    def front(self) -> dict:
        """The front matter: the card, and that the pinned release lies in the cache before the app starts."""
        if not self.release:
            return self.card
        pin = download.pinned(self.release)
        preloaded = f"{pin.repo} {','.join(sorted(download.FILES))} {pin.revision}"
        return {**self.card, "models": [pin.repo], "preload_from_hub": [preloaded]}

    @property
    def environment(self) -> dict[str, str]:
        """The variables, and the pinned release among them."""
        return {**self.variables, **({"DEEPLEY_HUB": self.release} if self.release else {})}


def load(project: Path) -> Space:
    """Reads space.yaml.

    Raises:
        SpaceError: If it is missing, no YAML, or lacks a field.
    """
    try:
        return Space(**yaml.safe_load((project / DESCRIPTION).read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, TypeError) as error:
        raise SpaceError(f"{DESCRIPTION} cannot be used: {error}.") from error


def render(space: Space, readme: str) -> str:
    """README.md with the front matter that `space` describes, in place of the one it has, if any."""
    front = yaml.safe_dump(space.front, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    return f"---\n{front}---\n\n{_FRONT.sub('', readme)}"


def check(space: Space, project: Path) -> list[str]:
    """What is wrong, one sentence each: against the reference, README.md, requirements.txt and the files."""
    card, wrong = space.card, []
    try:
        download.pinned(space.release or f"a/b@{'0' * 40}:{'0' * 64}")
    except download.DownloadError as error:
        return [f"release: {error}"]
    wrong += [f"The card lacks {name}." for name in sorted(_REQUIRED - set(card))]
    wrong += [f"The reference of Spaces has no {name}." for name in sorted(set(card) - _CARD)]
    wrong += [f"{name} must be one of {', '.join(sorted(_COLOURS))}." for name in ("colorFrom", "colorTo")
              if card.get(name) not in _COLOURS]  # fmt: skip
    if len(card.get("short_description", "")) > _LONGEST:
        wrong.append(f"short_description has more than {_LONGEST} characters.")
    for name in ("sdk_version", "python_version"):
        if not isinstance(card.get(name), str):
            wrong.append(f"{name} must be in quotes: YAML reads 3.10 as 3.1.")
    if unknown := set(card.get("hf_oauth_scopes", [])) - _SCOPES:
        wrong.append(f"There is no OAuth scope {min(unknown)}.")
    for volume in space.storage:
        if {"type", "source"} - set(volume) or not str(volume.get("mount_path", "")).startswith("/"):
            wrong.append("storage: each volume has a type, a source, and a mount_path from / on.")
    if not all(isinstance(value, str) for value in space.variables.values()):
        wrong.append("variables: each value must be in quotes.")
    if not isinstance(space.sleep_time, int | None):
        wrong.append("sleep_time must be seconds, or null.")
    for flavor in {space.hardware, card.get("suggested_hardware", space.hardware)} - {h.value for h in SpaceHardware}:
        wrong.append(f"There is no hardware {flavor}.")
    pins = dict(re.findall(r"^([\w-]+)(?:\[[\w,]+\])?==(\S+)$", (project / "requirements.txt").read_text(), re.M))
    if pins.get("gradio") != card.get("sdk_version"):
        wrong.append(f"sdk_version is {card.get('sdk_version')}, requirements.txt has gradio {pins.get('gradio')}.")
    if render(space, (project / "README.md").read_text()) != (project / "README.md").read_text():
        wrong.append("The front matter of README.md is another: run `python -m deepley space render`.")
    names = (*space.files, card.get("app_file", ""))
    wrong += [f"There is no {name}." for name in names if not (project / name).exists()]
    return wrong


def uploads(space: Space, project: Path) -> Iterator[Path]:
    """The files of a Space below the project's folder, without what running and training leave there."""
    for name in space.files:
        top = project / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            parts = path.relative_to(project).parts
            left = any(part.startswith(".") or part.endswith(_LEFT) for part in parts)
            if path.is_file() and not left:
                yield path


def deploy(
    space: Space, project: Path, repo: str, api: HfApi, poll: float = _POLL, settle: float = _SETTLE
) -> Iterator[str]:
    """Makes the Space what space.yaml says; yields what was done, and last its address.

    Args:
        space: As `load` gave it.
        project: Folder of this repository.
        repo: OWNER/NAME, made if missing.
        api: The Hub's client.
        poll: Seconds between two looks at the Space.
        settle: Seconds in which it may still say what the version before came to.

    Raises:
        SpaceError: If the description is wrong, the Hub refuses, or the Space does not come to run.
    """
    if wrong := check(space, project):
        raise SpaceError(" ".join(wrong))
    try:
        api.create_repo(repo, repo_type="space", space_sdk=space.card["sdk"], exist_ok=True)
        for name in api.get_space_variables(repo).keys() - space.environment.keys():
            api.delete_space_variable(repo, name)
        for name, value in space.environment.items():
            api.add_space_variable(repo, name, value)
        if space.storage:
            api.set_space_volumes(repo, [Volume(**volume) for volume in space.storage])
        elif (runtime := api.space_info(repo).runtime) and runtime.volumes:
            api.delete_space_volumes(repo)
        paths = {path.relative_to(project).as_posix(): path for path in uploads(space, project)}
        there = [e.path for e in api.list_repo_tree(repo, recursive=True, repo_type="space") if hasattr(e, "size")]
        gone = [CommitOperationDelete(name) for name in there if name not in paths and name != ".gitattributes"]
        added = [CommitOperationAdd(name, path) for name, path in paths.items()]
        commit = api.create_commit(repo, [*added, *gone], commit_message="A new version", repo_type="space")
        yield f"{len(added)} files uploaded in commit {commit.oid}."
        api.request_space_hardware(repo, space.hardware, sleep_time=space.sleep_time)
        yield f"Runs on {space.hardware}."
        if space.secrets:
            yield f"To be set by hand: {', '.join(space.secrets)}."
        _wait(repo, api, poll, settle)
    except client.FAILURES as error:
        raise error if isinstance(error, SpaceError) else SpaceError(client.sentence(error)) from error
    yield f"{api.endpoint}/spaces/{repo}"


def _wait(repo: str, api: HfApi, poll: float, settle: float) -> None:
    """Waits until the Space runs; an end counts once its building was seen, or when a new version must have begun."""
    begun, failures, building = time.monotonic(), 0, False
    while time.monotonic() < begun + _PATIENCE:
        try:
            stage = str(api.get_space_runtime(repo).stage)
            failures = 0
        except client.FAILURES:
            failures += 1
            if failures > 5:
                raise
            stage = ""
        if building or time.monotonic() > begun + settle:
            if stage == "RUNNING":
                return
            if stage in _FAILED:
                raise SpaceError(f"The Space does not run ({stage}): its logs on the Hub say why.")
        building |= "BUILDING" in stage
        time.sleep(min(poll * 2**failures, 60))
    raise SpaceError("The Space did not come to run within half an hour: its logs on the Hub say why.")
