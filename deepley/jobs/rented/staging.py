"""The staging of a job: all that a rented machine needs to run it, in one private repository of the visitor."""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from huggingface_hub import CommitOperationAdd
from huggingface_hub import __version__ as client_version

from deepley.config import ROOT
from deepley.jobs import folder
from deepley.jobs.folder import DATA, STATUS, Job
from deepley.jobs.job import JobStatus, State
from deepley.records import SCHEMA_VERSION, to_json
from deepley.training.data.sources import find

IMAGE = "python:3.11"


def repo_of(job: Job, namespace: str) -> str:
    """The private dataset repository in which a job is staged."""
    return f"{namespace}/deepley-job-{job.id}"


def command(repo: str, revision: str, gpu: bool) -> list[str]:
    """The command of the rented machine: it fetches the repository, installs pinned packages, and trains as here."""
    extra = " 'tensorflow[and-cuda]'" if gpu else ""
    return [
        "bash",
        "-c",
        f"set -e; pip install -q huggingface-hub=={client_version}; "
        f"hf download {repo} --repo-type dataset --revision {revision} --local-dir deepley-job --quiet; "
        f"cd deepley-job/code; pip install -q -r requirements.txt{extra}; "
        f"python -m deepley jobs --root .. remote job --repo {repo}",
    ]


@contextmanager
def staged(job: Job) -> Iterator[list[CommitOperationAdd]]:
    """The files of the staging repository: code, recipe, pictures as one tar, and the weights to start from."""
    every = (path for path in (ROOT / "deepley").rglob("*") if path.is_file() and path.suffix != ".pyi")
    code = sorted(path for path in every if "__pycache__" not in path.parts)
    operations = [CommitOperationAdd(f"code/{path.relative_to(ROOT).as_posix()}", path) for path in code]
    operations.append(CommitOperationAdd("code/requirements.txt", ROOT / "requirements.txt"))
    config = job.config
    there = replace(config, data=f"{DATA}.tar")
    if config.start:
        there = replace(there, start="start")
        paths = [path for path in sorted((job.folder / config.start).iterdir()) if path.is_file()]
        operations += [CommitOperationAdd(f"job/start/{path.name}", path) for path in paths]
    if config.base:
        there = replace(there, base="base.npz")
        operations.append(CommitOperationAdd("job/base.npz", job.folder / config.base))
    record = {"schema": SCHEMA_VERSION}
    for name, value in (
        (folder.CONFIG, record | to_json(there)),
        (STATUS, record | to_json(JobStatus(State.QUEUED, time.time()))),
    ):
        operations.append(CommitOperationAdd(f"job/{name}", json.dumps(value, indent=1).encode()))
    packed = job.folder / f".{DATA}.tar"
    try:
        tar = packed_pictures(job.data, packed)
        yield [*operations, CommitOperationAdd(f"job/{DATA}.tar", tar)]
    finally:
        packed.unlink(missing_ok=True)


def packed_pictures(data: Path, packed: Path) -> Path:
    """The pictures as an uncompressed tar, which training reads in place."""
    if data.is_file():
        return data
    with tarfile.open(packed, "w") as archive:
        for source in find(data):
            archive.add(source.path, source.name)
    return packed
