"""What each command of the command line does; every function takes the parsed arguments and returns the exit code.

Imports lie in the functions: `jobs list` must not wait for TensorFlow.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from deepley.errors import Refusal
from deepley.recipes import PRESETS
from deepley.records import to_json


def check(options: argparse.Namespace) -> int:
    """Checks photos and clips, and prints what was found."""
    from deepley.verdict import batch
    from deepley.verdict.detector import Detector
    from deepley.video import record as clips

    paths = _found(options.paths)
    if not paths:
        raise Refusal(f"There is no photo and no clip in {options.paths[0]}.")
    detector = Detector(options.release)
    results = []
    for path in paths:
        if _is_clip(path):
            results.append(_check_clip(path, detector))
            text = f"{path}: {clips.line(results[-1])}"
        else:
            (row,) = batch.check(detector, [batch.Item(str(path), path.read_bytes)])
            results.append(batch.to_json(row, detector))
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
    from deepley.video import record
    from deepley.video.reader import VideoError
    from deepley.video.watcher import Watcher

    watcher = Watcher(detector)
    try:
        found = record.to_json(watcher.check(path), watcher)
    except VideoError as error:
        found = record.to_json(None, watcher, str(error))
    except Exception as error:  # what a hostile file makes of FFmpeg or OpenCV must not keep the others from a check
        found = record.to_json(None, watcher, f"It could not be checked ({type(error).__name__}): save it anew as MP4.")
    return {"path": str(path), **found}


def _write_overlay(path: Path, pixels: object) -> None:
    import io

    from PIL import Image

    from deepley.host.files import write

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


def scan(options: argparse.Namespace) -> int:
    """Checks a source of any length into a parquet file."""
    from tqdm import tqdm

    from deepley.scan.run import scan

    try:
        with tqdm(unit=" photos", disable=None) as bar:
            found = scan(options.source, options.out, options.release, options.engine, options.workers, bar.update)
    except KeyboardInterrupt:
        print("Stopped: the same command goes on from here.", file=sys.stderr)
        return 130
    kept = f", {found.kept} of them by an earlier run" if found.kept else ""
    print(f"{options.out}: {found.photos} photos{kept}; {found.errors} could not be checked.")
    return 0


def train(options: argparse.Namespace) -> int:
    """Trains a release on a folder or tar of pictures."""
    from deepley.training import pipeline
    from deepley.training.release.model_card import table

    release = options.out / "release"
    name = options.name or options.out.resolve().name
    training = pipeline.Training(
        options.data, PRESETS[options.preset], options.out, release, name, options.origin, options.base,
        options.start, options.resume,
    )  # fmt: skip
    print(table(pipeline.train(training)["sets"]))
    print(f"The release is in {release}.")
    return 0


def train_video(options: argparse.Namespace) -> int:
    """Trains a temporal head for a release."""
    import shutil
    from dataclasses import replace

    from deepley.network.files import TEMPORAL
    from deepley.network.release import load
    from deepley.training.data.sources import find
    from deepley.training.release import finish, model_card
    from deepley.training.video import footage, temporal
    from deepley.video import temporal_head

    loaded = load(options.release)
    out = loaded.folder / TEMPORAL
    store = out.with_suffix(".clips")
    made = footage.examples(find(options.data), loaded, store, options.limit)
    trained, measured = temporal.fit(made)
    if temporal.learnt_renderer(measured):
        raise Refusal(
            f"The head has learnt the renderer, not the blend (AUC {measured['control']['temporal']['value']:.2f} on "
            "controls), and was not stored: train it on more photos."
        )
    details = temporal.details(loaded.name, loaded.sha256, made, measured, options.origin)
    finish.add(loaded.folder, temporal.metrics(details))
    temporal_head.save(out, replace(trained, details=details))
    shutil.rmtree(store)
    print(model_card.comparison(temporal.rows(measured), model_card.FURTHER["clips"][1]))
    print(f"The temporal head is {out}; {details['lost']} photos were left out, as their faces were lost.")
    return 0


def collect(options: argparse.Namespace) -> int:
    """Makes photos into aligned faces."""
    from deepley.training.data.collect import collect

    for name, reason in collect(options.photos, options.out, options.limit, options.skip):
        print(f"skipped {name}: {reason}", file=sys.stderr)
    return 0


def reconstruct(options: argparse.Namespace) -> int:
    """Makes fakes of the real pictures of a data folder."""
    from deepley.training.data.reconstruction import reconstruct

    for name, reason in reconstruct(options.data, options.encoder, options.decoder, options.smallest, options.limit):
        print(f"skipped {name}: {reason}", file=sys.stderr)
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Scores aligned faces, under treatments and on further sets where asked."""
    from deepley.network.release import load
    from deepley.training.data.sources import find
    from deepley.training.fit.batches import labels_of
    from deepley.training.measure import evaluation, robustness
    from deepley.training.release import finish
    from deepley.training.release.model_card import tables
    from deepley.verdict import novelty
    from deepley.verdict.calibration import of_release

    if options.trained and not options.sets:
        raise Refusal("--trained is for --sets: it says which of their pictures to leave out.")
    sources = tuple(find(options.data))
    loaded = load(options.release)
    trained = robustness.trained_on(options.trained)
    cut = of_release(loaded)
    seen = evaluation.looker(loaded.model)
    logits, readable, unreadable = evaluation.score_readable(lambda faces: seen(faces)[0], sources)
    figures = evaluation.figures(logits, labels_of(readable), cut)
    further, scored, usual = {}, {}, novelty.load(loaded.folder)

    def look(faces: object) -> tuple:
        logits, embeddings = seen(faces)
        return logits, None if usual is None else usual.far(embeddings)

    if options.robustness:
        further["treated"] = robustness.under_treatments(look, readable, cut)
    if options.sets:
        scored, further["groups"], skipped = robustness.elsewhere(look, options.sets, cut, trained)
        further["elsewhere"] = {name: found for name, found in scored.items() if found}
        unreadable += skipped
    if options.store:
        kept = {name: found for name, found in further.items() if found}  # a set without UTKFace's names has no groups
        if options.sets:
            together = loaded.metrics.get("elsewhere", {}) | scored
            kept["elsewhere"] = {name: found for name, found in sorted(together.items()) if found}
        finish.add(options.release, kept)
    for name, reason in unreadable:
        print(f"skipped {name}: {reason}", file=sys.stderr)
    for name, found in scored.items():
        if not found:
            print(f"{name}: nothing left to score", file=sys.stderr)
        elif found.get("copies_left_out"):
            print(f"{name}: {found['copies_left_out']} near-copies of training pictures left out", file=sys.stderr)
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


