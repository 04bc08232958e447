"""The command `evaluate`: measures a release."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from deepley.cli.parsing import Commands
from deepley.config import DEFAULT_RELEASE
from deepley.errors import Refusal


def add(added: Commands) -> None:
    """Adds `evaluate` to the parser."""
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
    evaluate.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    """Scores aligned faces, under treatments and on further sets if asked for."""
    from deepley.training.release import evaluate
    from deepley.training.release.model_card import tables

    if options.trained and not options.sets:
        raise Refusal("--trained is for --sets: it says which of their pictures to leave out.")
    found = evaluate.evaluate(options.release, options.data, options.robustness, options.sets, options.trained)
    if options.store:
        evaluate.store(found, options.release)
    for name, reason in found.unreadable:
        print(f"skipped {name}: {reason}", file=sys.stderr)
    for name, figures in (found.elsewhere or {}).items():
        if figures is None:
            print(f"{name}: nothing left to score", file=sys.stderr)
        elif figures.get("copies_left_out"):
            print(f"{name}: {figures['copies_left_out']} near-copies of training pictures left out", file=sys.stderr)
    print(json.dumps(found.to_json(), indent=1) if options.json else tables({"sets": found.sets, **found.further}))
    return int(bool(found.unreadable))
