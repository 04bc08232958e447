"""The pictures of a fine-tuning job: an upload, a folder of this machine, or a dataset of the Hub."""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

import gradio as gr
import numpy as np

from deepley.hub import client
from deepley.hub import dataset as hub_dataset
from deepley.jobs.job import JobError
from deepley.training.data import archive as archives
from deepley.training.data import dataset
from deepley.training.data.sources import LABELS, DataError
from deepley.ui.jobs import account
from deepley.verdict.feedback import FOLDER as FEEDBACK

UPLOADS = ".uploads"
"""Folder below that of the jobs in which pictures wait for their job."""

_FORGOTTEN = 86_400  # seconds
_NO_SAMPLES = {"value": [], "visible": False}


@dataclass(frozen=True)
class Chosen:
    """What the form shows of the pictures.

    Attributes:
        folder: Of the pictures, or None.
        shown: The archive, what was said of it, and samples; `given_away` empties them.
    """

    folder: gr.State
    shown: tuple


def given_away(job: str) -> tuple:
    """Updates of `Chosen.shown` once the pictures of an upload are a job's own."""
    return None, f"The pictures went to job {job}: upload them again for another.", gr.update(**_NO_SAMPLES)


def build(data: Path, runs: Path) -> Chosen:
    """Adds the inputs.

    Args:
        data: Folder whose subfolders with real/ and fake/ can be trained on.
        runs: Folder of all jobs.
    """

    def take(packed: Path, into: Path, clear: Path | None = None) -> Iterator[tuple]:
        taken, left_out = 0, []
        try:
            for name, reason in archives.unpack(packed, into):
                taken += reason is None
                left_out += [(name, reason)] if reason else []
                if (taken + len(left_out)) % 20 == 1:
                    yield f"Looking for faces: {taken} taken, {len(left_out)} left out…", gr.update(**_NO_SAMPLES), None
            yield _found(into, left_out)
        except (JobError, DataError, OSError) as error:
            shutil.rmtree(into, ignore_errors=True)
            yield _refused(error, left_out)
        except GeneratorExit:  # the visitor took the archive away
            shutil.rmtree(into, ignore_errors=True)
            raise
        finally:
            if clear:
                shutil.rmtree(clear, ignore_errors=True)

    def unpack(archive: str | None, login: gr.OAuthToken | None) -> Iterator[tuple]:
        if archive is None:
            yield _empty()
        elif account.on_space() and login is None:
            yield _refused(JobError("Log in above first."), [])
        else:
            _forget(runs)
            yield from take(Path(archive), runs / UPLOADS / secrets.token_hex(8))

    def choose(name: str | None) -> tuple:
        if not name:
            return _empty()
        try:
            return _found(data / name, [])
        except (DataError, OSError) as error:
            return _refused(error, [])

    def download(pinned: str, login: gr.OAuthToken | None) -> Iterator[tuple]:
        yield "Downloading from the Hub…", gr.update(**_NO_SAMPLES), None
        fetched = runs / UPLOADS / secrets.token_hex(8)
        try:
            hub_dataset.parse(pinned)  # before anything is asked of the visitor's account
            hub_dataset.fetch(pinned, fetched, client.api(account.reader(login)))
        except (JobError, hub_dataset.DatasetError, OSError) as error:
            shutil.rmtree(fetched, ignore_errors=True)
            yield _refused(error, [])
            return
        yield from take(fetched, runs / UPLOADS / secrets.token_hex(8), fetched)

    _forget(runs)
    archive = gr.File(
        label="A zip or tar with folders real and fake",
        file_types=[".zip", ".tar", ".gz", ".tgz"],
        height=170,
        elem_id="archive",
    )
    if not account.on_space():
        folder_here = gr.Dropdown(
            folders_in(data), value=None, label=f"Or a folder of aligned faces below {data}", elem_id="folder"
        )
    pinned = gr.Textbox(
        label="Or a dataset on the Hub, with folders real and fake",
        placeholder="OWNER/NAME@COMMIT, then Enter",
        elem_id="pinned",
    )
    said = gr.Markdown(elem_id="pictures")
    samples = gr.Gallery(
        label="Samples, as the network sees them", columns=4, height=210, format="png", object_fit="contain",
        visible=False, elem_id="samples",
    )  # fmt: skip
    pictures = gr.State(None)
    outputs, quiet = [said, samples, pictures], {"show_progress": "hidden", "api_visibility": "private"}
    unpacking = archive.upload(unpack, archive, outputs, concurrency_limit=1, trigger_mode="multiple", **quiet)
    archive.clear(_empty, None, outputs, cancels=[unpacking], queue=False, **quiet)
    # What was under way may still arrive after that; once it has ended Gradio calls it failed.
    unpacking.failure(
        lambda there: [gr.skip()] * 3 if there else _empty(), archive, outputs, preprocess=False, queue=False, **quiet
    )
    if not account.on_space():
        folder_here.input(choose, folder_here, outputs, **quiet)
    pinned.submit(download, pinned, outputs, concurrency_limit=1, **quiet)
    return Chosen(pictures, (archive, said, samples))


def _empty() -> tuple:
    return "", gr.update(**_NO_SAMPLES), None


def _forget(runs: Path) -> None:
    """Deletes pictures of visitors who went without starting anything."""
    for left in (runs / UPLOADS).glob("*"):
        if time.time() - left.stat().st_mtime > _FORGOTTEN:
            shutil.rmtree(left, ignore_errors=True)


def folders_in(data: Path) -> list[str]:
    """Folders below `data` that can be trained on, by their path below it; visitors' corrections are not offered."""
    found = {path.parent for path in data.rglob("real") if (path.parent / "fake").is_dir()} if data.is_dir() else set()
    tops = {path.parent if path.name in ("train", "valid", "test") else path for path in found}
    return sorted(str(path.relative_to(data)) for path in tops if path not in (data, data / FEEDBACK))


def _skipped(left_out: list[tuple[str, str]]) -> str:
    return "".join(f"\n- `{escape(name)}`: {escape(reason)}" for name, reason in left_out[:10])


def _refused(error: Exception, left_out: list[tuple[str, str]]) -> tuple:
    said = f"**These pictures cannot be trained on.** {escape(str(error))}{_skipped(left_out)}"
    return said, gr.update(**_NO_SAMPLES), None


def _found(folder: Path, left_out: list[tuple[str, str]]) -> tuple:
    loaded = dataset.load(folder)
    report = escape(loaded.report.text(), quote=False)
    skipped = f"\n\n{len(left_out)} files were left out, such as:{_skipped(left_out)}" if left_out else ""
    samples = []
    for label, value in LABELS.items():
        some = [source for source in loaded.splits["train"] if source.label == value]
        chosen = np.random.default_rng(0).choice(len(some), min(4, len(some)), replace=False)
        samples += [(some[i].face(), label) for i in sorted(chosen)]
    return f"```\n{report}\n```{skipped}", gr.update(value=samples, visible=True), str(folder)
