"""The description of the Space: space.yaml, checked against the reference, and README's front matter from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from huggingface_hub import SpaceHardware
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from deepley.errors import Refusal
from deepley.hub import download

DESCRIPTION = "space.yaml"

_FRONT = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
_LEFT = ("__pycache__", ".pyi", ".clips")
"""Ends of the names of files and folders that are not uploaded."""

Colour = Literal["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
Scope = Literal[
    "email", "read-billing", "read-repos", "contribute-repos", "write-repos", "manage-repos", "read-mcp", "write-mcp",
    "inference-api", "jobs", "webhooks", "write-discussions",
]  # fmt: skip


class SpaceError(Refusal):
    """A Space that is described wrongly or does not start; the message is one sentence for a person."""


class _Described(BaseModel):
    """A part of space.yaml: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Card(_Described):
    """The front matter of README.md.

    Its fields are those of the reference, https://huggingface.co/docs/hub/spaces-config-reference, in the order in
    which they are rendered.
    """

    title: str
    emoji: str
    colorFrom: Colour
    colorTo: Colour
    sdk: Literal["gradio", "docker", "static"]
    sdk_version: str
    python_version: str
    app_file: str
    pinned: bool | None = None
    license: str
    short_description: Annotated[str, Field(max_length=60)] | None = None
    tags: list[str] | None = None
    models: list[str] | None = None
    datasets: list[str] | None = None
    preload_from_hub: list[str] | None = None
    suggested_hardware: SpaceHardware | None = None
    suggested_storage: Literal["small", "medium", "large"] | None = None
    startup_duration_timeout: str | None = None
    header: Literal["mini", "default"] | None = None
    fullWidth: bool | None = None
    disable_embedding: bool | None = None
    app_port: int | None = None
    base_path: str | None = None
    thumbnail: str | None = None
    custom_headers: dict[str, str] | None = None
    hf_oauth: bool | None = None
    hf_oauth_scopes: list[Scope] | None = None
    hf_oauth_expiration_minutes: int | None = None
    hf_oauth_authorized_org: str | list[str] | None = None


def _absolute(path: str) -> str:
    """Checks that a path starts at the root."""
    if not path.startswith("/"):
        raise ValueError("a mount path starts with /.")
    return path


class Volume(_Described):
    """A bucket or repository that a Space mounts; the fields are those of `huggingface_hub.Volume`."""

    type: Literal["bucket", "model", "dataset", "space"]
    source: str
    mount_path: Annotated[str, AfterValidator(_absolute)]
    revision: str | None = None
    read_only: bool | None = None
    path: str | None = None


def _pinned(release: str) -> str:
    """Checks the name of a release."""
    download.pinned(release)
    return release


class Space(_Described):
    """The content of space.yaml.

    Attributes:
        card: Front matter of README.md.
        release: Release on the Hub that the app starts with, as `publish` prints it; None for the embedded one.
        hardware: Hardware that the Space runs on.
        storage: Volumes that it mounts; what the app writes elsewhere is lost at its next start.
        sleep_time: Seconds without a visitor until it sleeps, or None.
        variables: Environment of the app.
        secrets: Names of secrets that must be set by hand.
        files: Files and folders that are uploaded.
    """

    card: Card
    release: Annotated[str, AfterValidator(_pinned)] | None
    hardware: SpaceHardware
    storage: list[Volume]
    sleep_time: int | None
    variables: dict[str, str]
    secrets: list[str]
    files: list[str]

    @property
    def front(self) -> dict[str, Any]:
        """The front matter as YAML takes it. A pinned release is preloaded into the cache before the app starts."""
        card = self.card.model_dump(mode="json", exclude_unset=True)
        if not self.release:
            return card
        pin = download.pinned(self.release)
        preloaded = f"{pin.repo} {','.join(sorted(download.FILES))} {pin.revision}"
        return {**card, "models": [pin.repo], "preload_from_hub": [preloaded]}

    @property
    def environment(self) -> dict[str, str]:
        """The variables, with the pinned release among them."""
        return {**self.variables, **({"DEEPLEY_HUB": self.release} if self.release else {})}


def parse(description: Mapping[str, Any]) -> Space:
    """Checks a description against the reference of Spaces.

    Args:
        description: Content of a space.yaml.

    Raises:
        SpaceError: If a field is missing, unknown or wrong; the message has a sentence for each.
    """
    try:
        return Space.model_validate(description)
    except ValidationError as error:
        raise SpaceError(" ".join(_sentence(each) for each in error.errors())) from error


def _sentence(error: Mapping[str, Any]) -> str:
    """An error of pydantic as a sentence."""
    where = ".".join(map(str, error["loc"]))
    match error["type"]:
        case "missing":
            return f"{where} is missing."
        case "extra_forbidden":
            return f"{where} is not in the reference of Spaces."
        case "string_type":
            return f"{where} must be text in quotes: YAML reads 3.10 as 3.1."
        case "value_error":
            return f"{where}: {error['ctx']['error']}"
    said = error["msg"].removeprefix("Input ").removeprefix("String ")
    return f"{where} {said}, not {error['input']!r}."


def load(project: Path) -> Space:
    """Reads space.yaml.

    Args:
        project: Folder of this repository.

    Raises:
        SpaceError: If the file is missing, is no YAML, or a field is missing, unknown or wrong.
    """
    try:
        described = yaml.safe_load((project / DESCRIPTION).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise SpaceError(f"{DESCRIPTION} cannot be used: {error}.") from error
    return parse(described)


def render(space: Space, readme: str) -> str:
    """Writes the front matter of README.md.

    Args:
        space: Description of the Space.
        readme: Text of README.md, with or without front matter.

    Returns:
        The text with the front matter that the description yields.
    """
    front = yaml.safe_dump(space.front, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    return f"---\n{front}---\n\n{_FRONT.sub('', readme)}"


def check(space: Space, project: Path) -> list[str]:
    """Compares a description with README.md, requirements.txt and the files.

    Args:
        space: Description of the Space.
        project: Folder of this repository.

    Returns:
        A sentence for each difference.

    Raises:
        OSError: If README.md or requirements.txt cannot be read.
    """
    wrong = []
    pins = dict(re.findall(r"^([\w-]+)(?:\[[\w,]+\])?==(\S+)$", (project / "requirements.txt").read_text(), re.M))
    if pins.get("gradio") != space.card.sdk_version:
        wrong.append(f"sdk_version is {space.card.sdk_version}, requirements.txt has gradio {pins.get('gradio')}.")
    if render(space, (project / "README.md").read_text()) != (project / "README.md").read_text():
        wrong.append("The front matter of README.md is out of date: run `deepley space render`.")
    names = (*space.files, space.card.app_file)
    return wrong + [f"There is no {name}." for name in names if not (project / name).exists()]


def uploads(space: Space, project: Path) -> Iterator[Path]:
    """The files of a Space, without those that running and training leave behind.

    Args:
        space: Description of the Space.
        project: Folder of this repository.
    """
    for name in space.files:
        top = project / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            parts = path.relative_to(project).parts
            left = any(part.startswith(".") or part.endswith(_LEFT) for part in parts)
            if path.is_file() and not left:
                yield path
