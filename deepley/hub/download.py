"""Which release the app uses: a named folder, the pinned one of the Hub, or the embedded one.

The Hub's client checks no hash, neither of what it downloads nor of what lies in its cache, and can try for minutes.
So the Hub is asked once, briefly, whether it has the release; a download runs in a thread that the start leaves behind
after a few seconds; and everything that a verdict depends on is verified by one SHA-256 (`network.files.digest`).
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
"""What is fetched of a release; where the weights are, the rest was tried."""

_ASK = 3.0
"""Seconds in which the Hub must say whether it has the release."""


class DownloadError(Refusal):
    """A release that cannot be had from the Hub; the message is one sentence for a person."""


@dataclass(frozen=True)
class Pinned:
    """A release on the Hub that can only be one thing.

    Attributes:
        repo: OWNER/NAME.
        revision: Commit, 40 hexadecimal digits: a branch may be another release tomorrow.
        digest: `network.files.digest` of it, 64 hexadecimal digits.
    """

    repo: str
    revision: str
    digest: str


@dataclass(frozen=True)
class Choice:
    """The release to start with.

    Attributes:
        folder: Of the release.
        reason: Why that one, in a sentence.
        spare: The release to use if that one cannot be used; None if that is a mistake to be told.
    """

    folder: Path
    reason: str
    spare: Path | None = None


def pinned(text: str) -> Pinned:
    """Reads OWNER/NAME@COMMIT:DIGEST, as `publish` prints it.

    Raises:
        DownloadError: If it is none.
    """
    match = _PINNED.fullmatch(text.strip())
    if not match:
        raise DownloadError("A release on the Hub is named as OWNER/NAME@COMMIT:DIGEST, all digits of both.")
    return Pinned(*match.groups())


def choose(embedded: Path, named: str | None, hub: str | None, patience: float) -> Choice:
    """The release to use: a folder that is named, else the one of the Hub that is asked for, else the embedded one.

    Args:
        embedded: The release that is part of the program.
        named: A release folder that is asked for, or None.
        hub: A release on the Hub that is asked for, as `pinned` reads it, or None.
        patience: Seconds to wait for the Hub; a download goes on behind it, for the next start.
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
    """The folder of a pinned release, from the cache or the network.

    Args:
        wanted: See `Pinned`.
        patience: Seconds to wait at most.

    Raises:
        DownloadError: If it does not come in time or cannot be had, or is not what was pinned.
    """
    outcome: list[Path | Exception] = []

    def work() -> None:
        try:
            outcome.append(_files(wanted))
        except Exception as error:  # whatever it is, the start goes on
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
    """The release, verified; a cache that holds something else is filled anew."""
    for how in ({"local_files_only": True}, {}, {"force_download": True}):
        local = "local_files_only" in how
        if not local:
            client.api(None)  # bounds the waits
            at = hf_hub_url(wanted.repo, files.CONFIG, revision=wanted.revision)
            get_hf_file_metadata(at, token=get_token() or False, timeout=_ASK)
        try:
            folder = _each(wanted, **how)
        except LocalEntryNotFoundError:
            if local:
                continue
            raise
        if files.digest(folder) == wanted.digest:
            return folder
        for name in files.JUDGING:  # also one that the release does not have
            (folder / name).unlink(missing_ok=True)
    raise DownloadError(f"What came is not what was pinned: its digest is another than {wanted.digest[:12]}….")


def _each(wanted: Pinned, **how: bool) -> Path:
    """Gets every file into the cache; what a release can do without may be missing.

    Args:
        wanted: See `Pinned`.
        **how: Options of `hf_hub_download`.
    """
    token = get_token() or False
    for name in FILES:
        try:
            path = hf_hub_download(wanted.repo, name, revision=wanted.revision, token=token, **how)
            if name == files.WEIGHTS:
                folder = Path(path).parent
        except EntryNotFoundError as error:
            unasked = isinstance(error, LocalEntryNotFoundError) and not how.get("local_files_only")
            if name in _NEEDED or unasked:
                raise
    return folder
