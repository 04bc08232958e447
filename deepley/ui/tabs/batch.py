"""The tab "Many photos": up to 200 files or a zip, a sortable table, CSV and JSON."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import gradio as gr
from gradio.blocks import Block
from markupsafe import Markup

from deepley.config import ManyLimits
from deepley.errors import WeightsError
from deepley.explain.drawing import data_url
from deepley.photo.decode import SUFFIXES, fit_within
from deepley.ui.parts import html
from deepley.ui.parts.detectors import Detectors
from deepley.ui.parts.events import KEPT, PRIVATE, Raw, Updates, export_folder, hide, show
from deepley.verdict import batch, record
from deepley.verdict.batch import ManyError, Row
from deepley.verdict.record import NamedRecord

Cells: TypeAlias = list[str | int | None]
"""A line of the table, with the columns `HEADERS`."""

HEADERS = ["photo", "file", "evidence", "score", "note", "faces"]
_LOG = logging.getLogger(__name__)
_TYPES: list[Literal["html", "str", "number"]] = ["html", "str", "str", "str", "str", "number"]
_THUMBNAIL, _QUALITY = 72, 80  # longest side in pixels, JPEG quality
_EVERY = 1.0  # seconds between two updates of the table


@dataclass(frozen=True)
class Tab:
    """The tab's components and handlers, with what they need.

    Attributes:
        detectors: Loaded detectors to choose from.
        status: How far the check is.
        table: One row for each photo.
        state: The results as JSON.
        as_csv: Download of the results as CSV.
        as_json: Download of the results as JSON.
        stop: Button that stops the check.
    """

    detectors: Detectors
    status: gr.HTML
    table: gr.Dataframe
    state: gr.State
    as_csv: gr.DownloadButton
    as_json: gr.DownloadButton
    stop: gr.Button

    @property
    def outputs(self) -> list[Block]:
        """Outputs of a check."""
        return [self.status, self.table, self.state]

    @property
    def downloads(self) -> list[Block]:
        """Outputs of an export."""
        return [self.as_csv, self.as_json]

    def run(self, paths: list[str] | None, release: str | None) -> Iterator[Updates]:
        """Checks photos and fills the table."""
        if not paths:
            yield self.said("")
            return
        try:
            detector = self.detectors.of(release)
            items = batch.collect([(Path(path).name, Path(path)) for path in paths])
        except (ManyError, WeightsError) as error:
            yield self.said(str(error))
            return
        except OSError:
            yield self.said("The uploaded files are gone. Upload them again.")
            return
        rows: list[Cells] = []
        results: list[NamedRecord] = []
        updated = time.monotonic()
        yield self.said(f"Checking {len(items)} photos…")
        try:
            for row in batch.check(detector, items):
                results.append(batch.to_json(row, detector))
                rows.append(_cells(row, results[-1]))
                if time.monotonic() - updated > _EVERY:
                    updated = time.monotonic()
                    yield self.filled(f"{len(results)} of {len(items)} photos checked…", rows, results)
            yield self.filled(_summary(results), rows, results, "done")
        except Exception:  # not by `failure`, which Gradio also calls when the visitor presses Stop
            _LOG.exception("Photos could not be checked")
            text = f"Something broke after {len(results)} of {len(items)} photos: send the others again."
            yield self.filled(text, rows, results, "done")

    def filled(
        self, text: str, rows: list[Cells], results: list[NamedRecord], state: Literal["working", "done"] = "working"
    ) -> Updates:
        """The page with results so far."""
        return {
            self.status: status_line(text, state),
            self.table: gr.update(value=rows, visible=bool(rows)),
            self.state: results,
        }

    def said(self, text: str) -> Updates:
        """The page with a sentence and no results."""
        return self.filled(text, [], [])

    def waiting(self) -> Updates:
        """The page while photos wait for their turn."""
        return self.said("Waiting for its turn…")

    def cleared(self) -> Updates:
        """The page without photos."""
        hidden = gr.update(visible=False)
        return {**self.said(""), self.as_csv: hidden, self.as_json: hidden, self.stop: hidden}

    def ended_early(self, paths: Raw, results: list[NamedRecord] | None) -> Updates:
        """Shows that the check was stopped; or nothing, if the photos were removed."""
        if not paths:
            return self.said("")
        return {self.status: status_line(f"Stopped after {len(results or [])} photos.", "done")}

    def export(self, results: list[NamedRecord] | None) -> Updates:
        """Writes the results as files to download."""
        if not results:
            return {self.as_csv: gr.update(visible=False), self.as_json: gr.update(visible=False)}
        folder = export_folder(self.as_csv)
        (folder / "deepley.csv").write_text(record.to_csv(results), encoding="utf-8")
        (folder / "deepley.json").write_text(json.dumps(results, indent=1), encoding="utf-8")
        return {
            self.as_csv: gr.update(value=str(folder / "deepley.csv"), visible=True),
            self.as_json: gr.update(value=str(folder / "deepley.json"), visible=True),
        }


def build(detectors: Detectors, using: gr.State) -> None:
    """Adds the tab's components and events to the open `gr.Blocks`.

    Args:
        detectors: Loaded detectors to choose from.
        using: The visitor's choice of a detector, see `Detectors.of`.
    """
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
        status = gr.HTML(status_line(""), elem_id="many-status", padding=False)
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
    _connect(Tab(detectors, status, table, state, as_csv, as_json, stop), files, using)


def _connect(tab: Tab, files: gr.File, using: gr.State) -> None:
    come = files.upload(tab.waiting, None, tab.outputs, queue=False, **PRIVATE)
    started = come.then(tab.run, [files, using], tab.outputs, trigger_mode="multiple", concurrency_limit=1, **PRIVATE)
    started.success(tab.export, tab.state, tab.downloads, queue=False, **PRIVATE)
    files.upload(show, None, tab.stop, queue=False, **PRIVATE)
    started.then(hide, None, tab.stop, queue=False, **PRIVATE)
    tab.stop.click(None, None, None, cancels=[started], queue=False, **PRIVATE)
    outputs = [*tab.outputs, *tab.downloads, tab.stop]
    files.clear(tab.cleared, None, outputs, cancels=[started], queue=False, **PRIVATE)
    # A row under way may still arrive after either; Gradio calls the run failed once it has ended, and this is last.
    failed = started.failure(tab.ended_early, [files, tab.state], tab.outputs, preprocess=False, queue=False, **PRIVATE)
    failed.then(tab.export, tab.state, tab.downloads, queue=False, **PRIVATE)


def status_line(text: str, state: Literal["working", "done"] = "working") -> Markup:
    """How far the check is, in a sentence; empty if there is none."""
    return html.render("status", text=text, state=state if text else "idle")


def _summary(results: list[NamedRecord]) -> str:
    bad = sum(result["error"] is not None for result in results)
    good = len(results) - bad
    text = f"{good} {'photo' if good == 1 else 'photos'} checked"
    return f"{text}; {bad} could not be." if bad else f"{text}."


def _cells(row: Row, result: NamedRecord) -> Cells:
    if row.verdict is None:
        return ["", row.name, record.evidence(result), "", row.error, None]
    small, _ = fit_within(row.verdict.photo, _THUMBNAIL)
    thumbnail = str(html.render("thumbnail", picture=data_url(small, _QUALITY)))
    face = record.strongest(result["faces"])
    if face is None:
        return [thumbnail, row.name, record.evidence(result), "", result["reason"], 0]
    note = "" if face["holds"] else "not robust to recompression"
    return [thumbnail, row.name, record.evidence(result), f"{face['score']:.3f}", note, len(result["faces"])]
