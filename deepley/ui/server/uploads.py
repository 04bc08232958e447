"""Uploads of visitors and programs: they are read within limits, and no file stays that Gradio forgets."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import gradio as gr
from gradio import processing_utils, route_utils, routes
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

from deepley.ui.server import patch

_FIELD = 65_536
"""Bytes that a field of an upload may have if it is no file."""


class _File(Protocol):
    """A file of an upload."""

    @property
    def name(self) -> str: ...

    def close(self) -> None: ...


class _Form(route_utils.GradioMultiPartParser):
    """Gradio's reader of uploads, with two leaks closed.

    Gradio keeps fields that are no files in memory, however long they are. It also leaves files on the disk forever if
    an upload breaks off or if its field has another name.
    """

    async def parse(self) -> FormData:
        try:
            form = await super().parse()
        except BaseException:  # a caller who hangs up cancels it
            _delete(self._files_to_close_on_error)
            raise
        _delete(value.file for name, value in form.multi_items() if name != "files" and isinstance(value, UploadFile))
        return form

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current_part
        if part.file is None and len(part.data) + end - start > _FIELD:
            raise MultiPartException(f"A field exceeded the maximum allowed size of {_FIELD} bytes.")
        super().on_part_data(data, start, end)


def _delete(files: Iterable[_File]) -> None:
    for file in files:
        file.close()
        Path(file.name).unlink(missing_ok=True)


def bound() -> None:
    """Makes Gradio read uploads with fields of bounded length, and keep no file that it then forgets."""
    for module in (route_utils, routes):
        patch.replace(module, "GradioMultiPartParser", _Form)


def forget_what_tools_send(page: gr.Blocks) -> None:
    """Makes Gradio delete the data URLs of MCP calls as it deletes uploads; by itself it keeps them forever."""
    save = processing_utils.save_base64_to_cache

    def saved(base64_encoding: str, cache_dir: str, file_name: str | None = None) -> str:
        path = save(base64_encoding, cache_dir, file_name)
        page.upload_file_set.add(path)
        return path

    patch.replace(processing_utils, "save_base64_to_cache", saved)
