"""A scan from start to end: each slice becomes a part beside the output; the parts are joined when all are there."""

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
from deepley.scan.rows import SCHEMA, VERSION, Row
from deepley.scan.slices import Slice
from deepley.scan.sources import slices

ENGINES = {"plain": "deepley.scan.plain", "ray": "deepley.scan.cluster"}
"""Modules of the engines by name, imported only when they are used: Ray need not be installed."""

_GROUP = 16_384
"""Smallest number of rows in a row group of the output."""


class ScanError(Refusal):
    """A scan that cannot start or go on; the message is one sentence for a person."""


@dataclass(frozen=True)
class Found:
    """The result of a scan.

    Attributes:
        photos: Number of rows of the output.
        errors: Number of rows whose photo could not be checked.
        kept: Number of rows that an earlier run had finished.
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

    Finished slices lie in the folder .OUT.parts beside the output while the scan runs. If it is ended early, the same
    call goes on from there, and the output is the same as that of a scan without interruption.

    Args:
        source: Source as `sources.slices` takes it.
        out: Parquet file to be written, with the suffix .parquet; it must not exist.
        release: Folder of the release.
        engine: Name of the engine, "plain" or "ray".
        workers: Number of processes or actors; None takes as many as this machine or cluster can run.
        progress: Function that is called with a number of photos: those just checked, or finished by an earlier run.

    Returns:
        Numbers of photos.

    Raises:
        ScanError: If `out` has another suffix, exists, is being written, or was begun with another release; or if the
            source is empty.
        SourceError: If there is no source of that name.
        EngineError: If the engine cannot work.
    """
    if out.suffix != ".parquet":
        raise ScanError(f"A scan writes parquet, and {out} has another suffix: name a file that ends in .parquet.")
    if out.exists():
        raise ScanError(f"{out} exists already: move it away or name another file.")
    run = import_module(ENGINES[engine]).run
    parts = _Parts(out, release)
    with parts.alone():
        for number, rows in run(parts.missing(source, progress), release, workers):
            parts.write(number, rows)
            progress(len(rows))
        return parts.join()


class _Parts:
    """The folder of parts: NUMBER.parquet for each finished slice."""

    def __init__(self, out: Path, release: Path) -> None:
        self._out = out
        self._folder = out.with_name(f".{out.name}.parts")  # hidden: a source that holds it does not list it
        self._metadata = _metadata(release)
        self._slices, self._kept = 0, 0
        self._digests: dict[int, str] = {}

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Locks the folder against a second scan; removes it afterwards if it holds no part.

        Raises:
            ScanError: If another scan has locked it.
        """
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
        """Lists the slices of a source that have no part yet.

        Args:
            source: Source as `sources.slices` takes it.
            progress: Function that is called with the number of photos of each slice that has a part.

        Yields:
            The number of a slice, and the slice.

        Raises:
            ScanError: If a part was made with another release or version.
            SourceError: If there is no source of that name.
        """
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
            metadata = pq.read_metadata(self._part(number)).metadata
        except FileNotFoundError:
            return False
        except (pa.ArrowException, OSError):  # a damaged part is made again
            return False
        for name in ("deepley.schema", "deepley.release_digest"):
            if metadata.get(name.encode(), b"").decode() != self._metadata[name]:
                raise ScanError(
                    f"{self._folder} was begun with another release or version: finish it with that, or remove it."
                )
        return bool(metadata[b"deepley.slice"].decode() == one.digest)

    def write(self, number: int, rows: list[Row]) -> None:
        """Writes the part of a slice."""
        schema = SCHEMA.with_metadata({**self._metadata, "deepley.slice": self._digests.pop(number)})
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema), sink)
        write(self._part(number), sink.getvalue())

    def join(self) -> Found:
        """Joins the parts into the output, and removes them.

        Raises:
            ScanError: If the source had no slice.
        """
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
