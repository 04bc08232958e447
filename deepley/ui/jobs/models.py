"""A finished job's model: this page can use it, and it can be downloaded and published."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from deepley.hub import client
from deepley.hub.publish import PublishError, publish
from deepley.jobs.job import JobError
from deepley.ui.jobs import account
from deepley.ui.parts import html
from deepley.ui.parts.events import PRIVATE, Update, Updates, click, export_folder


@dataclass(frozen=True)
class Models:
    """The components and handlers for finished models, with what they need.

    Attributes:
        runs: Folder of all jobs.
        using: The visitor's choice of a release for checking.
        take: Button that makes this page use the model.
        download: Button that downloads the model.
        repo: Repository to publish to.
        publish: Button that publishes the model.
        done: Result of the last click.
        back: Button that makes this page use the shipped model again.
        packed: Hidden button that downloads the zip.
    """

    runs: Path
    using: gr.State
    take: gr.Button
    download: gr.Button
    repo: gr.Textbox
    publish: gr.Button
    done: gr.Markdown
    back: gr.Button
    packed: gr.DownloadButton

    @property
    def buttons(self) -> tuple[gr.Button, gr.Button, gr.Button]:
        """Buttons that need a finished model."""
        return self.take, self.download, self.publish

    def use(self, ids: list[str] | None, profile: gr.OAuthProfile | None) -> Updates:
        """Makes this visitor's page use the model."""
        try:
            name, job, release = self._finished(ids, profile)
        except JobError as error:
            return {self.done: html.fill("{error}", error=error)}
        text = "Your photos are now checked with **{name}** of job {job}, on this page only."
        return {self.done: html.fill(text, name=name, job=job), self.using: str(release)}

    def use_shipped(self) -> Updates:
        """Makes this visitor's page use the shipped model again."""
        return {
            self.done: "Your photos are checked with the shipped model again.",
            self.using: None,
            self.back: gr.update(visible=False),
        }

    def push(
        self, ids: list[str] | None, repo: str, login: gr.OAuthToken | None, profile: gr.OAuthProfile | None
    ) -> str:
        """Publishes the model; returns what happened."""
        repo = (repo or "").strip()
        try:
            _, _, release = self._finished(ids, profile)
            pin = publish(release, repo, client.api(account.token(login)))
        except (JobError, PublishError) as error:
            return html.fill("**Not published.** {error}", error=error)
        return html.fill("Published to {repo}, privately; pinned, it is `{pin}`.", repo=repo, pin=pin)

    def pack(self, ids: list[str] | None, profile: gr.OAuthProfile | None) -> str:
        """Packs the model into a zip; returns its path."""
        try:
            name, _, release = self._finished(ids, profile)
        except JobError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return shutil.make_archive(str(export_folder(self.packed) / name.replace("/", "-")), "zip", release)

    def _finished(self, ids: list[str] | None, profile: gr.OAuthProfile | None) -> tuple[str, str, Path]:
        """Name, job and folder of the first chosen job's model."""
        job = account.find(self.runs, min(ids or [], default=""), profile)
        if job.release is None:
            raise JobError("This job has no model yet.")
        return job.config.name, job.id, job.release

    def connect(self, ids: gr.Dropdown) -> None:
        """Adds the events.

        Args:
            ids: The chosen jobs.
        """
        self.publish.click(self.push, [ids, self.repo], self.done, **PRIVATE)
        self.take.click(self.use, ids, [self.done, self.using], **PRIVATE).then(
            offer_shipped, self.using, self.back, **PRIVATE
        )
        self.back.click(self.use_shipped, None, [self.done, self.using, self.back], **PRIVATE)
        self.download.click(self.pack, ids, self.packed, **PRIVATE).success(None, None, None, js=click("#packed"))


def offer_shipped(release: str | None) -> Update:
    """Handler: shows the way back to the shipped model while another one is used."""
    return gr.update(visible=release is not None)