def publish(options: argparse.Namespace) -> int:
    """Pushes a release to the Hub."""
    from huggingface_hub import get_token

    from deepley.hub.client import api
    from deepley.hub.publish import publish

    print(publish(options.release, options.repo, api(get_token()), private=not options.public))
    return 0


def space(options: argparse.Namespace) -> int:
    """Renders, checks or deploys the Space."""
    from huggingface_hub import get_token

    from deepley.config import ROOT
    from deepley.host.files import write
    from deepley.hub import client
    from deepley.hub import space as spaces

    space = spaces.load(ROOT)
    if options.action == "render":
        write(ROOT / "README.md", spaces.render(space, (ROOT / "README.md").read_text()))
        return 0
    if options.action == "check":
        wrong = spaces.check(space, ROOT)
        print("\n".join(wrong) or "space.yaml, README.md and requirements.txt agree.")
        return int(bool(wrong))
    for said in spaces.deploy(space, ROOT, options.repo, client.api(get_token())):
        print(said, flush=True)
    return 0


def _estimate() -> int:
    from deepley.jobs.folder import JobConfig
    from deepley.records import from_json
    from deepley.training.data import dataset
    from deepley.training.fit import begin, estimate

    config = from_json(JobConfig, json.load(sys.stdin))
    start, base = (Path(path) if path else None for path in (config.start, config.base))
    splits = dataset.load(Path(config.data)).splits
    recipe = begin.for_start(config.train, start)
    blends = sum(source.label == 0 for source in splits["train"]) * recipe.blends
    seconds = estimate.seconds(recipe, len(splits["train"]) + round(blends), len(splits["valid"]), base)
    print(json.dumps({"seconds": seconds}))
    return 0


def jobs(options: argparse.Namespace) -> int:
    """Lists, shows, cancels, resumes or runs fine-tuning jobs."""
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
        from deepley.jobs import follower

        return follower.with_token_of_environment(job)
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
