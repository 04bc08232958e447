"""An image-folder dataset of the Hub, at one commit, on this machine's disk."""

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

_PINNED = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40})")
_PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".avif", ".heic")


class DatasetError(Refusal):
    """A dataset that cannot be taken; the message is one sentence for a person."""


def parse(pinned: str) -> tuple[str, str]:
    """The repository and the commit of OWNER/NAME@COMMIT.

    Raises:
        DatasetError: If it is named otherwise.
    """
    match = _PINNED.fullmatch(pinned.strip())
    if not match:
        raise DatasetError("Name it as OWNER/NAME@COMMIT, with the 40 digits of a commit: a branch may change.")
    return match[1], match[2]


def fetch(pinned: str, into: Path, api: HfApi, limits: UploadLimits = UploadLimits()) -> Path:
    """Downloads the pictures below folders named real or fake.

    Args:
        pinned: OWNER/NAME@COMMIT; a branch is refused, as it may be another set tomorrow.
        into: Made if missing.
        api: The Hub's client.
        limits: Checked against the Hub's listing, before anything is downloaded.

    Returns:
        The folder that holds them.

    Raises:
        DatasetError: If the name is not pinned, or the set is too large, or has no such pictures, or the Hub fails.
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
    names = [glob.escape(name) for name in sorted(sizes)]  # the client takes patterns
    try:
        api.snapshot_download(repo, repo_type="dataset", revision=revision, local_dir=into, allow_patterns=names)
    except client.FAILURES as error:
        raise DatasetError(client.sentence(error)) from error
    return into


def _labelled(path: PurePosixPath) -> bool:
    folders = {part.lower() for part in path.parts[:-1]}
    return path.suffix.lower() in _PICTURES and bool(folders & {"real", "fake"})
