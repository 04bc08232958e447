"""Whole scans: what they write, and that a kill loses nothing and doubles nothing."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import cv2
import psutil
import pyarrow.parquet as pq
import pytest

from deepley.scan import plain
from deepley.scan.operator import SCHEMA, Checker
from deepley.scan.run import ScanError, scan
from deepley.scan.slices import PART, Files, Slice
from deepley.scan.sources import slices
from deepley.verdict import many
from deepley.verdict.detector import Detector
from tests.conftest import encode


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut):
    """Three slices: a face, a text named .jpg, and what has no face."""
    folder = tmp_path_factory.mktemp("photos")
    small = cv2.resize(astronaut, (96, 96))
    for i in range(2 * PART + 5):
        (folder / f"{i:03}.png").write_bytes(encode(small + i))
    (folder / "000.png").write_bytes(encode(astronaut))
    (folder / "001.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def wanted(photos, micro_release):
    """What `check --json` says of them."""
    detector = Detector(micro_release)
    items = many.collect((str(path), path) for path in sorted(photos.iterdir()))
    return [many.to_json(row, detector) for row in many.check(detector, items)]


def _rows(path):
    return pq.read_table(path).to_pylist(maps_as_pydicts="strict")


def _agree(rows, wanted):
    assert [row["path"] for row in rows] == [result["path"] for result in wanted]
    for row, result in zip(rows, wanted):
        assert (row["error"], row["reason"]) == (result["error"], result["reason"])
        assert row["evidence"] == many.evidence(result)
        assert len(row["faces"]) == len(result["faces"])
        for face, other in zip(row["faces"], result["faces"]):
            assert face.keys() == other.keys()
            assert face["box"] == other["box"]
            assert face["score"] == pytest.approx(other["score"], abs=1e-5)
            assert face["treated"] == pytest.approx(other["treated"], abs=1e-5)
        assert {name: row[name] for name in result["file"] or {}} == (result["file"] or {})
        assert json.loads(row["provenance"] or "null") == result["provenance"]


def test_a_killed_scan_goes_on_and_writes_what_check_says(photos, micro_release, wanted, tmp_path):
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-m", "deepley", "scan", str(photos), "--out", str(out), "--release", str(micro_release)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    parts = tmp_path / "out.parquet.parts"
    deadline = time.monotonic() + 90
    while not list(parts.glob("*.parquet")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    assert not out.exists()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive

    done = sum(pq.read_metadata(part).num_rows for part in parts.glob("*.parquet"))
    seen = []
    found = scan(str(photos), out, micro_release, workers=1, progress=seen.append)
    assert (found.photos, found.errors, found.kept) == (len(wanted), 1, done)
    assert done >= 5
    assert sum(seen) == len(wanted)
    _agree(_rows(out), wanted)
    assert pq.read_schema(out).equals(SCHEMA)
    assert pq.read_schema(out).metadata[b"deepley.release"] == b"micro"
    assert not parts.exists()
    with pytest.raises(ScanError, match="is there already"):
        scan(str(photos), out, micro_release)


class Deadly(Slice):
    """Three photos; whoever reads the middle one is killed."""

    def __init__(self, photo):
        self._photo = photo

    def __len__(self):
        return 3

    def items(self):
        """See `Slice`."""
        yield many.Item("first", lambda: self._photo)
        yield many.Item("deadly", lambda: os.kill(os.getpid(), signal.SIGKILL))
        yield many.Item("last", lambda: self._photo)


def test_a_photo_that_kills_its_process_is_a_row_and_the_others_are_checked(micro_release, photos):
    ((number, rows),) = plain.run(iter([(7, Deadly((photos / "000.png").read_bytes()))]), micro_release, 1)
    assert number == 7
    assert [(row["path"], row["evidence"] == "not checked") for row in rows] == [
        ("first", False),
        ("deadly", True),
        ("last", False),
    ]
    assert "ended twice" in rows[1]["error"]
    assert rows[0]["score"] == rows[2]["score"] is not None


def test_a_release_that_cannot_be_loaded_is_one_sentence(photos, micro_release, tmp_path):
    (tmp_path / "config.json").write_bytes((micro_release / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(plain.EngineError, match=r"model\.safetensors"):
        scan(str(photos), tmp_path / "out.parquet", tmp_path, workers=1)
    assert not (tmp_path / "out.parquet.parts").exists()


def test_what_was_begun_with_another_release_or_is_being_written_is_refused(
    photos, micro_release, tmp_path, monkeypatch
):
    checker, out = Checker(micro_release), tmp_path / "out.parquet"

    def one_part(waiting, release, workers):
        number, one = next(waiting)
        yield number, list(checker(one.items()))
        with pytest.raises(ScanError, match="Another scan"):
            scan(str(photos), out, micro_release)
        raise KeyboardInterrupt

    monkeypatch.setattr(plain, "run", one_part)
    with contextlib.suppress(KeyboardInterrupt):
        scan(str(photos), out, micro_release)
    assert len(list((tmp_path / "out.parquet.parts").glob("*.parquet"))) == 1
    other = tmp_path / "other"
    other.mkdir()
    config = json.loads((micro_release / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"sha256": "0" * 64}))
    with pytest.raises(ScanError, match="begun with another release"):
        scan(str(photos), out, other)


@pytest.mark.parametrize("made", [lambda folder: None, lambda folder: (folder / "notes.txt").write_text("x")])
def test_a_source_without_photos_is_one_sentence(made, micro_release, tmp_path):
    (tmp_path / "photos").mkdir()
    made(tmp_path / "photos")
    with pytest.raises(ScanError, match="no photo"):
        scan(str(tmp_path / "photos"), tmp_path / "out.parquet", micro_release)
    assert not (tmp_path / "out.parquet.parts").exists()


def test_a_slice_names_its_photos(photos):
    first = next(slices(str(photos)))
    assert isinstance(first, Files)
    assert len(first.paths) == PART
