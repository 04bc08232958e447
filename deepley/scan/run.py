"""A scan from start to end: parts beside the output, one a slice, which are joined when all are there."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from deepley.errors import Refusal
from deepley.host.files import whole, write
from deepley.network import files
from deepley.scan.rows import SCHEMA, VERSION
from deepley.scan.slices import Slice
from deepley.scan.sources import slices

ENGINES = {"plain": "deepley.scan.plain", "ray": "deepley.scan.cluster"}

_GROUP = 16_384
"""Rows of a row group of the output."""


class ScanError(Refusal):
    """A scan that cannot begin or go on; the message is one sentence for a person."""


@dataclass(frozen=True)
class Found:
    """What a scan came to.

    Attributes:
        photos: Rows of the output.
        errors: Of those, rows whose photo could not be checked.
        kept: Of those, rows that an earlier run had left.
    """

    photos: int
    errors: int
    kept: int


def scan(
    source: str,
    out: Path,
    release: Path,
    engine: str = "plain",
    workers: int | None = None,
    progress: Callable[[int], object] = lambda photos: None,
) -> Found:
    """Checks a source and writes one parquet file, with the columns `rows.SCHEMA`, in the order of the source.

    While it runs, what is done lies in .OUT.parts beside it; if it is ended there, the same call goes on, and the file
    comes out as if it had never been.

    Args:
        source: See `sources.slices`.
        out: The parquet file, named .parquet; there is none of that name.
        release: A release folder.
        engine: "plain" or "ray".
        workers: Processes or actors; None takes what there is.
        progress: Called with the number of photos just done, or found done.

    Raises:
        ScanError: If `out` is named otherwise, is there, is being written, or was begun with another release; or the
            source is empty.
        SourceError: See `sources.slices`.
        EngineError: If the engine cannot work.
    """
    if out.suffix != ".parquet":
        raise ScanError(f"A scan writes parquet, and {out} is not named so: name a file that ends in .parquet.")
    if out.exists():
        raise ScanError(f"{out} is there already: move it away or name another file.")
    run = import_module(ENGINES[engine]).run
    parts = _Parts(out, release)
    with parts.alone():
        for number, rows in run(parts.missing(source, progress), release, workers):
            parts.write(number, rows)
            progress(len(rows))
        return parts.join()


class _Parts:
    """The folder of parts: NUMBER.parquet for each slice that is done."""

    def __init__(self, out: Path, release: Path) -> None:
        self._out = out
        self._folder = out.with_name(f".{out.name}.parts")  # hidden: a source that holds it does not list it
        self._metadata = _metadata(release)
        self._slices, self._kept, self._digests = 0, 0, {}

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keeps a second scan away; leaves no folder behind in which there is no part."""
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise ScanError(f"Another scan is writing {self._out}.") from error
        try:
            yield
        finally:
            if not any(self._folder.glob("*.parquet")):
                shutil.rmtree(self._folder, ignore_errors=True)
            lock.release()

    def missing(self, source: str, progress: Callable[[int], object]) -> Iterator[tuple[int, Slice]]:
        """The slices of a source, numbered, that no part answers."""
        for number, one in enumerate(slices(source)):
            self._slices = number + 1
            if self._is_done(number, one):
                self._kept += len(one)
                progress(len(one))
            else:
                self._digests[number] = one.digest
                yield number, one

    def _is_done(self, number: int, one: Slice) -> bool:
        try:
            found = pq.read_metadata(self._part(number)).metadata
        except FileNotFoundError:
            return False
        except (pa.ArrowException, OSError):  # a disk that failed: it is simply made again
            return False
        for name in ("deepley.schema", "deepley.release_digest"):
            if found.get(name.encode(), b"").decode() != self._metadata[name]:
                raise ScanError(
                    f"{self._folder} was begun with another release or version: finish it with that, or remove it."
                )
        return found[b"deepley.slice"].decode() == one.digest

    def write(self, number: int, rows: list[dict]) -> None:
        """Stores the rows of a slice."""
        schema = SCHEMA.with_metadata({**self._metadata, "deepley.slice": self._digests.pop(number)})
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema), sink)
        write(self._part(number), sink.getvalue())

    def join(self) -> Found:
        """Makes the parts into the output, and removes them."""
        if not self._slices:
            raise ScanError("There is no photo in this source.")
        photos, errors, held = 0, 0, []
        schema = SCHEMA.with_metadata(self._metadata)
        with whole(self._out) as beside, pq.ParquetWriter(beside, schema, compression="zstd") as writer:
            for number in range(self._slices):
                held.append(pq.read_table(self._part(number), schema=SCHEMA))
                photos += len(held[-1])
                errors += len(held[-1]) - held[-1]["error"].null_count
                if sum(map(len, held)) >= _GROUP or number == self._slices - 1:
                    writer.write_table(pa.concat_tables(held).replace_schema_metadata(self._metadata))
                    held = []
        for part in self._folder.glob("*.parquet"):
            part.unlink()
        return Found(photos, errors, self._kept)

    def _part(self, number: int) -> Path:
        return self._folder / f"{number:08}.parquet"


def _metadata(release: Path) -> dict[str, str]:
    try:
        config = json.loads((release / files.CONFIG).read_text())
        name, sha256 = config["name"], config["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScanError(f"{release} holds no release that can be read: name a folder that training wrote.") from error
    return {
        "deepley.schema": str(VERSION),
        "deepley.release": name,
        "deepley.release_sha256": sha256,
        "deepley.release_digest": files.digest(release),
    }
