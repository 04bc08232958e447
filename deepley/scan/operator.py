"""What a scan does to photos, on whatever core or machine: a slice's items in, rows out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import tensorflow as tf

from deepley.scan import rows
from deepley.scan.slices import Item
from deepley.verdict import batch, record
from deepley.verdict.detector import Detector


class Checker:
    """The operator of every engine: loads a release once, then turns items into rows.

    Args:
        release: A release folder.

    Raises:
        WeightsError: If the release cannot be used.
    """

    def __init__(self, release: Path) -> None:
        self._detector = Detector(release)

    def __call__(self, items: Iterable[Item]) -> Iterator[dict]:
        """One row of `rows.SCHEMA` an item, whatever is wrong with it."""
        for row in batch.check(self._detector, (batch.Item(*item) for item in items)):
            result = batch.to_json(row, self._detector)
            yield rows.checked(result, record.evidence(result), record.strongest(result["faces"]))


def one_core() -> None:
    """Keeps this process to one core, before TensorFlow has begun: a process a core, in place of threads that wait for
    each other (`plain_over_check` of `benchmarks.scan` is the gain).
    """
    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
