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
from gradio.blocks import Block

from deepley.hub import client
from deepley.hub import dataset as hub_dataset
from deepley.jobs.job import JobError
from deepley.training.data import archive as archives
from deepley.training.data import dataset
from deepley.training.data.sources import LABELS, DataError
from deepley.ui.jobs import account
from deepley.ui.parts import html
from deepley.ui.parts.events import PRIVATE, Raw, Update, Updates
from deepley.verdict.feedback import FOLDER as FEEDBACK

UPLOADS = ".uploads"
"""Folder below that of the jobs in which pictures wait for their job."""

_FORGOTTEN = 86_400  # seconds


@dataclass(frozen=True)
class Pictures:
    """The form's components and handlers, with what they need.

    Attributes:
        data: Folder whose subfolders with real/ and fake/ can be trained on.
        runs: Folder of all jobs.
        archive: Upload of a zip or tar.
        said: Report on the pictures.
        samples: Some of the faces.
        folder: Folder of the pictures, or None.
    """

    data: Path
    runs: Path
    archive: gr.File
    said: gr.Markdown
    samples: gr.Gallery
    folder: gr.State

    @property
    def outputs(self) -> list[Block]:
        """Outputs of a choice of pictures."""
        return [self.said, self.samples, self.folder]

    def upload(self, archive: str | None, login: gr.OAuthToken | None) -> Iterator[Updates]:
        """Takes the pictures of an uploaded archive."""
        if archive is None:
            yield self.nothing()
        elif account.on_space() and login is None:
            yield self._refused(JobError("Log in above first."), [])
        else:
            forget(self.runs)
            yield from self._take(Path(archive), self._new_folder())

    def choose(self, name: str | None) -> Updates:
        """Takes a folder of this machine."""
        if not name:
            return self.nothing()
        try:
            return self._found(self.data / name, [])
        except (DataError, OSError) as error:
            return self._refused(error, [])

    def download(self, pinned: str, login: gr.OAuthToken | None) -> Iterator[Updates]:
        """Takes a dataset of the Hub."""
        yield self._said("Downloading from the Hub…")
        fetched = self._new_folder()
        try:
            hub_dataset.parse(pinned)  # before anything is asked of the visitor's account
            hub_dataset.fetch(pinned, fetched, client.api(account.reader(login)))
        except (JobError, hub_dataset.DatasetError, OSError) as error:
            shutil.rmtree(fetched, ignore_errors=True)
            yield self._refused(error, [])
            return
        try:
            yield from self._take(fetched, self._new_folder())
        finally:
            shutil.rmtree(fetched, ignore_errors=True)

    def nothing(self) -> Updates:
        """The form without pictures."""
        return self._said("")

    def ended_early(self, archive: Raw) -> Updates | Update:
        """Empties the form after an archive was removed while it was unpacked; leaves a new one alone."""
        return gr.skip() if archive else self.nothing()

    def given_away(self, job: str) -> Updates:
        """The form once the pictures of an upload belong to a job."""
        return {**self._said(f"The pictures went to job {job}: upload them again for another."), self.archive: None}

    def _new_folder(self) -> Path:
        return self.runs / UPLOADS / secrets.token_hex(8)

    def _take(self, packed: Path, into: Path) -> Iterator[Updates]:
        taken, left_out = 0, []
        try:
            for name, reason in archives.unpack(packed, into):
                taken += reason is None
                left_out += [(name, reason)] if reason else []
                if (taken + len(left_out)) % 20 == 1:
                    yield self._said(f"Looking for faces: {taken} taken, {len(left_out)} left out…")
            yield self._found(into, left_out)
        except (JobError, DataError, OSError) as error:
            shutil.rmtree(into, ignore_errors=True)
            yield self._refused(error, left_out)
        except GeneratorExit:  # the visitor removed the archive
            shutil.rmtree(into, ignore_errors=True)
            raise

    def _said(self, text: str) -> Updates:
        return {self.said: text, self.samples: gr.update(value=[], visible=False), self.folder: None}

    def _refused(self, error: Exception, left_out: list[tuple[str, str]]) -> Updates:
        said = html.fill("**These pictures cannot be trained on.** {error}", error=error)
        return self._said(said + _listed(left_out))

    def _found(self, folder: Path, left_out: list[tuple[str, str]]) -> Updates:
        loaded = dataset.load(folder)
        report = escape(loaded.report.text(), quote=False)  # a code block shows quotes as they are, escaped ones too
        skipped = f"\n\n{len(left_out)} files were left out, such as:{_listed(left_out)}" if left_out else ""
        samples = []
        for label, value in LABELS.items():
            some = [source for source in loaded.splits["train"] if source.label == value]
            chosen = np.random.default_rng(0).choice(len(some), min(4, len(some)), replace=False)
            samples += [(some[i].face(), label) for i in sorted(chosen)]
        return {
            self.said: f"```\n{report}\n```{skipped}",
            self.samples: gr.update(value=samples, visible=True),
            self.folder: str(folder),
        }


def build(data: Path, runs: Path) -> Pictures:
    """Adds the inputs.

    Args:
        data: Folder whose subfolders with real/ and fake/ can be trained on.
        runs: Folder of all jobs.
    """
    forget(runs)
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
    form = Pictures(data, runs, archive, said, samples, gr.State(None))
    unpacking = archive.upload(
        form.upload, archive, form.outputs, concurrency_limit=1, trigger_mode="multiple", **PRIVATE
    )
    archive.clear(form.nothing, None, form.outputs, cancels=[unpacking], queue=False, **PRIVATE)
    # A step under way may still arrive after that; Gradio calls the run failed once it has ended, and this is last.
    unpacking.failure(form.ended_early, archive, form.outputs, preprocess=False, queue=False, **PRIVATE)
    if not account.on_space():
        folder_here.input(form.choose, folder_here, form.outputs, **PRIVATE)
    pinned.submit(form.download, pinned, form.outputs, concurrency_limit=1, **PRIVATE)
    return form


def forget(runs: Path) -> None:
    """Deletes uploads of visitors who left without starting a job, after a day."""
    for left in (runs / UPLOADS).glob("*"):
        if time.time() - left.stat().st_mtime > _FORGOTTEN:
            shutil.rmtree(left, ignore_errors=True)


def folders_in(data: Path) -> list[str]:
    """Paths below `data` of the folders that can be trained on; visitors' corrections are left out."""
    found = {path.parent for path in data.rglob("real") if (path.parent / "fake").is_dir()} if data.is_dir() else set()
    tops = {path.parent if path.name in ("train", "valid", "test") else path for path in found}
    return sorted(str(path.relative_to(data)) for path in tops if path not in (data, data / FEEDBACK))


def _listed(left_out: list[tuple[str, str]]) -> str:
    return "".join(html.fill("\n- `{name}`: {reason}", name=name, reason=reason) for name, reason in left_out[:10])
