"""Who calls, how often, and how much they may send."""

from __future__ import annotations

import ipaddress
import os
import time
from collections.abc import Callable

import gradio as gr
import limits
from starlette.datastructures import MutableHeaders
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from deepley.config import ApiLimits

_HEADER = "x-forwarded-for"


class Door:
    """ASGI middleware: every request carries its caller's address, and none but an upload has a large body.

    Gradio answers an MCP call by calling this server again, from this machine, with the headers of that call. So what a
    caller wrote into X-Forwarded-For must not come through: it would be believed the second time.

    Args:
        app: What is behind it.
        bounds: See `ApiLimits`.
    """

    def __init__(self, app: ASGIApp, bounds: ApiLimits = ApiLimits()) -> None:
        self._uploads = app  # Gradio holds each of its files to `max_file_size`
        self._others = RequestBodyLimitMiddleware(app, bounds.max_body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        app = self._uploads
        if scope["type"] == "http":
            headers = MutableHeaders(scope=scope)
            own = scope["client"][0] if scope.get("client") else ""
            headers[_HEADER] = address(own, ",".join(headers.getlist(_HEADER)))
            app = self._uploads if scope["path"].endswith("/upload") else self._others
        await app(scope, receive, send)


def address(own: str, noted: str) -> str:
    """The caller's: on a Space, behind proxies, the last public address that they noted; a caller can forge others.

    Args:
        own: Of who connected, as the server sees it (uvicorn believes proxies named in FORWARDED_ALLOW_IPS).
        noted: X-Forwarded-For.
    """
    if "SPACE_ID" not in os.environ:
        return own
    parts = [part.strip() for part in noted.split(",")]
    return next((part for part in reversed(parts) if _is_public(part)), own)


def allowance(calls: int) -> Callable[[gr.Request], None]:
    """What counts calls by the address they come from, in a moving minute.

    Args:
        calls: A minute.

    Returns:
        A function of a request that has come through the `Door`; it raises gr.Error for one too many.
    """
    strategy = limits.strategies.MovingWindowRateLimiter(limits.storage.MemoryStorage())
    pace = limits.RateLimitItemPerMinute(calls)

    def allow(request: gr.Request) -> None:
        caller = request.headers[_HEADER]
        if not strategy.hit(pace, caller):
            again = strategy.get_window_stats(pace, caller).reset_time - time.time()
            raise refused(f"At most {calls} calls a minute are answered: call again in {again:.0f} seconds.")

    return allow


def refused(sentence: object) -> gr.Error:
    """An error whose sentence reaches the caller, and no log."""
    return gr.Error(str(sentence), print_exception=False)


def _is_public(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_global
    except ValueError:
        return False
