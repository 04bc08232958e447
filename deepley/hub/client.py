"""The Hub's client with a timeout on every request, and its failures as sentences."""

from __future__ import annotations

import errno
import functools

import httpx2
from huggingface_hub import HfApi, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils._http import hf_request_event_hook

TIMEOUT = 30.0
"""Seconds without a byte after which a request is given up; most calls of the client have no timeout."""

_DISK = (errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EROFS, errno.ENOTDIR, errno.EEXIST)

FAILURES = (OSError, httpx2.HTTPError, RuntimeError, ValueError, KeyError)
"""Errors that a call can raise. The client's own errors are OSErrors, those of its transport are not; a file that could
not be sent is a RuntimeError caused by one of them; unexpected answers raise the rest."""


def api(token: str | None) -> HfApi:
    """The client of the Hub for a token; its endpoint is `HF_ENDPOINT` at the time of the first import."""
    _bound_waits()
    return HfApi(token=token)


@functools.cache
def _bound_waits() -> None:
    """Caps the timeouts of every request of this process."""

    def cap(request: httpx2.Request) -> None:
        hf_request_event_hook(request)
        given = request.extensions.get("timeout", {})
        request.extensions["timeout"] = {
            part: min(given.get(part) or TIMEOUT, TIMEOUT) for part in ("connect", "read", "write", "pool")
        }

    set_client_factory(
        lambda: httpx2.Client(event_hooks={"request": [cap]}, follow_redirects=True, timeout=httpx2.Timeout(TIMEOUT))
    )


def sentence(error: Exception) -> str:
    """What failed, as a sentence for a person.

    Args:
        error: One of `FAILURES`.
    """
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    status = error.response.status_code if isinstance(error, HfHubHTTPError) and error.response is not None else None
    said = {
        401: "The Hub does not accept the token for this: log in again.",
        402: "The Hub requires a payment method for this account: see its billing settings.",
        403: "This account or token may not do that: reading needs access to the repository, publishing the right to "
        "write, and jobs the right to run them.",
        404: "The Hub does not know this repository or file.",
        429: "The Hub received too many requests and asks to wait.",
    }
    if status in said:
        return said[status]
    if status is not None:
        return f"The Hub answered with an error ({status})."
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, and the Hub's cache on this machine does not have the file."
    if isinstance(error, OSError) and error.errno in _DISK:
        return "The Hub's cache on this machine cannot be written."
    if isinstance(error, (httpx2.TimeoutException, TimeoutError)):
        return "The Hub does not answer in time."
    if isinstance(error, (httpx2.HTTPError, OSError)):
        return "The Hub cannot be reached."
    return "The Hub gave an answer that this program does not understand."
