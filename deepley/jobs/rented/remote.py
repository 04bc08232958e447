"""What runs on the rented machine: the job's own trainer, and what it leaves sent back to the staging repository."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi

from deepley.hub import client
from deepley.jobs.folder import RELEASE, STATUS, Job
from deepley.network import files

_EVERY = 30.0  # seconds between two looks at what changed


def run(job: Job, repo: str, api: HfApi, every: float = _EVERY) -> int:
    """Trains like `jobs train` here does, reports back while it goes on, and sends the release at the end.

    Args:
        job: As it was staged.
        repo: The staging repository.
        api: The Hub's client.
        every: Seconds between two reports.

    Returns:
        The trainer's exit code, or 1 if its release could not be sent.
    """
    command = [sys.executable, "-m", "deepley", "jobs", "--root", str(job.folder.parent), "train", job.id]
    trainer = subprocess.Popen(command)
    sent: dict[str, bytes] = {}
    while True:
        try:
            trainer.wait(every)
        except subprocess.TimeoutExpired:
            try:
                _report(job, repo, api, sent)
            except client.FAILURES as error:  # the next report tells what this one could not
                print(client.sentence(error), flush=True)
            continue
        break
    for attempt in range(3):
        try:
            _report(job, repo, api, sent, job.release)
            return trainer.returncode
        except client.FAILURES as error:
            print(f"{client.sentence(error)} ({attempt + 1} of 3)", flush=True)
    return 1


def _report(job: Job, repo: str, api: HfApi, sent: dict[str, bytes], release: Path | None = None) -> None:
    """Commits status and history if they changed, and the release."""
    now = {name: (job.folder / name).read_bytes() for name in (STATUS, files.HISTORY) if (job.folder / name).exists()}
    news = {name: content for name, content in now.items() if sent.get(name) != content}
    operations = [CommitOperationAdd(f"job/{name}", content) for name, content in news.items()]
    if release is not None:
        paths = [path for path in sorted(release.iterdir()) if path.is_file()]
        operations += [CommitOperationAdd(f"job/{RELEASE}/{path.name}", path) for path in paths]
    if operations:
        api.create_commit(repo, operations, commit_message="How far the job is", repo_type="dataset")
        sent.update(now)
