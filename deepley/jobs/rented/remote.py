"""The program on the rented machine: it runs the job's own trainer and sends the results to the staging repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi

from deepley.hub import client
from deepley.jobs.folder import RELEASE, STATUS, Job
from deepley.jobs.rented.retries import retrying
from deepley.network import files

_EVERY = 30.0  # seconds between two looks at what changed
_ATTEMPTS = 3  # to send the release


def run(job: Job, repo: str, api: HfApi, every: float = _EVERY) -> int:
    """Trains as `jobs train` does, reports back meanwhile, and sends the release at the end.

    Args:
        job: The staged job.
        repo: Staging repository.
        api: Client of the Hub.
        every: Seconds between two reports.

    Returns:
        The trainer's exit code, or 1 if its release could not be sent.
    """
    command = [sys.executable, "-m", "deepley", "jobs", "--root", str(job.folder.parent), "train", job.id]
    trainer = subprocess.Popen(command)
    sent: dict[str, bytes] = {}
    while trainer.poll() is None:
        try:
            trainer.wait(every)
        except subprocess.TimeoutExpired:
            try:
                _report(job, repo, api, sent)
            except client.FAILURES as error:  # the next report brings what this one could not
                print(client.sentence(error), flush=True)
    try:
        retrying(_ATTEMPTS, _print_failure)(_report, job, repo, api, sent, job.release)
    except client.FAILURES:
        return 1
    return trainer.returncode


def _print_failure(sentence: str, attempt: int) -> None:
    print(f"{sentence} ({attempt} of {_ATTEMPTS})", flush=True)


def _report(job: Job, repo: str, api: HfApi, sent: dict[str, bytes], release: Path | None = None) -> None:
    """Commits the release, and status and history if they changed.

    Args:
        job: The job.
        repo: Staging repository.
        api: Client of the Hub.
        sent: Files as they were sent last, by name; updated here.
        release: The finished release, or None.
    """
    now = {name: (job.folder / name).read_bytes() for name in (STATUS, files.HISTORY) if (job.folder / name).exists()}
    news = {name: content for name, content in now.items() if sent.get(name) != content}
    operations = [CommitOperationAdd(f"job/{name}", content) for name, content in news.items()]
    if release is not None:
        paths = [path for path in sorted(release.iterdir()) if path.is_file()]
        operations += [CommitOperationAdd(f"job/{RELEASE}/{path.name}", path) for path in paths]
    if operations:
        api.create_commit(repo, operations, commit_message="Progress of the job", repo_type="dataset")
        sent.update(now)
