"""Pieces of events that several tabs share."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypedDict

import gradio as gr
from gradio.blocks import Block

KEPT = 3600
"""Seconds that an upload and its results stay on this machine."""

GONE = "The photo is no longer here: uploads are deleted after an hour. Check it again."

STATIC = Path(__file__).parent.parent / "static"
"""Folder of the page's style sheet, script and pictures."""

Update: TypeAlias = dict[str, Any]
"""A change of one component, as `gr.update` and `gr.skip` return it."""

Updates: TypeAlias = dict[Block, Any]
"""New values or `Update`s by component, as a handler with several outputs returns them; the others stay as they are."""

Raw: TypeAlias = dict[str, Any] | list[dict[str, Any]] | None
"""A component's value as the browser sent it, for handlers with `preprocess=False`; None or empty if there is none."""


class Private(TypedDict):
    """Options of an event that only the page itself uses: outputs show no progress, and the API does not list it.

    Gradio reserves the name of its handler all the same, so no handler is named like an endpoint of `server.api`.
    """

    show_progress: Literal["hidden"]
    api_visibility: Literal["private"]


PRIVATE: Private = {"show_progress": "hidden", "api_visibility": "private"}


class Lane(TypedDict):
    """Options of events that wait for each other."""

    concurrency_id: str
    concurrency_limit: int


MODEL: Lane = {"concurrency_id": "model", "concurrency_limit": 1}
"""Photos of the page and of the API are checked one at a time."""


def show() -> Update:
    """Handler: makes a component visible."""
    return gr.update(visible=True)


def hide() -> Update:
    """Handler: hides a component."""
    return gr.update(visible=False)


def clear() -> None:
    """Handler: empties a component."""


def enable() -> Update:
    """Handler: makes a component react again."""
    return gr.update(interactive=True)


def click(selector: str) -> str:
    """JavaScript that clicks an element, so that a download made on demand needs no second click."""
    return f"() => {{ document.querySelector('{selector}').click(); }}"


def export_folder(download: gr.DownloadButton) -> Path:
    """A new folder for a file to download; its random name keeps others from guessing the path."""
    folder = Path(download.GRADIO_CACHE) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder
