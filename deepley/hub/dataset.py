"""An image-folder dataset of the Hub at one commit, downloaded to this machine."""

from __future__ import annotations

import glob
import re
import shutil
from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from deepley.config import UploadLimits
from deepley.errors import Refusal
from deepley.hub import client
from deepley.photo.decode import SUFFIXES

_PINNED = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")


class DatasetError(Refusal):
    """A dataset that cannot be used; the message is one sentence for a person."""


def parse(pinned: str) -> tuple[str, str]:
    """Splits the name of a dataset.

    Args:
        pinned: OWNER/NAME@COMMIT.

    Returns:
        The repository and the commit.

    Raises:
        DatasetError: If the name has another form.
    """
    match = _PINNED.fullmatch(pinned.strip())
    if not match:
        raise DatasetError(
            "Name the dataset as OWNER/NAME@COMMIT with all 40 digits of the commit: a branch may change."
        )
    return match[1], match[2]


def fetch(pinned: str, into: Path, api: HfApi, limits: UploadLimits = UploadLimits()) -> Path:
    """Downloads the pictures below folders named real or fake.

    Args:
        pinned: OWNER/NAME@COMMIT; a branch is refused because its content may change.
        into: Folder of the pictures; made if missing.
        api: Client of the Hub.
        limits: Limits that are checked against the Hub's listing before anything is downloaded.

    Returns:
        The folder of the pictures.

    Raises:
        DatasetError: If the name is not pinned, the set is too large or has no such pictures, or the Hub fails.
    """
    repo, revision = parse(pinned)
    try:
        listed = list(api.list_repo_tree(repo, recursive=True, revision=revision, repo_type="dataset"))
    except client.FAILURES as error:
        raise DatasetError(client.sentence(error)) from error
    entries = [entry for entry in listed if isinstance(entry, RepoFile) and _labelled(PurePosixPath(entry.path))]
    sizes = {entry.path: entry.size for entry in entries}
    total = sum(sizes.values())
    if not sizes:
        raise DatasetError(f"{repo} has no pictures in folders named real and fake.")
    if len(sizes) > limits.max_images:
        raise DatasetError(f"{repo} has {len(sizes):,} pictures; at most {limits.max_images:,} are taken.")
    if total > limits.max_bytes:
        raise DatasetError(f"{repo} has {total / 1e9:.1f} GB; at most {limits.max_bytes / 1e9:.0f} are taken.")
    into.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(into).free < total + limits.min_free:
        raise DatasetError("The disk of this machine is too full for these pictures.")
    names = [glob.escape(name) for name in sorted(sizes)]  # the client expects patterns
    try:
        api.snapshot_download(repo, repo_type="dataset", revision=revision, local_dir=into, allow_patterns=names)
    except client.FAILURES as error:
        raise DatasetError(client.sentence(error)) from error
    return into


def _labelled(path: PurePosixPath) -> bool:
    """Whether a file is a picture below a folder named real or fake."""
    folders = {part.lower() for part in path.parts[:-1]}
    return path.suffix.lower() in SUFFIXES and bool(folders & {"real", "fake"})
