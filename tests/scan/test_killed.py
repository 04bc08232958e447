"""Scans whose processes are killed; beside `test_run`, so that two workers share what takes longest."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from deepley.scan import plain
from deepley.scan.run import Found, ScanError, scan
from deepley.scan.slices import Files
from tests.scan.pipes import KILL, serve

pytestmark = pytest.mark.slow


def test_a_process_that_dies_takes_at_most_its_photo_along(folder, micro_release):
    killed = serve("once.png", [KILL, Path("all/wall0.png").read_bytes()]), serve("twice.png", [KILL, KILL])
    names = ["all/wall1.png", "once.png", "twice.png", "all/wall2.png"]
    ((number, rows),) = plain.run(iter([(5, Files(tuple(names)))]), micro_release, workers=1)
    assert number == 5
    assert [len(each) for each in killed] == [1, 2]
    assert [row["path"] for row in rows] == names
    assert [row["evidence"] for row in rows] == ["not applicable", "not applicable", "not checked", "not applicable"]
    assert "ended twice without an answer" in rows[2]["error"]
    left = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    assert not any("spawn_main" in " ".join(one.cmdline()) for one in left)


def test_a_killed_scan_goes_on_and_none_begins_beside_it(folder, told, rows, micro_release):
    os.mkfifo("last.png")
    Path("list").write_text("all\nlast.png\n")
    out = Path("out.parquet")
    command = [sys.executable, "-m", "deepley", "scan", "@list", "--out", str(out), "--workers", "1"]
    process = subprocess.Popen([*command, "--release", str(micro_release)])
    try:
        with open("last.png", "wb"):  # is open as soon as everything before it was checked
            family = psutil.Process(process.pid).children()
            with pytest.raises(ScanError, match=r"Another scan is writing out\.parquet"):
                scan("@list", out, micro_release)
            process.kill()
            process.wait()
        assert psutil.wait_procs(family, timeout=60)[1] == []
    finally:
        process.kill()
    assert not out.exists()

    other = folder / "other"
    shutil.copytree(micro_release, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "sha256": "0" * 64}))
    with pytest.raises(ScanError, match="begun with another release"):
        scan("@list", out, other)

    os.remove("last.png")
    shutil.copy("all/face.png", "last.png")
    steps = []
    assert scan("@list", out, micro_release, workers=1, progress=steps.append) == Found(photos=22, errors=3, kept=21)
    assert steps == [7, 7, 7, 1]
    last = {**next(one for one in told if one["path"] == "all/face.png"), "path": "last.png"}
    assert rows(out) == [*told, last]
