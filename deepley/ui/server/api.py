"""The API for programs: /check, /check_many and /check_video, which are MCP tools too, and GET /health."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

import deepley
from deepley.config import ApiLimits, ManyLimits
from deepley.network.release import Release
from deepley.photo.decode import PhotoError
from deepley.ui.parts.detectors import Detectors
from deepley.ui.parts.events import MODEL
from deepley.ui.parts.inputs import PhotoInput, Upload
from deepley.ui.server.gate import allowance, refused
from deepley.verdict import batch, record
from deepley.verdict.batch import ManyError
from deepley.verdict.record import PhotoRecord
from deepley.video import record as clips
from deepley.video.reader import VideoError
from deepley.video.watcher import Watcher

Answer: TypeAlias = dict[str, Any]
"""A verdict as `docs/check.schema.json` describes it."""


@dataclass(frozen=True)
class Endpoints:
    """The public endpoints; their docstrings are what MCP clients read.

    Attributes:
        detectors: Loaded detectors, of which the default one judges.
        allow: Counts a call, and raises gr.Error for one too many.
        bounds: Limits of a call.
    """

    detectors: Detectors
    allow: Callable[[gr.Request], None]
    bounds: ApiLimits

    def check(self, photo: Upload | None, request: gr.Request) -> PhotoRecord:
        """Checks a face photo for signs that the face was generated or swapped.

        The score is evidence, not proof: "no evidence found" does not mean that a photo is real.

        Args:
            photo: A photo: a URL, an uploaded file, or a data:image/...;base64 string. At most 25 MB.
            request: The call, for its address; Gradio adds it.

        Returns:
            The verdict: the faces with box, calibrated score 0..1 and evidence in words, or why there are none.
        """
        self.allow(request)
        if photo is None:
            raise refused("Send a photo to check.")
        detector = self.detectors.default
        try:
            return record.of_photo(detector.check(photo.read()), detector.release)
        except PhotoError as error:
            raise refused(error) from error

    def check_many(self, photos: list[str] | None, request: gr.Request) -> list[Answer]:
        """Checks several face photos, or zips of them; one that cannot be checked does not stop the others.

        Args:
            photos: Uploaded files or URLs; as many as the limits of this server allow.
            request: The call, for its address; Gradio adds it.

        Returns:
            One verdict a photo, as /check gives it, with its `name`; `error` says why one could not be checked.
        """
        self.allow(request)
        files = [Path(path) for path in photos or ()]
        if sum(path.stat().st_size for path in files) > self.bounds.max_bytes:
            raise refused(f"These files have more than {self.bounds.max_bytes / 1e6:g} MB: send them in several calls.")
        try:
            items = batch.collect([(path.name, path) for path in files], ManyLimits(max_files=self.bounds.max_photos))
        except ManyError as error:
            raise refused(error) from error
        detector = self.detectors.default
        found = (batch.to_json(row, detector) for row in batch.check(detector, items))
        # Clients of Gradio take whatever has a `path` for a file, and try to download it.
        return [{"name": one["path"], **{key: value for key, value in one.items() if key != "path"}} for one in found]

    def check_video(self, clip: str | None, request: gr.Request) -> Answer:
        """Checks the first minute of a video clip: each face over time, single frames and what changes between them.

        Args:
            clip: An uploaded video file, or its URL; MP4, MOV, WebM, MKV or AVI.
            request: The call, for its address; Gradio adds it.

        Returns:
            The verdict: per face the evidence in words and the scores of every sampled frame; `strongest` says which
            face decides, and when.
        """
        self.allow(request)
        if clip is None:
            raise refused("Send a clip to check.")
        watcher = Watcher(self.detectors.default)
        try:
            verdict = watcher.check(Path(clip))
        except VideoError as error:
            raise refused(error) from error
        return clips.to_json(verdict, watcher)


def build(detectors: Detectors, bounds: ApiLimits = ApiLimits()) -> None:
    """Adds the endpoints to the open `gr.Blocks`; they use the shipped release and share the queue with the page.

    Args:
        detectors: Loaded detectors, of which the default one judges.
        bounds: Limits of a call.
    """
    endpoints = Endpoints(detectors, allowance(bounds.calls_per_minute), bounds)
    nobody = gr.Button(visible=False)  # no person presses it: it carries the endpoints
    answer = gr.JSON(visible=False)
    for endpoint, sent in (
        (endpoints.check, PhotoInput(visible=False, label="Photo")),
        (endpoints.check_many, gr.File(visible=False, file_count="multiple", label="Photos")),
        (endpoints.check_video, gr.File(visible=False, label="Clip")),
    ):
        nobody.click(endpoint, sent, answer, api_name=endpoint.__name__, **MODEL)


def health(release: Release, waiting: Callable[[], int]) -> Route:
    """GET /health: that the page is up, which version, with which weights, since when, and how many calls wait.

    Args:
        release: Release that the page starts with.
        waiting: Returns the length of the queue.
    """
    began = time.monotonic()

    async def answer(_: Request) -> JSONResponse:
        return JSONResponse(
            {
                "status": "up",
                "version": deepley.__version__,
                "release": release.name,
                "sha256": release.sha256,
                "uptime_seconds": round(time.monotonic() - began, 1),
                "queue": waiting(),
            }
        )

    return Route("/health", answer)
