"""The engine for many machines: a Ray Data pipeline with one actor for each GPU or, without GPUs, for each core.

Every machine must have this program, the source and the release under the same paths. Ray restarts an actor that died
and gives its slice to another; a slice comes back complete or not at all.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import logging
import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from deepley.config import ROOT
from deepley.scan import plain
from deepley.scan.plain import EngineError
from deepley.scan.rows import Row
from deepley.scan.slices import Slice, line

if TYPE_CHECKING:
    import numpy as np

_WINDOW = 1024
"""Slices for each actor that are listed at a time, so that the list of a long source is never in memory."""

_STORE = 256_000_000
"""Object store of a local cluster, in bytes. Names and rows pass through it, but no photos."""

_RETRIES = 3
"""Number of times that a slice is tried again after its actor died."""


def run(
    slices: Iterator[tuple[int, Slice]], release: Path, workers: int | None = None
) -> Iterator[tuple[int, list[Row]]]:
    """Like `plain.run`, on Ray: the cluster that RAY_ADDRESS names, else a local one, which is started if needed.

    Args:
        slices: Slices with their numbers.
        release: Folder of the release.
        workers: Number of actors; None takes one for each GPU or core.

    Yields:
        The number of a slice and its rows in order; slices come in the order in which they are finished.

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
        # One photo of a slice may kill every actor: the plain engine gives up that photo alone.
        yield from plain.run(iter(window.items()), release, 1)


class _Actor:
    """`Checker` in the form that Ray Data calls: a batch of one pickled slice in, a batch of its pickled rows out."""

    def __init__(self, release: Path, folder: Path, gpu: bool) -> None:
        with contextlib.suppress(OSError):  # the folder may be missing: absolute names do not need it
            os.chdir(folder)
        try:
            from deepley.scan.operator import Checker, one_core  # here, so that the driver does not load TensorFlow

            if not gpu:
                one_core()
            self._checker, self._refused = Checker(release), ""
        except (ValueError, ImportError) as error:  # if this were raised, Ray would start another actor, for ever
            self._refused = str(error)

    def __call__(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray | list[bytes] | list[str]]:
        rows = [] if self._refused else list(self._checker(pickle.loads(batch["slice"][0]).items()))
        return {"number": batch["number"], "rows": [pickle.dumps(rows)], "refused": [self._refused]}


def _ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # by default Ray reports to its makers
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise EngineError("Ray is not installed: pip install -r requirements-ray.txt.") from error
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if not ray.is_initialized():
        python_path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        init = functools.partial(
            ray.init,
            logging_level=logging.ERROR,
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": python_path}},
        )
        try:
            init(address="auto")
        except ConnectionError:
            if "RAY_ADDRESS" in os.environ:
                raise EngineError(f"There is no Ray at {os.environ['RAY_ADDRESS']}.") from None
            try:
                init(address="local", include_dashboard=False, object_store_memory=_STORE)
            except Exception as error:  # Ray has no type for a start that takes too long, on a busy machine
                raise EngineError(f"Ray could not be started here: {line(error)}.") from error
    return ray
