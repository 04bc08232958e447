"""Photos and clips that are named by their address on the web: fetched within bounds; what fails is a sentence.

Gradio lets no address lead into the machine's own network, but takes whatever comes, for as long as it comes.
"""

from __future__ import annotations

import asyncio

import gradio as gr
import httpx
import safehttpx
from gradio import processing_utils

from deepley.config import ApiLimits
from deepley.ui.callers import refused


def bound(bounds: ApiLimits = ApiLimits()) -> None:
    """Makes Gradio fetch within these bounds."""
    processing_utils.async_transport = _Bounded(bounds)


class _Bounded(httpx.AsyncBaseTransport):
    """One request (Gradio follows redirects itself), to a public address only; the answer is read to its end here."""

    def __init__(self, bounds: ApiLimits) -> None:
        self._bounds = bounds

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = "identity"  # what is unpacked could be any size
        host = request.url.host
        try:
            async with asyncio.timeout(self._bounds.fetch_seconds):
                public = await safehttpx.async_validate_url(host)
                async with safehttpx.AsyncSecureTransport(public) as transport:
                    return await self._read(await transport.handle_async_request(request), host)
        except TimeoutError as error:
            raise refused(f"{host} took longer than {self._bounds.fetch_seconds:g} seconds to send it.") from error
        except gr.Error:  # a ValueError, as what safehttpx raises for an address that it does not let through
            raise
        except (ValueError, httpx.HTTPError) as error:
            raise refused(f"{host} cannot be reached on the web from here: upload the file instead.") from error

    async def _read(self, response: httpx.Response, host: str) -> httpx.Response:
        if response.status_code >= 400:
            raise refused(f"{host} does not give the file (error {response.status_code}).")
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise refused(f"{host} sends the file packed: upload it instead.")
        body = bytearray()
        async for part in response.stream:
            body += part
            if len(body) > self._bounds.max_fetched:
                raise refused(
                    f"The file at {host} is larger than {self._bounds.max_fetched / 1e6:g} MB: upload it instead."
                )
        return httpx.Response(response.status_code, headers=response.headers, stream=httpx.ByteStream(bytes(body)))
