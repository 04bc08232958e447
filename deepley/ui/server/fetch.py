"""Fetches photos and clips by their address on the web, within limits; a failure becomes a sentence.

Gradio itself blocks addresses in the machine's own network, but limits neither the size nor the time of a download.
"""

from __future__ import annotations

import asyncio
import contextvars
import time

import gradio as gr
import httpx
import safehttpx
from gradio import processing_utils

from deepley.config import ApiLimits
from deepley.ui.server import patch
from deepley.ui.server.gate import is_public, refused


def bound(bounds: ApiLimits = ApiLimits()) -> None:
    """Makes Gradio fetch within these limits."""
    patch.replace(processing_utils, "async_transport", _Bounded(bounds))


class _Left:
    """The seconds and bytes left for the files of one call."""

    def __init__(self, bounds: ApiLimits) -> None:
        self.until = time.monotonic() + bounds.fetch_seconds
        self.bytes = bounds.max_fetched


_LEFT: contextvars.ContextVar[_Left | None] = contextvars.ContextVar("left", default=None)
"""The rest of the current call's limits. Gradio fetches its files in one task of its own, one after the other."""


class _Bounded(httpx.AsyncBaseTransport):
    """One request, to a public address only; the answer is read completely here. Gradio follows redirects itself."""

    def __init__(self, bounds: ApiLimits) -> None:
        self._bounds = bounds

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"  # a compressed answer could unpack to any size
        host, left = request.url.host, _LEFT.get()
        if left is None:
            left = _Left(self._bounds)
            _LEFT.set(left)
        try:
            async with asyncio.timeout(max(0.0, left.until - time.monotonic())):
                public = await safehttpx.async_validate_url(host)
                if not is_public(public):  # safehttpx allows carriers' addresses (100.64.0.0/10)
                    raise ValueError(public)
                async with safehttpx.AsyncSecureTransport(public) as transport:
                    return await self._read(await transport.handle_async_request(request), host, left)
        except TimeoutError as error:
            raise refused(f"{host} took longer than {self._bounds.fetch_seconds:g} seconds to send it.") from error
        except gr.Error:  # a ValueError too, like what safehttpx raises for an address that it blocks
            raise
        except (ValueError, httpx.HTTPError) as error:
            raise refused(f"{host} cannot be reached on the web from here: upload the file instead.") from error

    async def _read(self, response: httpx.Response, host: str, left: _Left) -> httpx.Response:
        if response.status_code >= 400:
            raise refused(f"{host} does not give the file (error {response.status_code}).")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise refused(f"{host} sends the file compressed: upload it instead.")
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            left.bytes -= len(part)
            if left.bytes < 0:
                raise refused(
                    f"The file at {host} is larger than {self._bounds.max_fetched / 1e6:g} MB: upload it instead."
                )
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(bytes(body)))
