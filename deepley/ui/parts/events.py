"""Pieces of events that several tabs share."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TypedDict

import gradio as gr

KEPT = 3600
"""Seconds that an upload, and what was found in it, stay on this machine."""

GONE = "The photo is no longer here: uploads are deleted after an hour. Check it again."

STATIC = Path(__file__).parent.parent / "static"
"""Style sheet, script and pictures of the page."""


class Private(TypedDict):
    """Options of an event that is the page's own business: no progress over its outputs, and not in the API."""

    show_progress: str
    api_visibility: str


PRIVATE: Private = {"show_progress": "hidden", "api_visibility": "private"}


def click(selector: str) -> str:
    """JavaScript that presses an element: a download that is made on demand needs no second click."""
    return f"() => {{ document.querySelector('{selector}').click(); }}"


def export_folder(download: gr.DownloadButton) -> Path:
    """A new folder for a file to download; cached files are served to whoever knows their path."""
    folder = Path(download.GRADIO_CACHE) / secrets.token_hex(16)
    folder.mkdir(parents=True)
    return folder
