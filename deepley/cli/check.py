"""The command `check`: checks photos and clips."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from deepley.cli.parsing import Commands
from deepley.config import DEFAULT_RELEASE
from deepley.errors import Refusal

if TYPE_CHECKING:
    import numpy as np

    from deepley.verdict.detector import Detector

Result: TypeAlias = dict[str, Any]
"""The verdict on one file, as `docs/check.schema.json` describes it, with its `path`."""


def add(added: Commands) -> None:
    """Adds `check` to the parser."""
    check = added.add_parser("check", help="check photos and clips")
    check.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a photo, a clip, or a folder of them")
    check.add_argument("--json", action="store_true", help="print a JSON list, one object a file")
    check.add_argument(
        "--heatmaps", type=Path, metavar="DIR", help="write a picture with heatmaps for each photo with a face"
    )
    check.add_argument("--release", type=Path, default=DEFAULT_RELEASE, help="a release folder")
    check.set_defaults(run=_check)


def _check(options: argparse.Namespace) -> int:
    """Checks photos and clips, and prints the verdicts."""
    from deepley.verdict import batch
    from deepley.verdict.detector import Detector
    from deepley.video import record as clips

    paths = _found(options.paths)
    if not paths:
        raise Refusal(f"There is no photo and no clip in {options.paths[0]}.")
    detector = Detector(options.release)
    results: list[Mapping[str, Any]] = []
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
    """Whether a file is a clip, by its name; a GIF is one if it is animated."""
    from PIL import Image

    from deepley.video import reader

    if path.suffix.lower() != ".gif":
        return path.suffix.lower() in reader.SUFFIXES
    try:
        with Image.open(path, formats=["GIF"]) as image:
            return bool(getattr(image, "is_animated", False))
    except Exception:  # Pillow's parsers raise anything; the photo's decoder says what is wrong
        return False


def _check_clip(path: Path, detector: Detector) -> Result:
    from deepley.video import record
    from deepley.video.reader import VideoError
    from deepley.video.watcher import Watcher

    watcher = Watcher(detector)
    try:
        found = record.to_json(watcher.check(path), watcher)
    except VideoError as error:
        found = record.to_json(None, watcher, str(error))
    except Exception as error:  # a file that breaks FFmpeg or OpenCV must not keep the others from a check
        found = record.to_json(None, watcher, f"It could not be checked ({type(error).__name__}): save it anew as MP4.")
    return {"path": str(path), **found}


def _write_overlay(path: Path, pixels: np.ndarray) -> None:
    import io

    from PIL import Image

    from deepley.host.files import write

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    write(path, buffer.getvalue())


def _line(result: Mapping[str, Any]) -> str:
    if result["error"]:
        return f"{result['path']}: error: {result['error']}"
    if result["reason"]:
        return f"{result['path']}: not applicable: {result['reason']}"
    faces = "; ".join(f"{face['evidence']} (score {face['score']:.3f})" for face in result["faces"])
    return f"{result['path']}: evidence of manipulation: {faces}"
