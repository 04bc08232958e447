"""Publishing of a release folder as a repository of the Hub."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from deepley.errors import Refusal
from deepley.hub import client
from deepley.network import files


class PublishError(Refusal):
    """A release that could not be published; the message is one sentence for a person."""


def publish(release: Path, repo: str, api: HfApi, private: bool = True) -> str:
    """Publishes a release with its card in one commit.

    Args:
        release: Release folder.
        repo: Repository, OWNER/NAME; made if missing.
        api: Client of the Hub.
        private: Whether a new repository is private.

    Returns:
        OWNER/NAME@COMMIT:DIGEST, which pins the release: see `hub.download`.

    Raises:
        PublishError: If the folder holds no release, or the Hub refuses or cannot be reached.
    """
    names = (*files.JUDGING, files.HISTORY, files.METRICS, files.CARD, files.CURVES)
    paths = [release / name for name in names if (release / name).is_file()]
    if release / files.CONFIG not in paths or release / files.WEIGHTS not in paths:
        raise PublishError(f"{release} holds no release: name a folder that `deepley train` wrote.")
    if release / files.CARD not in paths:
        raise PublishError(f"{release} has no model card: `deepley train` and `deepley evaluate --store` write one.")
    operations: list[CommitOperationAdd | CommitOperationDelete] = [
        CommitOperationAdd(path.name, path) for path in paths if path.name != files.CARD
    ]
    card = (release / files.CARD).read_text(encoding="utf-8").replace(files.REPO, repo)
    operations.append(CommitOperationAdd(files.CARD, card.encode()))
    try:
        api.create_repo(repo, private=private, exist_ok=True)
        there = {entry.path for entry in api.list_repo_tree(repo)}
        # Delete the files of an earlier release that this one lacks: the digest covers this one only.
        operations += [
            CommitOperationDelete(name) for name in names if name in there and not (release / name).is_file()
        ]
        commit = api.create_commit(repo, operations, commit_message="A release of Deepley").oid
    except client.FAILURES as error:
        said = str(error) if type(error).__name__ == "HFValidationError" else client.sentence(error)
        raise PublishError(said) from error
    return f"{repo}@{commit}:{files.digest(release)}"
