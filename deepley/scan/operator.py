"""The operator of a scan, on any core or machine: photos of a slice in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import tensorflow as tf

from deepley.scan import rows
from deepley.scan.rows import Row
from deepley.scan.slices import Item
from deepley.verdict import batch, record
from deepley.verdict.detector import Detector


class Checker:
    """The operator of every engine: it loads a release once, then turns items into rows.

    Args:
        release: Folder of the release.

    Raises:
        WeightsError: If the release cannot be used.
    """

    def __init__(self, release: Path) -> None:
        self._detector = Detector(release)

    def __call__(self, items: Iterable[Item]) -> Iterator[Row]:
        """Checks items; whatever is wrong with one of them, it gets a row.

        Args:
            items: Names and readers of photos.

        Yields:
            One row an item, in order.
        """
        for row in batch.check(self._detector, (batch.Item(*item) for item in items)):
            result = batch.to_json(row, self._detector)
            yield rows.checked(result, record.evidence(result), record.strongest(result["faces"]))


def one_core() -> None:
    """Limits this process to one core; it must be called before TensorFlow runs.

    One process for each core is faster than threads that wait for each other (`plain_over_check` of `benchmarks.scan`
    is the gain).
    """
    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
