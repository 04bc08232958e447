"""The deployment of a Space: variables, volumes, files and hardware are set, and its start is awaited."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, Volume
from huggingface_hub.hf_api import RepoFile
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from deepley.hub import client
from deepley.hub.space import Space, SpaceError, check, uploads

_FAILED = {"NO_APP_FILE", "CONFIG_ERROR", "BUILD_ERROR", "RUNTIME_ERROR", "STOPPED", "PAUSED", "DELETING"}

_POLL = 5.0
"""Seconds between two looks at a Space."""

_PATIENCE = 1800.0
"""Seconds in which a Space must start."""

_SETTLE = 60.0
"""Seconds after a commit in which the stage may still be that of the version before."""

_ATTEMPTS = 6
"""Failed requests in a row after which waiting for a Space is given up."""


def deploy(
    space: Space, project: Path, repo: str, api: HfApi, poll: float = _POLL, settle: float = _SETTLE
) -> Iterator[str]:
    """Deploys a Space as its description says.

    Args:
        space: Description of the Space.
        project: Folder of this repository.
        repo: Repository of the Space, OWNER/NAME; made if missing.
        api: Client of the Hub.
        poll: Seconds between two looks at the Space.
        settle: Seconds in which its stage may still be that of the version before.

    Yields:
        A sentence for each step that is done, and last the address of the Space.

    Raises:
        SpaceError: If the description is wrong, the Hub refuses, or the Space does not start.
    """
    if wrong := check(space, project):
        raise SpaceError(" ".join(wrong))
    try:
        api.create_repo(repo, repo_type="space", space_sdk=space.card.sdk, exist_ok=True)
        _set_environment(space, repo, api)
        yield _upload(space, project, repo, api)
        api.request_space_hardware(repo, space.hardware, sleep_time=space.sleep_time)
        yield f"The Space runs on {space.hardware.value}."
        if space.secrets:
            yield f"To be set by hand: {', '.join(space.secrets)}."
        _wait(repo, api, poll, settle)
    except client.FAILURES as error:
        raise error if isinstance(error, SpaceError) else SpaceError(client.sentence(error)) from error
    yield f"{api.endpoint}/spaces/{repo}"


def _set_environment(space: Space, repo: str, api: HfApi) -> None:
    """Sets variables and volumes, and removes those that are no longer described."""
    for name in api.get_space_variables(repo).keys() - space.environment.keys():
        api.delete_space_variable(repo, name)
    for name, value in space.environment.items():
        api.add_space_variable(repo, name, value)
    if space.storage:
        api.set_space_volumes(repo, [Volume(**volume.model_dump(exclude_none=True)) for volume in space.storage])
    elif (runtime := api.space_info(repo).runtime) and runtime.volumes:
        api.delete_space_volumes(repo)


def _upload(space: Space, project: Path, repo: str, api: HfApi) -> str:
    """Uploads the files in one commit, which removes those that are no longer described."""
    paths = {path.relative_to(project).as_posix(): path for path in uploads(space, project)}
    tree = api.list_repo_tree(repo, recursive=True, repo_type="space")
    there = [entry.path for entry in tree if isinstance(entry, RepoFile)]
    gone = [CommitOperationDelete(name) for name in there if name not in paths and name != ".gitattributes"]
    added = [CommitOperationAdd(name, path) for name, path in paths.items()]
    commit = api.create_commit(repo, [*added, *gone], commit_message="A new version", repo_type="space")
    return f"{len(added)} files uploaded in commit {commit.oid}."


def _wait(repo: str, api: HfApi, poll: float, settle: float) -> None:
    """Waits until the Space runs.

    The stage counts once a build was seen, or once a new version must have begun to build.
    """
    begun, building = time.monotonic(), False
    patient = Retrying(
        retry=retry_if_exception_type(client.FAILURES),
        stop=stop_after_attempt(_ATTEMPTS),
        wait=wait_exponential(multiplier=2 * poll, max=60),
        reraise=True,
    )
    while time.monotonic() < begun + _PATIENCE:
        stage = str(patient(api.get_space_runtime, repo).stage)
        if building or time.monotonic() > begun + settle:
            if stage == "RUNNING":
                return
            if stage in _FAILED:
                raise SpaceError(f"The Space does not run ({stage}): its logs on the Hub say why.")
        building |= "BUILDING" in stage
        time.sleep(poll)
    raise SpaceError("The Space did not start within half an hour: its logs on the Hub say why.")
