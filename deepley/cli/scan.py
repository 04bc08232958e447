"""The command `scan`: checks very many photos."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deepley.cli.parsing import Commands
from deepley.config import DEFAULT_RELEASE


def add(added: Commands) -> None:
    """Adds `scan` to the parser."""
    scan = added.add_parser("scan", help="check very many photos; writes a parquet file")
    scan.add_argument("source", metavar="SOURCE", help="a folder, tar or parquet file, a pattern of them, or @LIST")
    scan.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="a parquet file with one row for each photo"
    )
    scan.add_argument("--engine", choices=["plain", "ray"], default="plain", help="ray: a cluster, or GPUs")
    scan.add_argument(
        "--workers", type=int, metavar="N", help="processes, 1 GB each; by default one for each core or GPU"
    )
    scan.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="a release folder")
    scan.set_defaults(run=_scan)


def _scan(options: argparse.Namespace) -> int:
    """Checks all photos of a source and writes the verdicts into a parquet file."""
    from tqdm import tqdm

    from deepley.scan.run import scan

    try:
        with tqdm(unit=" photos", disable=None) as bar:
            found = scan(options.source, options.out, options.release, options.engine, options.workers, bar.update)
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return 130
    kept = f", {found.kept} of them by an earlier run" if found.kept else ""
    print(f"{options.out}: {found.photos} photos{kept}; {found.errors} could not be checked.")
    return 0
