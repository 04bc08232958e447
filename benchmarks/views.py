"""Compares the rates at which the training process and one process per core draw training views.

    python -m benchmarks.views DIR [--images 1024]

DIR holds aligned faces in real/ and fake/. The views are crops of 224 px with the degradations of the preset `wide`,
without blends, in batches of 64; the processes are started before. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from deepley.records import SCHEMA_VERSION
from deepley.training.data.sources import find
from deepley.training.views.views import Views, drawers, processes

_BATCH = 64


def main() -> None:
    """Prints both rates and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="DIR")
    parser.add_argument("--images", type=int, default=1024, help="number of views drawn in each way")
    options = parser.parse_args()
    sources, rates = tuple(find(options.data)), {}
    for count in (0, processes()):
        with drawers(sources, count) as views:
            _rate(views, 2 * _BATCH * max(1, count), len(sources))
            rates[count] = _rate(views, options.images, len(sources))
        print(f"{count or 'no further'} processes: {rates[count]:.0f} views per second")
    alone, together = rates.values()
    result = {"schema": SCHEMA_VERSION, "processes": processes(), "views_a_second": [alone, together]}
    print(json.dumps(result | {"times_as_fast": round(together / alone, 2)}))


def _rate(views: Views, count: int, sources: int) -> float:
    """The number of views per second when several threads ask for them, as Keras does."""
    batches = [np.arange(start, start + _BATCH) % sources for start in range(0, count, _BATCH)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(views.at_once) as threads:
        list(threads.map(lambda indices: views.draw(indices, (0,), 224, "wide"), batches))
    return round(len(batches) * _BATCH / (time.perf_counter() - begun), 1)


if __name__ == "__main__":
    main()
