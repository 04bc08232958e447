"""Limits for callers: how often they may call, and how much they may send and store here."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import gradio as gr
import limits
from gradio import utils
from starlette.datastructures import MutableHeaders
from starlette.formparsers import MultiPartException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deepley.config import ApiLimits, UploadLimits

_HEADER, _UPLOAD, _TOOLS = "x-forwarded-for", "/gradio_api/upload", "/gradio_api/mcp"
_UNUSED = "/gradio_api/process_recording"
"""Gradio's endpoint for recordings of the page; it keeps all that it is sent forever."""
_OURSELVES = ("127.0.0.1", "::1")
"""Gradio, which passes on the uploads of MCP calls, and the person at this machine."""
_LOOK = 16_000_000
"""Bytes of an upload between two checks of the free space."""
_TOO_MUCH = "Uploads exceeded the maximum allowed size of {:g} GB an hour: try again in an hour."
_FULL = "This server's disk is too full for uploads: try again in an hour."
_RELAY = re.compile(r"/file[=/]\s*https?:", re.IGNORECASE)


class Door:
    """ASGI middleware that notes each caller's address and limits requests, bodies and uploads.

    Gradio answers an MCP call by calling this server again, from this machine, with the headers of that call. The
    caller's own X-Forwarded-For must therefore be replaced: the second call would be believed. Gradio also serves any
    file of the web below /file= and /file/, which nothing here needs.

    Args:
        app: App behind this one.
        bounds: Limits of a caller.
        min_free: Bytes of the disk that uploads leave free.
    """

    def __init__(self, app: ASGIApp, bounds: ApiLimits = ApiLimits(), min_free: int = UploadLimits().min_free) -> None:
        self._uploads = app  # Gradio holds each of its files to `max_file_size`
        self._others = RequestBodyLimitMiddleware(app, bounds.max_body)
        self._posts = Pace(bounds.posts_per_minute)
        self._sent = Weight(bounds.uploads_per_hour)
        self._min_free = min_free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http":
            await self._uploads(scope, receive, send)
            return
        headers = MutableHeaders(scope=scope)
        own = scope["client"][0] if scope.get("client") else ""
        headers[_HEADER] = address(own, ",".join(headers.getlist(_HEADER)))
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        app = self._uploads if path == _UPLOAD else self._others
        if _RELAY.search(path):
            app = PlainTextResponse("Files of the web are not served here.", 403)
        elif scope["method"] == "POST" and (wait := self._posts.hit(headers[_HEADER])):
            sentence = f"Too many requests: go on in {wait:.0f} seconds."
            app = PlainTextResponse(sentence, 429, {"Retry-After": f"{wait:.0f}"})
        elif path.startswith(_UNUSED):
            app = PlainTextResponse("Nothing is recorded here.", 404)
        elif path == _UPLOAD and self._full():
            app = PlainTextResponse(_FULL, 507)
        elif path.startswith((_UPLOAD, _TOOLS)):
            receive = self._weighed(receive, headers[_HEADER])
        await app(scope, receive, send)

    def _full(self) -> bool:
        return shutil.disk_usage(_folder()).free < self._min_free

    def _weighed(self, receive: Receive, caller: str) -> Receive:
        unseen = 0

        async def weighed() -> Message:
            nonlocal unseen
            message = await receive()
            size = len(message.get("body", b""))
            unseen += size
            if unseen > _LOOK:
                unseen = 0
                if self._full():
                    raise MultiPartException(_FULL)
            if caller not in _OURSELVES and not self._sent.add(caller, size):
                raise MultiPartException(_TOO_MUCH.format(self._sent.count / 1e9))
            return message

        return weighed


class Pace:
    """Counts requests by address in a moving minute; an IPv6 network of 64 bits counts as one address.

    Args:
        count: Allowed requests a minute.
    """

    def __init__(self, count: int) -> None:
        self._strategy = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
        self._pace = limits.RateLimitItemPerMinute(count)

    def hit(self, caller: str) -> float:
        """Counts a request; returns 0 if it is allowed, else the seconds until the next one is."""
        whole = _network(caller)
        if self._strategy.hit(self._pace, whole):
            return 0.0
        return max(1.0, self._strategy.get_window_stats(self._pace, whole).reset_time - time.time())


class Weight:
    """Counts bytes by address and hour.

    Args:
        count: Allowed bytes an hour.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._strategy = limits.strategies.FixedWindowRateLimiter(limits.storage.MemoryStorage())
        self._weight = limits.RateLimitItemPerHour(count)

    def add(self, caller: str, weight: int) -> bool:
        """Counts bytes; returns whether they are still allowed."""
        return not weight or self._strategy.hit(self._weight, _network(caller), cost=weight)


def _folder() -> Path:
    """The folder of uploads, or the nearest one above it that exists."""
    wanted = Path(utils.get_upload_folder())
    return next(folder for folder in (wanted, *wanted.parents) if folder.exists())


def _network(caller: str) -> str:
    try:
        found = ipaddress.ip_address(caller)
    except ValueError:
        return caller
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else caller


def address(own: str, noted: str) -> str:
    """The caller's address. On a Space it is the last public one that the proxies noted; a caller can forge the others.

    Args:
        own: Address of the connection (uvicorn believes proxies named in FORWARDED_ALLOW_IPS).
        noted: X-Forwarded-For.
    """
    if "SPACE_ID" not in os.environ:
        return own
    parts = [part.strip() for part in noted.split(",")]
    return next((part for part in reversed(parts) if is_public(part)), own)


def allowance(calls: int) -> Callable[[gr.Request], None]:
    """A limit for calls from one address in a moving minute.

    Args:
        calls: Allowed calls a minute.

    Returns:
        A function of a request that came through the `Door`. It raises gr.Error if that is one too many.
    """
    pace = Pace(calls)

    def allow(request: gr.Request) -> None:
        if wait := pace.hit(request.headers[_HEADER]):
            raise refused(f"At most {calls} calls a minute are answered: call again in {wait:.0f} seconds.")

    return allow


def refused(sentence: str | Exception) -> gr.Error:
    """An error whose sentence is sent to the caller and not logged."""
    return gr.Error(str(sentence), print_exception=False)


def is_public(text: str) -> bool:
    """Whether a text is an address that anyone on the web can reach."""
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
