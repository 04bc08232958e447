"""The command line, thin: `python -m deepley COMMAND`; without one it lists them."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("GLOG_minloglevel", "2")

from deepley import commands  # after the lines above, which TensorFlow reads
from deepley.config import DEFAULT_RELEASE, RUNS_FOLDER
from deepley.errors import Refusal
from deepley.recipes import PRESETS

_STOPPED = 130


def main(arguments: list[str] | None = None) -> int:
    """Runs one command.

    Returns:
        The exit code: 0; 1 if a file or the command was refused; 2 for wrong arguments; 70 for a bug of ours, whose
        traceback is printed; 130 if Ctrl-C stopped it.
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("deepley: stopped.", file=sys.stderr)
        return _STOPPED
    except Refusal as error:
        print(f"deepley: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        named = error.strerror and error.filename is not None
        print(f"deepley: {error.strerror}: {error.filename}" if named else f"deepley: {error}", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        print("deepley: This is a bug. Please report it with the lines above.", file=sys.stderr)
        return os.EX_SOFTWARE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deepley", description="Evidence that a face was generated or swapped.")
    added = parser.add_subparsers(required=True, metavar="COMMAND")

    check = added.add_parser("check", help="check photos and clips")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a photo, a clip, or a folder of them")
    check.add_argument("--json", action="store_true", help="print a JSON list, one object a file")
    check.add_argument("--heatmaps", type=Path, metavar="DIR", help="write an overlay for each photo with a face")
    check.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="a release folder")
    check.set_defaults(run=commands.check)

    scan = added.add_parser("scan", help="check photos by the million into a parquet file")
    scan.add_argument("source", metavar="SOURCE", help="a folder, tar or parquet file, a pattern of them, or @LIST")
    scan.add_argument("--out", type=Path, required=True, metavar="FILE", help="a parquet file, one row a photo")
    scan.add_argument("--engine", choices=["plain", "ray"], default="plain", help="ray: a cluster, or GPUs")
    scan.add_argument("--workers", type=int, metavar="N", help="processes, 1 GB each; by default one a core or GPU")
    scan.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="a release folder")
    scan.set_defaults(run=commands.scan)

    train = added.add_parser("train", help="train a detector on a folder or tar of real and fake faces")
    train.add_argument("--data", type=Path, required=True, help="a folder with real/ and fake/, or a tar of one")
    train.add_argument("--preset", choices=sorted(PRESETS), default="deepley")
    train.add_argument("--out", type=Path, required=True, help="folder for checkpoint, history and release")
    train.add_argument("--base", type=Path, help="an npz of base weights; without it ImageNet's are downloaded")
    train.add_argument("--start", type=Path, help="a release to start from instead of base weights")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    train.add_argument("--name", help="name of the release; by default that of the --out folder")
    train.add_argument("--origin", default="the pictures in its training folder", help="what the data is, for the card")
    train.set_defaults(run=commands.train)

    film = added.add_parser("train-video", help="train the temporal head on clips made of real faces")
    film.add_argument("--data", type=Path, required=True, help="aligned faces in real/; train/ is left out")
    film.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="the release folder that gets the head")
    film.add_argument("--limit", type=int, default=0, metavar="N", help="film at most N photos")
    film.add_argument("--origin", default="the photos in its training folder", help="what the data is, for the card")
    film.set_defaults(run=commands.train_video)

    collect = added.add_parser("collect", help="make photos into aligned faces to train or evaluate on")
    collect.add_argument("photos", type=Path, metavar="DIR", help="photos, at any depth")
    collect.add_argument("out", type=Path, metavar="OUT", help="such as DATA/train/real/SET")
    collect.add_argument("--limit", type=int, default=0, metavar="N", help="take at most N photos")
    collect.add_argument("--skip", type=int, default=0, metavar="N", help="pass over the first N, in order of content")
    collect.set_defaults(run=commands.collect)

    remake = added.add_parser("reconstruct", help="make fakes of real faces: each through an autoencoder and back")
    remake.add_argument("data", type=Path, metavar="DATA", help="aligned faces; fake/reconstructed/ is written")
    remake.add_argument("--encoder", type=Path, required=True, metavar="NPZ", help="weights of a taesd encoder")
    remake.add_argument("--decoder", type=Path, required=True, metavar="NPZ", help="weights of its decoder")
    remake.add_argument("--smallest", type=int, default=384, metavar="PX", help="pass over pictures below this side")
    remake.add_argument("--limit", type=int, default=0, metavar="N", help="take at most N pictures a folder")
    remake.set_defaults(run=commands.reconstruct)

    evaluate = added.add_parser("evaluate", help="score aligned crops in DIR/real and DIR/fake")
    evaluate.add_argument("data", type=Path, metavar="DIR")
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")
    evaluate.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="a release folder")
    evaluate.add_argument("--robustness", action="store_true", help="score DIR under treatments too")
    evaluate.add_argument("--sets", type=Path, metavar="DIR", help="a folder of further sets to score")
    evaluate.add_argument(
        "--trained", type=Path, metavar="DATA", action="append", default=[],
        help="what the release was trained on (may be given again): near-copies in the sets are left out",
    )  # fmt: skip
    evaluate.add_argument(
        "--store", action="store_true", help="write what is found into the release, sets beside those there"
    )
    evaluate.set_defaults(run=commands.evaluate)

    publish = added.add_parser("publish", help="push a release to the Hugging Face Hub")
    publish.add_argument("release", type=Path, metavar="RELEASE", help="a release folder")
    publish.add_argument("--repo", required=True, metavar="OWNER/NAME", help="made, private, if missing")
    publish.add_argument("--public", action="store_true", help="make it public if it is made")
    publish.set_defaults(run=commands.publish)

    space = added.add_parser("space", help="the Hugging Face Space that space.yaml describes")
    steps = space.add_subparsers(dest="action", required=True, metavar="ACTION")
    steps.add_parser("render", help="write README's front matter from space.yaml")
    steps.add_parser("check", help="say what is wrong with space.yaml")
    steps.add_parser("deploy", help="make or update the Space").add_argument("repo", metavar="OWNER/NAME")
    space.set_defaults(run=commands.space)

    jobs = added.add_parser("jobs", help="fine-tuning jobs of this machine")
    jobs.add_argument("--root", type=Path, default=RUNS_FOLDER, help="folder of all jobs")
    actions = jobs.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="all jobs, oldest first")
    for action, what in (
        ("show", "one job as JSON"),
        ("cancel", "end a job or take it out of the queue"),
        ("resume", "go on from a job's last checkpoint"),
        ("train", "what a job's own process does"),
        ("follow", "what the process of a job on Hugging Face does; its token is in HF_TOKEN"),
        ("remote", "what a job does on a rented machine"),
    ):
        actions.add_parser(action, help=what).add_argument("id")
    actions.add_parser("estimate", help="how long a job would take here; its config comes as JSON on the input")
    actions.choices["remote"].add_argument("--repo", required=True, help="the repository it was staged in")
    actions.add_parser("work", help="train what is queued, one job after the other")
    jobs.set_defaults(run=commands.jobs)
    return parser


if __name__ == "__main__":
    sys.exit(main())
