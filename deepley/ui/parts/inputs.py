"""The photo input, and the theme."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from deepley.config import PhotoLimits
from deepley.photo.decode import PhotoError


@dataclass(frozen=True)
class Upload:
    """An uploaded file, not decoded yet.

    Attributes:
        name: Name that its owner gave it.
        data: Content of the file; empty if it is refused.
        refused: Why it is refused, in a sentence.
    """

    name: str
    data: bytes = b""
    refused: str = ""

    def read(self) -> bytes:
        """The content of the file.

        Raises:
            PhotoError: If the file is refused.
        """
        if self.refused:
            raise PhotoError(self.refused)
        return self.data


class PhotoInput(gr.Image):
    """An image input that hands on the file's bytes, so that `photo.decode` alone decodes photos.

    It has no `__init__` of its own, because Gradio reads from that signature what it sends to the browser.

    Attributes:
        limits: Limits of a photo.
    """

    is_template = True
    limits = PhotoLimits()

    def preprocess(self, payload: ImageData | None) -> Any:  # Gradio's own type names other values
        """The uploaded file as an `Upload`, refused if it is too large or gone; None if there is none."""
        if payload is None:
            return None
        try:
            if payload.url and payload.url.startswith("data:"):
                return Upload("pasted", _from_data_url(payload.url, self.limits))
            if not payload.path:
                raise PhotoError("This names no file: put an upload, or the address of a photo, into `path`.")
            path = Path(payload.path)
            if path.stat().st_size > self.limits.max_bytes:
                raise PhotoError(f"The file is larger than {self.limits.max_bytes / 1e6:.0f} MB. Export it smaller.")
            return Upload(payload.orig_name or path.name, path.read_bytes())
        except PhotoError as error:
            return Upload("", refused=str(error))
        except OSError:
            return Upload("", refused="The uploaded file is gone. Upload it again.")


def _from_data_url(url: str, limits: PhotoLimits) -> bytes:
    if len(url) > limits.max_bytes * 4 / 3 + 100:
        raise PhotoError(f"The photo is larger than {limits.max_bytes / 1e6:.0f} MB. Export it smaller.")
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise PhotoError("The data URL is no valid base64.") from error


def theme() -> gr.themes.Base:
    """A calm theme in system fonts; white text on its primary button has a contrast above 4.5."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=["system-ui", "Segoe UI", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )
