"""The command line, thin: `python -m deepley check|train|train-video|collect|evaluate|publish|space|jobs`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("GLOG_minloglevel", "2")

from deepley.config import (  # after the lines above, which TensorFlow reads
    DEFAULT_RELEASE,
    PRESETS,
    RUNS_FOLDER,
    to_json,
)


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code: 0, 1 if a file or the command failed, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except OSError as error:
        print(f"deepley: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    except ValueError as error:  # every refusal of ours is a ValueError whose message is a sentence
        print(f"deepley: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deepley", description="Evidence that a face photo was generated.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="check photos and clips")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a photo, a clip, or a folder of them")
    check.add_argument("--json", action="store_true", help="print a JSON list, one object a file")
    check.add_argument("--heatmaps", type=Path, metavar="DIR", help="write an overlay for each photo with a face")
    check.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="a release folder")
    check.set_defaults(run=_check)

    train = commands.add_parser("train", help="train a detector on a folder or tar of real and fake faces")
    train.add_argument("--data", type=Path, required=True, help="a folder with real/ and fake/, or a tar of one")
    train.add_argument("--preset", choices=sorted(PRESETS), default="deepley")
    train.add_argument("--out", type=Path, required=True, help="folder for checkpoint, history and release")
    train.add_argument("--base", type=Path, help="an npz of base weights; without it ImageNet's are downloaded")
    train.add_argument("--start", type=Path, help="a release to start from instead of base weights")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    train.add_argument("--name", help="name of the release; by default that of the --out folder")
    train.add_argument("--origin", default="the pictures in its training folder", help="what the data is, for the card")
    train.set_defaults(run=_train)

    film = commands.add_parser("train-video", help="train the temporal head on clips made of real faces")
    film.add_argument("--data", type=Path, required=True, help="aligned faces the release was not trained on, in real/")
    film.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="a release folder")
    film.add_argument("--out", type=Path, required=True, metavar="FILE", help="such as RELEASE/temporal.safetensors")
    film.add_argument("--limit", type=int, default=0, metavar="N", help="film at most N photos")
    film.add_argument("--origin", default="the photos in its training folder", help="what the data is, for the card")
    film.set_defaults(run=_train_video)

    collect = commands.add_parser("collect", help="make photos into aligned faces to train or evaluate on")
    collect.add_argument("photos", type=Path, metavar="DIR", help="photos, at any depth")
    collect.add_argument("out", type=Path, metavar="OUT", help="such as DATA/train/real/SET")
    collect.add_argument("--limit", type=int, default=0, metavar="N", help="take at most N photos")
    collect.add_argument("--skip", type=int, default=0, metavar="N", help="pass over the first N, in order of content")
    collect.set_defaults(run=_collect)

    evaluate = commands.add_parser("evaluate", help="score aligned crops in DIR/real and DIR/fake")
    evaluate.add_argument("data", type=Path, metavar="DIR")
    evaluate.add_argument("--json", action="store_true", help="print one JSON object")
    evaluate.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="a release folder")
    evaluate.add_argument("--robustness", action="store_true", help="score DIR under treatments too")
    evaluate.add_argument("--sets", type=Path, metavar="DIR", help="a folder of further sets to score")
    evaluate.add_argument("--store", action="store_true", help="write --robustness and --sets into the release")
    evaluate.set_defaults(run=_evaluate)

    publish = commands.add_parser("publish", help="push a release to the Hugging Face Hub")
    publish.add_argument("release", type=Path, metavar="RELEASE", help="a release folder")
    publish.add_argument("--repo", required=True, metavar="OWNER/NAME", help="made, private, if missing")
    publish.add_argument("--public", action="store_true", help="make it public if it is made")
    publish.set_defaults(run=_publish)

    space = commands.add_parser("space", help="the Hugging Face Space that space.yaml describes")
    steps = space.add_subparsers(dest="action", required=True, metavar="ACTION")
    steps.add_parser("render", help="write README's front matter from space.yaml")
    steps.add_parser("check", help="say what is wrong with space.yaml")
    steps.add_parser("deploy", help="make or update the Space").add_argument("repo", metavar="OWNER/NAME")
    space.set_defaults(run=_space)

    jobs = commands.add_parser("jobs", help="fine-tuning jobs of this machine")
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
    jobs.set_defaults(run=_jobs)
    return parser


def _check(options: argparse.Namespace) -> int:
    from deepley.verdict import many
    from deepley.verdict.detector import Detector
    from deepley.video import words as video

    paths = _found(options.paths)
    if not paths:
        raise ValueError(f"There is no photo and no clip in {options.paths[0]}.")
    detector = Detector(options.release)
    results = []
    for path in paths:
        if _is_clip(path):
            results.append(_check_clip(path, detector))
            text = f"{path}: {video.line(results[-1])}"
        else:
            (row,) = many.check(detector, [many.Item(str(path), path.read_bytes)])
            results.append(many.to_json(row, detector))
            if options.heatmaps and row.verdict and row.verdict.verdicts:
                name = f"{len(results):03}-{Path(row.name).name}.heatmap.png"
                _write_overlay(options.heatmaps / name, row.verdict.overlay()[1])
            text = _line(results[-1])
        if not options.json:
            print(text, flush=True)
    if options.json:
        print(json.dumps(results, indent=1))
    return int(any(result["error"] for result in results))


def _found(paths: list[Path]) -> list[Path]:
    from deepley.photo.decode import SUFFIXES
    from deepley.video import reader

    wanted, found = SUFFIXES | reader.SUFFIXES, []
    for path in paths:
        found += sorted(p for p in path.rglob("*") if p.suffix.lower() in wanted) if path.is_dir() else [path]
    return found


def _is_clip(path: Path) -> bool:
    """By its name; a GIF is a clip if it moves."""
    from PIL import Image

    from deepley.video import reader

    if path.suffix.lower() != ".gif":
        return path.suffix.lower() in reader.SUFFIXES
    try:
        with Image.open(path, formats=["GIF"]) as image:
            return image.is_animated
    except Exception:  # what Pillow's parsers raise has no common type; the photo's decoder says what is wrong
        return False


def _check_clip(path: Path, detector: object) -> dict:
    from deepley.video import words
    from deepley.video.clip import Watcher
    from deepley.video.reader import VideoError

    watcher = Watcher(detector)
    try:
        found = words.to_json(watcher.check(path), watcher)
    except VideoError as error:
        found = words.to_json(None, watcher, str(error))
    return {"path": str(path), **found}


def _write_overlay(path: Path, pixels: object) -> None:
    import io

    from PIL import Image

    from deepley.network.files import write

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    write(path, buffer.getvalue())


def _line(result: dict) -> str:
    if result["error"]:
        return f"{result['path']}: error: {result['error']}"
    if result["reason"]:
        return f"{result['path']}: not applicable: {result['reason']}"
    faces = "; ".join(f"{face['evidence']} (score {face['score']:.3f})" for face in result["faces"])
    return f"{result['path']}: evidence of manipulation: {faces}"


def _train(options: argparse.Namespace) -> int:
    from deepley.training import blends, dataset, fit
    from deepley.training.card import table
    from deepley.training.finish import finish

    config = fit.for_start(PRESETS[options.preset], options.start)
    pictures = dataset.load(options.data, progress=True)
    print(pictures.report.text(), flush=True)
    if config.blends:
        pictures = blends.add(pictures, config.blends, options.out)
    model, history = fit.train(pictures, config, options.out, options.base, options.resume, options.start)
    folder = options.out / "release"
    metrics = finish(
        model, history, pictures, config, folder, options.name or options.out.resolve().name, options.origin
    )
    print(table(metrics["sets"]))
    print(f"The release is in {folder}.")
    return 0


def _train_video(options: argparse.Namespace) -> int:
    from dataclasses import replace

    from deepley.network.engine import Engine
    from deepley.network.release import load
    from deepley.training import temporal
    from deepley.training.sources import find
    from deepley.verdict.calibration import of_release
    from deepley.video import head

    loaded = load(options.release)
    temperature = of_release(loaded).temperature
    made = temporal.examples(find(options.data), Engine(loaded.model).explain, temperature, options.limit)
    trained, measured = temporal.fit(made)
    details = temporal.details(loaded.name, loaded.sha256, made, measured, options.origin)
    head.save(options.out, replace(trained, details=details))
    print(temporal.table(measured))
    print(f"The temporal head is {options.out}.")
    return 0


def _collect(options: argparse.Namespace) -> int:
    from deepley.training.collect import collect

    for name, reason in collect(options.photos, options.out, options.limit, options.skip):
        print(f"skipped {name}: {reason}", file=sys.stderr)
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    from deepley.network.engine import Engine
    from deepley.network.release import load
    from deepley.training import evaluation, finish, robustness
    from deepley.training.batches import labels_of
    from deepley.training.card import tables
    from deepley.training.sources import find
    from deepley.verdict.calibration import of_release

    sources = tuple(find(options.data))
    loaded = load(options.release)
    cut = of_release(loaded)
    logits, readable, unreadable = evaluation.score_readable(Engine(loaded.model).score, sources)
    for name, reason in unreadable:
        print(f"skipped {name}: {reason}", file=sys.stderr)
    figures = evaluation.figures(logits, labels_of(readable), cut)
    further = {}
    if options.robustness:
        further["treated"] = robustness.under_treatments(Engine(loaded.model).score, readable, cut)
    if options.sets:
        further["elsewhere"], further["groups"] = robustness.elsewhere(Engine(loaded.model).score, options.sets, cut)
    if options.store:
        finish.add(options.release, further)
    if options.json:
        result = evaluation.document({options.data.resolve().name: figures}) | further
        result |= {
            "release": loaded.name,
            "sha256": loaded.sha256,
            "unreadable": [{"path": name, "error": reason} for name, reason in unreadable],
        }
        print(json.dumps(result, indent=1))
    else:
        print(tables({"sets": {options.data.resolve().name: figures}, **further}))
    return int(bool(unreadable))


def _publish(options: argparse.Namespace) -> int:
    from huggingface_hub import get_token

    from deepley.hub.client import api
    from deepley.hub.publish import publish

    print(publish(options.release, options.repo, api(get_token()), private=not options.public))
    return 0


def _space(options: argparse.Namespace) -> int:
    from huggingface_hub import get_token

    from deepley.hub import client
    from deepley.hub import space as spaces
    from deepley.network.files import write

    project = Path(__file__).resolve().parent.parent
    space = spaces.load(project)
    if options.action == "render":
        write(project / "README.md", spaces.render(space, (project / "README.md").read_text()))
        return 0
    if options.action == "check":
        wrong = spaces.check(space, project)
        print("\n".join(wrong) or "space.yaml, README.md and requirements.txt agree.")
        return int(bool(wrong))
    for said in spaces.deploy(space, project, options.repo, client.api(get_token())):
        print(said, flush=True)
    return 0


def _estimate() -> int:
    from deepley.config import from_json
    from deepley.jobs.folder import JobConfig
    from deepley.training import dataset, estimate, fit

    config = from_json(JobConfig, json.load(sys.stdin))
    start, base = (Path(path) if path else None for path in (config.start, config.base))
    splits = dataset.load(Path(config.data)).splits
    recipe = fit.for_start(config.train, start)
    blends = sum(source.label == 0 for source in splits["train"]) * recipe.blends
    seconds = estimate.seconds(recipe, len(splits["train"]) + round(blends), len(splits["valid"]), base)
    print(json.dumps({"seconds": seconds}))
    return 0


def _jobs(options: argparse.Namespace) -> int:
    from deepley.jobs import folder, local

    if options.action == "work":
        local.work(options.root)
        return 0
    if options.action == "list":
        jobs = folder.every(options.root)
        if not jobs:
            print(f"There is no job in {options.root}.", file=sys.stderr)
        for job in jobs:
            status = job.status
            done = f"{status.images / status.total:4.0%}" if status.total else "    "
            print(f"{job.id}  {status.state:11}  {done}  {job.config.name}  {status.message}".rstrip())
        return 0
    if options.action == "estimate":
        return _estimate()
    job = folder.find(options.root, options.id)
    if options.action == "train":
        from deepley.jobs import trainer

        return trainer.run(job)
    if options.action == "show":
        print(json.dumps({"id": job.id, **to_json(job.status), "config": to_json(job.config)}, indent=1))
        return 0
    if options.action == "follow":
        from deepley.jobs import huggingface

        return huggingface.follow_with_token_of_environment(job)
    if options.action == "remote":
        from deepley.hub import client
        from deepley.jobs import remote

        return remote.run(job, options.repo, client.api(None))
    if not job.here:
        from deepley.jobs import huggingface

        getattr(huggingface, options.action)(job, huggingface.token_of_this_machine())
    else:
        getattr(local, options.action)(job)
    print(f"{job.id}: {job.status.state}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
