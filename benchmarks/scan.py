"""Measures the rate and the memory of `scan`, plain and with Ray, against `check` and a bare forward pass.

    python -m benchmarks.scan [--images 1000 5000 20000] [--workers N] [--release DIR | --micro]

The photos are 256 px JPEGs of scikit-image's astronaut, each moved, mirrored and compressed differently, in one tar.
The rate of a scan is measured after every process has finished its first slice, so that start-up does not count. Its
memory is the largest sum of the proportional set sizes (PSS) of its process and all processes below. The forward pass
(the network alone, one face per photo, on all cores) is timed before and after each scan, and `check` once per size;
ratios compare measurements that are close in time. Both engines must give the same evidence in the same order. --micro
uses a network of six thousand random weights, which shows the cost of a scan without its network and whether its memory
grows with its length.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq
import skimage.data
from PIL import Image

from deepley.config import DEFAULT_RELEASE, MICRO_BATCH
from deepley.network import model, release
from deepley.photo import faces
from deepley.recipes import ModelConfig
from deepley.records import SCHEMA_VERSION, to_json
from deepley.scan.plain import processes
from deepley.scan.run import scan
from deepley.scan.slices import PART
from deepley.scan.sources import slices
from deepley.verdict import batch
from deepley.verdict.calibration import Calibration
from deepley.verdict.detector import Detector

_LEAST = 8
"""Smallest number of slices for each process: Ray hands several over at once, so a rate over fewer means nothing."""


def write_photos(tar: Path, count: int) -> None:
    """Writes a tar of `count` different photos."""
    astronaut, rng = skimage.data.astronaut(), np.random.default_rng(count)
    with tarfile.open(tar, "w") as archive:
        for i in range(count):
            x, y = rng.integers(64, 128), rng.integers(0, 32)
            pixels = astronaut[y : y + 256, x : x + 256][:, :: rng.choice([1, -1])]
            data = io.BytesIO()
            Image.fromarray(pixels).save(data, "JPEG", quality=int(rng.integers(80, 96)))
            info = tarfile.TarInfo(f"{i:06}.jpg")
            info.size = data.tell()
            data.seek(0)
            archive.addfile(info, data)


def micro(folder: Path) -> Path:
    """Writes a release of the smallest network with random weights."""
    config = ModelConfig(backbone="micro", dense=(8, 4))
    details = {"name": "micro", "calibration": to_json(Calibration())}
    release.save(folder, model.build(config), config, details)
    return folder


def timed_scan(tar: Path, out: Path, folder: Path, engine: str, workers: int) -> list[tuple[float, int]]:
    """Runs a scan and returns (time, finished photos) of each step; it runs in a process whose memory is measured."""
    steps = [(time.perf_counter(), 0)]
    scan(str(tar), out, folder, engine, workers, lambda photos: steps.append((time.perf_counter(), photos)))
    if engine == "ray":
        import ray

        ray.shutdown()
    return steps


def measure_scan(tar: Path, out: Path, folder: Path, engine: str, workers: int) -> dict[str, float]:
    """The photos per second, the seconds until every process had finished a slice, and the peak memory in bytes."""
    peak = 0
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        running = pool.submit(timed_scan, tar, out, folder, engine, workers)
        (process,) = multiprocessing.active_children()
        while not running.done():
            peak = max(peak, memory(psutil.Process(process.pid)))
            time.sleep(0.5)
        steps = running.result()
    (start, _), (ready, _), (end, _) = steps[0], steps[workers], steps[-1]
    photos = sum(count for _, count in steps[workers + 1 :])
    return {"per_second": photos / (end - ready), "seconds_to_start": ready - start, "peak_bytes": peak}


def memory(process: psutil.Process) -> int:
    """The proportional set size of a process and all processes below it, in bytes."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_full_info().pss
        except psutil.Error:  # it ended
            continue
    return total


def forward(detector: Detector, crop: np.ndarray, seconds: float = 3) -> float:
    """The faces per second of the network alone."""
    batch, done, start = np.stack([crop] * MICRO_BATCH), 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        detector.engine.score(batch)
        done += MICRO_BATCH
    return done / (time.perf_counter() - start)


def check(detector: Detector, tar: Path, seconds: float = 10) -> float:
    """The photos per second of `check` in this process."""
    done, start = 0, time.perf_counter()
    items = (batch.Item(*item) for one in slices(str(tar)) for item in one.items())
    for _ in batch.check(detector, items):
        done += 1
        if time.perf_counter() - start > seconds:
            break
    return done / (time.perf_counter() - start)


def measure(count: int, engines: list[str], workers: int, detector: Detector, folder: Path) -> dict[str, Any]:
    """Measures every engine, `check` and the forward pass on `count` photos."""
    tar = folder / "photos.tar"
    write_photos(tar, count)
    crop = faces.find(skimage.data.astronaut())[0].crop
    found: dict[str, Any] = {"images": count, "check": {"per_second": check(detector, tar)}}
    tables = []
    found["check"]["over_forward"] = found["check"]["per_second"] / forward(detector, crop)
    for engine in engines:
        before = forward(detector, crop)
        out = folder / f"{engine}.parquet"
        one = measure_scan(tar, out, detector.release.folder, engine, workers)
        bare = (before + forward(detector, crop)) / 2
        found[engine] = {**one, "over_forward": one["per_second"] / bare}
        tables.append(pq.read_table(out, columns=["path", "evidence"]))
        out.unlink()
        print(
            f"{count:7} images, {engine:5}: {one['per_second']:6.2f} a second, {one['per_second'] / bare:.3f} of the "
            f"forward pass, {one['peak_bytes'] / 1e6:.0f} MB, began after {one['seconds_to_start']:.0f} s",
            flush=True,
        )
    assert all(table.equals(tables[0]) and len(table) == count for table in tables)
    return found


def main() -> None:
    """Prints a line for each scan and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[1000, 5000, 20000])
    parser.add_argument("--workers", type=int, default=processes())
    network = parser.add_mutually_exclusive_group()
    network.add_argument("--release", type=Path, default=DEFAULT_RELEASE)
    network.add_argument("--micro", action="store_true", help="the smallest network instead of a release")
    options = parser.parse_args()
    if min(options.images) < (least := _LEAST * PART * options.workers):
        parser.error(f"--images must be {least} or more: the first {PART} of a process are not timed.")
    engines = ["plain", "ray"] if find_spec("ray") else ["plain"]
    with tempfile.TemporaryDirectory() as kept:
        folder = Path(kept)
        detector = Detector(micro(folder / "micro") if options.micro else options.release)
        detector.warm_up()
        detector.engine.score(np.zeros((MICRO_BATCH, 256, 256, 3), np.uint8))  # compiled before it is timed
        sizes = [measure(count, engines, options.workers, detector, folder) for count in options.images]
    summary = {
        "schema": SCHEMA_VERSION,
        "release": detector.release.name,
        "workers": options.workers,
        "sizes": sizes,
    }
    for engine in engines:
        peaks = [size[engine]["peak_bytes"] for size in sizes]
        summary[f"{engine}_memory_last_over_first"] = peaks[-1] / peaks[0]
        summary[f"{engine}_over_check"] = [
            size[engine]["over_forward"] / size["check"]["over_forward"] for size in sizes
        ]
    if "ray" in engines:
        summary["ray_over_plain"] = [size["ray"]["over_forward"] / size["plain"]["over_forward"] for size in sizes]
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
