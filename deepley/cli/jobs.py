"""The command `jobs`: lists, shows, ends and resumes fine-tuning jobs, and runs them in processes of their own."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deepley.cli.parsing import Commands
from deepley.config import RUNS_FOLDER
from deepley.errors import Refusal
from deepley.records import to_json

if TYPE_CHECKING:
    from deepley.jobs.folder import Job
    from deepley.jobs.runner import Runner


def add(added: Commands) -> None:
    """Adds `jobs` to the parser."""
    jobs = added.add_parser("jobs", help="fine-tuning jobs of this machine")
    jobs.add_argument("--root", type=Path, default=RUNS_FOLDER, help="folder of all jobs")
    actions = jobs.add_subparsers(required=True, metavar="ACTION")
    for name, run, what in (
        ("list", _list, "all jobs, oldest first"),
        ("estimate", _estimate, "how long a job would take here; reads its config as JSON from the input"),
        ("work", _work, "train the queued jobs, one after the other"),
    ):
        actions.add_parser(name, help=what).set_defaults(run=run)
    for name, run, what in (
        ("show", _show, "one job as JSON"),
        ("cancel", _cancel, "end a job or take it out of the queue"),
        ("resume", _resume, "go on with a job from its last checkpoint"),
        ("train", _train, "train one job; this is the job's own process"),
        ("follow", _follow, "follow a job on Hugging Face, with the token in HF_TOKEN"),
        ("remote", _remote, "train a job on a rented machine"),
    ):
        action = actions.add_parser(name, help=what)
        action.add_argument("id")
        action.set_defaults(run=run)
    actions.choices["remote"].add_argument("--repo", required=True, help="the job's staging repository")


def _list(options: argparse.Namespace) -> int:
    """Prints one line for each job."""
    from deepley.jobs import folder

    jobs = folder.every(options.root)
    if not jobs:
        print(f"There is no job in {options.root}.", file=sys.stderr)
    for job in jobs:
        status = job.status
        done = f"{status.images / status.total:4.0%}" if status.total else "    "
        print(f"{job.id}  {status.state:11}  {done}  {job.name}  {status.message}".rstrip())
    return 0


def _work(options: argparse.Namespace) -> int:
    """Trains the queued jobs."""
    from deepley.jobs import local

    local.work(options.root)
    return 0


def _show(options: argparse.Namespace) -> int:
    """Prints a job's config and status as JSON."""
    job = _job(options)
    print(json.dumps({"id": job.id, **to_json(job.status), "config": to_json(job.config)}, indent=1))
    return 0


def _cancel(options: argparse.Namespace) -> int:
    """Ends a job."""
    job = _job(options)
    _runner(job).cancel(job)
    print(f"{job.id}: {job.status.state}")
    return 0


def _resume(options: argparse.Namespace) -> int:
    """Goes on with a job."""
    job = _job(options)
    _runner(job).resume(job)
    print(f"{job.id}: {job.status.state}")
    return 0


def _train(options: argparse.Namespace) -> int:
    """Trains a job in this process."""
    from deepley.jobs import trainer

    return trainer.run(_job(options))


def _follow(options: argparse.Namespace) -> int:
    """Follows a job on Hugging Face."""
    from deepley.jobs.rented import follower

    return follower.with_token_of_environment(_job(options))


def _remote(options: argparse.Namespace) -> int:
    """Trains a job on a rented machine."""
    from deepley.hub import client
    from deepley.jobs.rented import remote

    return remote.run(_job(options), options.repo, client.api(None))


def _job(options: argparse.Namespace) -> Job:
    from deepley.jobs import folder

    return folder.find(options.root, options.id)


def _runner(job: Job) -> Runner:
    from deepley.jobs.rented import huggingface
    from deepley.jobs.runner import runner_of

    return runner_of(job, huggingface.needed_token)


def _estimate(options: argparse.Namespace) -> int:
    """Prints how many seconds a job would take."""
    from deepley.jobs.job import JobConfig
    from deepley.records import from_json
    from deepley.training.data import dataset
    from deepley.training.fit import begin, estimate

    try:
        config = from_json(JobConfig, json.load(sys.stdin))
    except json.JSONDecodeError as error:
        raise Refusal(f"The job's config on the input is no JSON ({error}).") from error
    start, base = (Path(path) if path else None for path in (config.start, config.base))
    splits = dataset.load(Path(config.data)).splits
    recipe = begin.for_start(config.train, start)
    blends = sum(source.label == 0 for source in splits["train"]) * recipe.blends
    seconds = estimate.seconds(recipe, len(splits["train"]) + round(blends), len(splits["valid"]), base)
    print(json.dumps({"seconds": seconds}))
    return 0
