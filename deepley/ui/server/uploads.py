"""What visitors and programs upload: read within bounds, and no file kept that Gradio would then forget."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio import processing_utils, route_utils, routes
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException

_FIELD = 65_536
"""Bytes of a field of an upload that is no file."""


class _Form(route_utils.GradioMultiPartParser):
    """Gradio's reader of uploads, which itself keeps fields that are no files in memory, however long they are, and on
    the disk, for ever, files that broke off or have another name than those of uploads.
    """

    async def parse(self) -> FormData:
        try:
            form = await super().parse()
        except BaseException:  # a caller who hangs up cancels it
            _delete(self._files_to_close_on_error)
            raise
        _delete([value.file for name, value in form.multi_items() if name != "files" and isinstance(value, UploadFile)])
        return form

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current_part
        if part.file is None and len(part.data) + end - start > _FIELD:
            raise MultiPartException(f"A field exceeded the maximum allowed size of {_FIELD} bytes.")
        super().on_part_data(data, start, end)


def _delete(files: list) -> None:
    for file in files:
        file.close()
        Path(file.name).unlink(missing_ok=True)


def bound() -> None:
    """Makes Gradio read uploads with fields of bounded length, and keep no file that it then forgets."""
    route_utils.GradioMultiPartParser = routes.GradioMultiPartParser = _Form


def forget_what_tools_send(page: gr.Blocks) -> None:
    """Makes Gradio delete the data URLs of MCP calls as it deletes uploads: it keeps them as files, for ever."""
    save = processing_utils.save_base64_to_cache

    def saved(*arguments: object, **options: object) -> str:
        path = save(*arguments, **options)
        page.upload_file_set.add(path)
        return path

    processing_utils.save_base64_to_cache = saved
