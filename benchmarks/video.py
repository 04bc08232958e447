"""Times the stages of checking a 720p clip against decoding alone, and how the time grows with the length of the clip.

    python -m benchmarks.video [--release DIR] [--seconds 10 30 60] [--clips DIR]

The clips are made with PyAV: scikit-image's astronaut sways before a noisy wall, 1280 x 720 at 25 frames per second,
H.264; one more has the length of the last and 1920 x 1080. `--clips` checks every clip of a folder instead. After
start-up, each file is decoded alone and then checked as page and command line check it, with a stopwatch around every
stage. The last line is one JSON object. It has, for each clip, its `seconds` and `pairs` of sampled frames, the sampled
`frames_a_second`, `over_decoding` (the time of the check over that of decoding), the `shares` of the stages, and
`peak_bytes` (the most memory that the process has used so far); and `growth`, the time per second of the longest 720p
clip over that of the shortest, which is 1 if the cost is linear.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import av
import cv2
import numpy as np
import skimage.data

from deepley.config import DEFAULT_RELEASE, VideoLimits
from deepley.engine.tensorflow import TensorFlowEngine
from deepley.photo import faces
from deepley.records import SCHEMA_VERSION
from deepley.verdict.detector import Detector
from deepley.video import changes, reader, tracks
from deepley.video.watcher import Watcher

RATE, LIMITS = 25, VideoLimits()

Step = TypeVar("Step")

STAGES = {
    "decoding": (reader, "read"),
    "face detection": (faces, "find_many"),
    "alignment": (faces, "align"),
    "tracking": (tracks.Tracker, "follow"),
    "network": (TensorFlowEngine, "explain"),
    "temporal features": (changes, "features"),
}
"""Timed functions; the time of a stage excludes that of other stages that it calls."""


class Stopwatch:
    """Measures the seconds spent in each stage, without those in stages that it calls."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times the code inside the context."""
        self._switch(lambda: self._running.append(name))
        try:
            yield
        finally:
            self._switch(self._running.pop)

    def _switch(self, to: Callable[[], object]) -> None:
        """Ends the time of the running stage and starts that of another."""
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        to()
        self._since = now

    def around(self, name: str, function: Callable[..., object]) -> Callable[..., object]:
        """A function with its time measured; of a generator, each step is measured."""

        def timed(*given: object, **named: object) -> object:
            with self.stage(name):
                result = function(*given, **named)
            return self._steps(name, result) if isinstance(result, Iterator) else result

        return timed

    def _steps(self, name: str, steps: Iterator[Step]) -> Generator[Step, None, object]:
        while True:
            try:
                with self.stage(name):
                    step = next(steps)
            except StopIteration as end:
                return end.value
            yield step


def film(path: Path, seconds: float, height: int = 720) -> None:
    """Writes a 16:9 clip of the swaying astronaut, whose face is about a fifth of the height wide."""
    width = height * 16 // 9
    rng = np.random.default_rng(0)
    grain = rng.normal(0, 4, (height + 64, width + 64, 3)).astype(np.int16)
    person = cv2.resize(skimage.data.astronaut(), (height, height), interpolation=cv2.INTER_CUBIC)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "23", "preset": "veryfast"}
        for i in range(round(seconds * RATE)):
            x, y = (width - height) // 2 + round(height / 6 * np.sin(i / 25)), round(20 * np.sin(i / 17))
            frame = np.full((height, width, 3), 120, np.int16)
            frame[:, x : x + height] = np.roll(person, y, axis=0)
            down, across = rng.integers(64, size=2)
            frame += grain[down : down + height, across : across + width]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame.clip(0, 255).astype(np.uint8), "rgb24")))
        container.mux(stream.encode())


def decode(path: Path) -> float:
    """The seconds of decoding the part that a check reads."""
    start = time.perf_counter()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        began = None
        for count, frame in enumerate(container.decode(video=0)):
            began = frame.time if began is None else began
            if frame.time - began > LIMITS.max_seconds or count >= LIMITS.max_frames:
                break
    return time.perf_counter() - start


def measure(path: Path, watcher: Watcher) -> dict[str, Any]:
    """Decodes a clip, then checks it, and returns the figures of the module's docstring."""
    alone, watch = decode(path), Stopwatch()
    with contextlib.ExitStack() as patched:
        for name, (where, what) in STAGES.items():
            patched.enter_context(patch.object(where, what, watch.around(name, getattr(where, what))))
        start = time.perf_counter()
        verdict = watcher.check(path)
        total = time.perf_counter() - start
    stages = {name: watch.seconds[name] for name in STAGES}
    stages["overlay and the rest"] = total - sum(stages.values())
    length, pairs = verdict.reading.end - verdict.reading.start, len(verdict.shown)
    return {
        "clip": path.name,
        "seconds": round(length, 2),
        "pairs": pairs,
        "frames_a_second": round(2 * pairs / total, 2),
        "check_seconds": round(total, 2),
        "over_decoding": round(total / alone, 2),
        "shares": {name: round(spent / total, 3) for name, spent in stages.items()},
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> None:
    """Prints a line for each clip and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--release", type=Path, default=DEFAULT_RELEASE)
    parser.add_argument(
        "--seconds", type=float, nargs="+", default=[10, 30, 60], help="lengths of the clips that are made"
    )
    parser.add_argument("--clips", type=Path, metavar="DIR", help="check the clips of this folder instead")
    options = parser.parse_args()
    watcher = Watcher(Detector(options.release))
    with tempfile.TemporaryDirectory() as folder:
        film(Path(folder) / "first.mp4", 1)
        watcher.check(Path(folder) / "first.mp4")  # the first call builds graphs
        if options.clips:
            paths = sorted(path for path in options.clips.iterdir() if path.suffix.lower() in reader.SUFFIXES)
        else:
            paths = [Path(folder) / f"{seconds:g}s.mp4" for seconds in options.seconds]
            for path, seconds in zip(paths, options.seconds):
                film(path, seconds)
            paths.append(Path(folder) / f"{options.seconds[-1]:g}s-1080p.mp4")
            film(paths[-1], options.seconds[-1], 1080)
        found = [measure(path, watcher) for path in paths]
    for each in found:
        print(f"{each['clip']}: {each['pairs']} pairs, {each['frames_a_second']} frames a second, ", end="")
        print(f"{each['over_decoding']} times decoding alone; ", end="")
        print(", ".join(f"{name} {share:.0%}" for name, share in each["shares"].items()), end="; ")
        print(f"{each['peak_bytes'] / 1e6:.0f} MB")
    timed = sorted(found if options.clips else found[:-1], key=lambda each: each["seconds"])
    costs = [each["check_seconds"] / each["seconds"] for each in timed]
    print(json.dumps({"schema": SCHEMA_VERSION, "growth": round(costs[-1] / costs[0], 3), "clips": found}))


if __name__ == "__main__":
    main()
