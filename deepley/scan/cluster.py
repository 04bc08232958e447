"""The engine of many machines: the same operator as a Ray Data pipeline, one actor a GPU or, without any, a core.

Every machine must find this program, source and release under the same path. Ray restarts an actor that died and gives
its slice to another; a slice comes back whole or not at all.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from deepley.config import ROOT
from deepley.scan import plain
from deepley.scan.plain import EngineError
from deepley.scan.slices import Slice, line

"""Where this program lies, so that actors find it."""

_WINDOW = 1024
"""Slices an actor that are listed at a time, so that the list of a long source never lies in memory."""

_STORE = 256_000_000
"""Bytes of the object store of a Ray that is started here; names and rows pass through it, no photo."""

_RETRIES = 3
"""Times that a slice is tried again after its actor died."""


def run(slices: Iterator[tuple[int, Slice]], release: Path, workers: int | None = None) -> Iterator[tuple[int, list]]:
    """As `plain.run`, on the Ray that runs on this machine or that RAY_ADDRESS names; else one is started here.

    Args:
        slices: Each with its number.
        release: A release folder.
        workers: Actors; None takes one a GPU or core.

    Raises:
        EngineError: If Ray is not installed or cannot be started, or the release cannot be loaded.
    """
    ray = _ray()
    kinds = ray.cluster_resources()
    kind = "GPU" if kinds.get("GPU") else "CPU"
    actors = workers or max(1, int(kinds.get(kind, 1)))
    while window := dict(itertools.islice(slices, _WINDOW * actors)):
        work = [{"number": number, "slice": pickle.dumps(one)} for number, one in window.items()]
        pipeline = ray.data.from_items(work, override_num_blocks=len(work)).map_batches(
            _Actor,
            batch_size=1,
            fn_constructor_args=(release.resolve(), Path.cwd(), kind == "GPU"),
            concurrency=actors,
            max_task_retries=_RETRIES,
            **{f"num_{kind.lower()}s": 1},
        )
        pipeline.context.max_errored_blocks = -1
        for row in pipeline.iter_rows():
            if row["refused"]:
                raise EngineError(row["refused"])
            if window.pop(row["number"], None):
                yield row["number"], pickle.loads(row["rows"])
        # What kills every actor may be one photo of a slice: here that photo alone is given up.
        yield from plain.run(iter(window.items()), release, 1)


class _Actor:
    """`Checker`, as Ray Data calls it: batches of one pickled slice in, of its pickled rows out."""

    def __init__(self, release: Path, folder: Path, gpu: bool) -> None:
        with contextlib.suppress(OSError):  # where all names are absolute it need not be there
            os.chdir(folder)
        try:
            from deepley.scan.operator import Checker, one_core  # here, so that the driver stays without TensorFlow

            if not gpu:
                one_core()
            self._checker, self._refused = Checker(release), ""
        except (ValueError, ImportError) as error:  # raised here, Ray would start another actor, for ever
            self._refused = str(error)

    def __call__(self, batch: dict) -> dict:
        rows = [] if self._refused else list(self._checker(pickle.loads(batch["slice"][0]).items()))
        return {"number": batch["number"], "rows": [pickle.dumps(rows)], "refused": [self._refused]}


def _ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # else it reports to its makers
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise EngineError("Ray is not installed: pip install -r requirements-ray.txt.") from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if not ray.is_initialized():
        python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        options = {
            "logging_level": logging.ERROR,
            "log_to_driver": False,
            "runtime_env": {"env_vars": {"PYTHONPATH": python_path}},
        }
        try:
            ray.init(address="auto", **options)
        except ConnectionError:
            if "RAY_ADDRESS" in os.environ:
                raise EngineError(f"There is no Ray at {os.environ['RAY_ADDRESS']}.") from None
            try:
                ray.init(address="local", include_dashboard=False, object_store_memory=_STORE, **options)
            except Exception as error:  # a start that takes too long, on a busy machine, has no type of its own
                raise EngineError(f"Ray could not be started here: {line(error)}.") from error
    return ray
