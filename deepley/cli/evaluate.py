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
