"""The commands `collect`, `reconstruct`, `train` and `train-video`: prepare training data, and train on it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepley.cli.parsing import Commands
from deepley.config import DEFAULT_RELEASE
from deepley.recipes import PRESETS


def add(added: Commands) -> None:
    """Adds `train`, `train-video`, `collect` and `reconstruct` to the parser."""
    train = added.add_parser("train", help="train a detector on a folder or tar of real and fake faces")
    train.add_argument("--data", type=Path, required=True, help="a folder with real/ and fake/, or a tar of one")
    train.add_argument("--preset", choices=sorted(PRESETS), default="deepley")
    train.add_argument("--out", type=Path, required=True, help="folder for checkpoint, history and release")
    train.add_argument("--base", type=Path, help="an npz of base weights; without it ImageNet's are downloaded")
    train.add_argument("--start", type=Path, help="a release to start from instead of base weights")
    train.add_argument("--resume", action="store_true", help="go on from the checkpoint in the --out folder")
    train.add_argument("--name", help="name of the release; by default that of the --out folder")
    train.add_argument(
        "--origin", default="the pictures in its training folder", help="description of the data, for the model card"
    )
    train.set_defaults(run=_train)

    film = added.add_parser("train-video", help="train the temporal head on clips made of real faces")
    film.add_argument("--data", type=Path, required=True, help="aligned faces in real/; train/ is left out")
    film.add_argument(
        "--release", type=Path, default=DEFAULT_RELEASE, help="the release folder that the head is added to"
    )
    film.add_argument("--limit", type=int, default=0, metavar="N", help="use at most N photos")
    film.add_argument(
        "--origin", default="the photos in its training folder", help="description of the data, for the model card"
    )
    film.set_defaults(run=_train_video)

    collect = added.add_parser("collect", help="cut aligned faces out of photos, to train or evaluate on")
    collect.add_argument("photos", type=Path, metavar="DIR", help="photos, at any depth")
    collect.add_argument("out", type=Path, metavar="OUT", help="such as DATA/train/real/SET")
    collect.add_argument("--limit", type=int, default=0, metavar="N", help="take at most N photos")
    collect.add_argument("--skip", type=int, default=0, metavar="N", help="skip the first N, in order of content")
    collect.set_defaults(run=_collect)

    remake = added.add_parser("reconstruct", help="make fakes of real faces by sending each through an autoencoder")
    remake.add_argument("data", type=Path, metavar="DATA", help="folder of aligned faces; fake/reconstructed/ is added")
    remake.add_argument("--encoder", type=Path, required=True, metavar="NPZ", help="weights of a taesd encoder")
    remake.add_argument("--decoder", type=Path, required=True, metavar="NPZ", help="weights of its decoder")
    remake.add_argument("--smallest", type=int, default=384, metavar="PX", help="skip pictures with a shorter side")
    remake.add_argument("--limit", type=int, default=0, metavar="N", help="take at most N pictures a folder")
    remake.set_defaults(run=_reconstruct)


def _train(options: argparse.Namespace) -> int:
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


def _train_video(options: argparse.Namespace) -> int:
    """Trains a temporal head for a release."""
    from deepley.training.release import model_card
    from deepley.training.video import pipeline

    trained = pipeline.train(options.data, options.release, options.origin, options.limit)
    print(model_card.comparison(trained.rows, model_card.FURTHER["clips"][1]))
    print(f"The temporal head is {trained.path}; {trained.lost} photos were left out, as their faces were lost.")
    return 0


def _collect(options: argparse.Namespace) -> int:
    """Cuts aligned faces out of photos."""
    from deepley.training.data.collect import collect

    for name, reason in collect(options.photos, options.out, options.limit, options.skip):
        print(f"skipped {name}: {reason}", file=sys.stderr)
    return 0


def _reconstruct(options: argparse.Namespace) -> int:
    """Makes reconstructed fakes of a folder's real faces."""
    from deepley.training.data.reconstruction import reconstruct

    for name, reason in reconstruct(options.data, options.encoder, options.decoder, options.smallest, options.limit):
        print(f"skipped {name}: {reason}", file=sys.stderr)
    return 0
