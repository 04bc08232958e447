"""The tab "Many photos": up to 200 files or a zip, a sortable table, CSV and JSON."""

from __future__ import annotations

import base64
import io
import json
import logging
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

import gradio as gr
from PIL import Image

from deepley.config import ManyLimits
from deepley.errors import WeightsError
from deepley.photo.decode import SUFFIXES, fit_within
from deepley.ui.parts.detectors import Detectors
from deepley.ui.parts.events import KEPT, PRIVATE, export_folder
from deepley.verdict import batch, record
from deepley.verdict.batch import ManyError, Row

HEADERS = ["photo", "file", "evidence", "score", "note", "faces"]
_LOG = logging.getLogger(__name__)
_TYPES = ["html", "str", "str", "str", "str", "number"]
_THUMBNAIL = 72
_EVERY = 1.0  # seconds between two updates of the table


def build(detectors: Detectors, using: gr.State) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        detectors: That judge.
        using: The visitor's choice among them, see `Detectors.of`.
    """

    def run(paths: list[str] | None, release: str | None) -> Iterator[tuple]:
        done: list[list] = []
        results: list[dict] = []
        if not paths:
            yield _said(""), *_table(done), results
            return
        try:
            detector = detectors.of(release)
            items = batch.collect([(Path(path).name, Path(path)) for path in paths])
        except (ManyError, WeightsError) as error:
            yield _said(str(error)), *_table(done), results
            return
        except OSError:
            yield _said("The uploaded files are gone. Upload them again."), *_table(done), results
            return
        shown = time.monotonic()
        yield _said(f"Checking {len(items)} photos…"), *_table(done), results
        try:
            for row in batch.check(detector, items):
                results.append(batch.to_json(row, detector))
                done.append(_cells(row, results[-1]))
                if time.monotonic() - shown > _EVERY:
                    shown = time.monotonic()
                    yield _said(f"{len(results)} of {len(items)} photos checked…"), *_table(done), results
            yield _summary(results), *_table(done), results
        except Exception:  # not by `failure`, which Gradio also calls when the visitor presses Stop
            _LOG.exception("Photos could not be checked")
            text = f"Something broke after {len(results)} of {len(items)} photos: send the others again."
            yield _said(text, "done"), *_table(done), results

    def waiting() -> tuple:
        return _said("Waiting for its turn…"), *_table([]), []

    def ended(paths: list[str] | None, results: list[dict] | None) -> tuple:
        if not paths:
            return _said(""), *_table([]), []
        return _said(f"Stopped after {len(results or [])} photos.", "done"), gr.skip(), gr.skip()

    def export(results: list[dict] | None) -> tuple:
        if not results:
            return gr.update(visible=False), gr.update(visible=False)
        folder = export_folder(as_csv)
        (folder / "deepley.csv").write_text(record.to_csv(results), encoding="utf-8")
        (folder / "deepley.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        return (
            gr.update(value=str(folder / "deepley.csv"), visible=True),
            gr.update(value=str(folder / "deepley.json"), visible=True),
        )

    limits = ManyLimits()
    gr.Markdown(
        f"Up to {limits.max_files} photos, or a zip of them. Each row shows the face with the strongest evidence; the "
        "JSON has them all."
    )
    files = gr.File(
        label="Photos or a zip",
        file_count="multiple",
        file_types=[".zip", *sorted(SUFFIXES)],
        elem_id="files",
        height=160,
    )
    with gr.Row():
        status = gr.HTML(_said(""), elem_id="many-status", padding=False)
        stop = gr.Button("Stop", size="sm", visible=False, elem_id="stop", min_width=90, scale=0)
    table = gr.Dataframe(
        headers=HEADERS,
        datatype=_TYPES,
        type="array",
        interactive=False,
        wrap=True,
        visible=False,
        column_widths=["92px", "150px", "130px", "80px", "420px", "80px"],
        elem_id="many-table",
        show_label=False,
    )
    state = gr.State([], time_to_live=KEPT)
    with gr.Row():
        as_csv = gr.DownloadButton("Download CSV", visible=False, elem_id="csv")
        as_json = gr.DownloadButton("Download JSON", visible=False, elem_id="json")

    outputs = [status, table, state]
    come = files.upload(waiting, None, outputs, queue=False, **PRIVATE)
    started = come.then(run, [files, using], outputs, trigger_mode="multiple", concurrency_limit=1, **PRIVATE)
    started.success(export, state, [as_csv, as_json], queue=False, **PRIVATE)
    files.upload(lambda: gr.update(visible=True), None, stop, queue=False, **PRIVATE)
    started.then(lambda: gr.update(visible=False), None, stop, queue=False, **PRIVATE)
    # A row under way may still arrive after either of these; once the run has ended Gradio calls it failed.
    stop.click(None, None, None, cancels=[started], queue=False, **PRIVATE)
    files.clear(
        lambda: (_said(""), *_table([]), [], *(gr.update(visible=False),) * 3), None,
        [*outputs, as_csv, as_json, stop], cancels=[started], queue=False, **PRIVATE,
    )  # fmt: skip
    failed = started.failure(ended, [files, state], outputs, preprocess=False, queue=False, **PRIVATE)
    failed.then(export, state, [as_csv, as_json], queue=False, **PRIVATE)


def _said(text: str, state: str = "working") -> str:
    return f'<p role="status" data-state="{state if text else "idle"}">{escape(text)}</p>'


def _summary(results: list[dict]) -> str:
    bad = sum(result["error"] is not None for result in results)
    good = len(results) - bad
    text = f"{good} {'photo' if good == 1 else 'photos'} checked"
    return _said(f"{text}; {bad} could not be." if bad else f"{text}.", "done")


def _table(done: list[list]) -> tuple:
    return (gr.update(value=done, visible=bool(done)),)


def _cells(row: Row, result: dict) -> list:
    if row.verdict is None:
        return ["", row.name, record.evidence(result), "", row.error, None]
    small, _ = fit_within(row.verdict.photo, _THUMBNAIL)
    buffer = io.BytesIO()
    Image.fromarray(small).save(buffer, "JPEG", quality=80)
    picture = f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}">'
    face = record.strongest(result["faces"])
    if face is None:
        return [picture, row.name, record.evidence(result), "", result["reason"], 0]
    note = "" if face["holds"] else "does not hold when treated"
    return [picture, row.name, record.evidence(result), f"{face['score']:.3f}", note, len(result["faces"])]
