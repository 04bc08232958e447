"""The release that the app uses: a named folder, a pinned release of the Hub, or the embedded one.

The Hub's client checks no hashes, neither of downloads nor of its cache, and may retry for minutes. Therefore the Hub
is asked once, with a short timeout, whether it has the release; a download runs in a thread for which the start waits
only a few seconds; and every file that a verdict depends on is verified by one SHA-256 (`network.files.digest`).
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import get_hf_file_metadata, get_token, hf_hub_download, hf_hub_url
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from deepley.errors import Refusal
from deepley.hub import client
from deepley.network import files

_PINNED = re.compile(r"([\w.-]+/[\w.-]+)@([0-9a-f]{40}):([0-9a-f]{64})")
_NEEDED = (files.CONFIG, files.WEIGHTS)
_FURTHER = (files.METRICS, files.HISTORY, files.CARD, files.DOUBT, files.TEMPORAL)
FILES = (*_FURTHER, *_NEEDED)
"""Files of a release that are fetched, the weights last: once they are there, all others were tried."""

_ASK = 3.0
"""Seconds in which the Hub must answer whether it has the release."""


class DownloadError(Refusal):
    """A release that the Hub does not provide; the message is one sentence for a person."""


@dataclass(frozen=True)
class Pinned:
    """An exact release on the Hub.

    Attributes:
        repo: Repository, OWNER/NAME.
        revision: Commit, 40 hexadecimal digits; a branch could change.
        digest: Digest of the release, 64 hexadecimal digits; see `network.files.digest`.
    """

    repo: str
    revision: str
    digest: str


@dataclass(frozen=True)
class Choice:
    """The release to start with.

    Attributes:
        folder: Release folder.
        reason: Reason for the choice, as a sentence.
        spare: Release to use if that one is unusable; None if the app should then refuse to start.
    """

    folder: Path
    reason: str
    spare: Path | None = None


def pinned(text: str) -> Pinned:
    """Reads the name of a pinned release.

    Args:
        text: OWNER/NAME@COMMIT:DIGEST, as `publish` prints it.

    Raises:
        DownloadError: If the text has another form.
    """
    match = _PINNED.fullmatch(text.strip())
    if not match:
        raise DownloadError("A release on the Hub is named as OWNER/NAME@COMMIT:DIGEST, all digits of both.")
    return Pinned(*match.groups())


def choose(embedded: Path, named: str | None, hub: str | None, patience: float) -> Choice:
    """Chooses the release to use: the named folder, else the release of the Hub, else the embedded one.

    Args:
        embedded: Release folder that is part of the program.
        named: Release folder that is asked for, or None.
        hub: Release on the Hub that is asked for, in the form that `pinned` reads, or None.
        patience: Seconds to wait for the Hub; the download then continues in the background for the next start.
    """
    if named:
        return Choice(Path(named), f"The release in {named} is used, as asked.")
    if not hub:
        return Choice(embedded, "The embedded release is used.")
    try:
        wanted = pinned(hub)
        reason = f"The release {wanted.repo} at {wanted.revision[:8]} of the Hub is used."
        return Choice(fetch(wanted, patience), reason, embedded)
    except DownloadError as error:
        return Choice(embedded, f"The embedded release is used, and not {hub.partition('@')[0]} of the Hub. {error}")


def fetch(wanted: Pinned, patience: float) -> Path:
    """Fetches a pinned release from the cache or the network.

    Args:
        wanted: Release to fetch.
        patience: Seconds to wait at most.

    Returns:
        The release folder.

    Raises:
        DownloadError: If the release does not arrive in time, the Hub does not provide it, or its digest is another.
    """
    outcome: list[Path | Exception] = []

    def work() -> None:
        try:
            outcome.append(_files(wanted))
        except Exception as error:  # any failure is reported below; the start goes on
            outcome.append(error)

    thread = threading.Thread(target=work, name="release from the Hub", daemon=True)
    thread.start()
    thread.join(patience)
    if not outcome:
        raise DownloadError(f"The Hub took longer than {patience:g} seconds; the next start may find it ready.")
    if isinstance(outcome[0], DownloadError):
        raise outcome[0]
    if isinstance(outcome[0], Exception):
        raise DownloadError(client.sentence(outcome[0])) from outcome[0]
    return outcome[0]


def _files(wanted: Pinned) -> Path:
    """Fetches a release and verifies it; a cache with other content is filled anew."""
    for local, force in ((True, False), (False, False), (False, True)):
        if not local:
            client.api(None)  # bounds the waits
            at = hf_hub_url(wanted.repo, files.CONFIG, revision=wanted.revision)
            get_hf_file_metadata(at, token=get_token() or False, timeout=_ASK)
        try:
            folder = _each(wanted, local, force)
        except LocalEntryNotFoundError:
            if local:
                continue
            raise
        if files.digest(folder) == wanted.digest:
            return folder
        for name in files.JUDGING:  # also one that the release does not have
            (folder / name).unlink(missing_ok=True)
    raise DownloadError(f"The release on the Hub is not the pinned one: its digest is not {wanted.digest[:12]}….")


def _each(wanted: Pinned, local: bool, force: bool) -> Path:
    """Fetches every file into the cache; optional files may be missing.

    Args:
        wanted: Release to fetch.
        local: Whether to look in the cache only.
        force: Whether to download files that the cache has.

    Returns:
        The folder of the files in the cache.
    """
    token = get_token() or False
    for name in FILES:
        try:
            path = hf_hub_download(
                wanted.repo, name, revision=wanted.revision, token=token, local_files_only=local, force_download=force
            )
            if name == files.WEIGHTS:
                folder = Path(path).parent
        except EntryNotFoundError as error:
            unasked = isinstance(error, LocalEntryNotFoundError) and not local
            if name in _NEEDED or unasked:
                raise
    return folder
