import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from deepley.__main__ import main
from deepley.host import cores
from deepley.scan import plain
from deepley.scan.run import Found, ScanError, scan
from deepley.scan.slices import Files
from tests.scan.pipes import KILL, serve


def test_a_scan_says_of_folder_tar_and_parquet_what_check_says(folder, told, rows, micro_release, capsys):
    assert main(["scan", "all", "--out", "out.parquet", "--workers", "2", "--release", str(micro_release)]) == 0
    assert rows("out.parquet") == told
    assert capsys.readouterr().out == "out.parquet: 21 photos; 3 could not be checked.\n"
    assert not Path(".out.parquet.parts").exists()


def test_a_source_that_holds_the_output_is_scanned_without_its_parts(folder, told, rows, micro_release):
    out, steps = Path("all/out.parquet"), []

    def stop(photos):
        steps.append(photos)
        if len(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan("all", out, micro_release, workers=1, progress=stop)
    assert scan("all", out, micro_release, workers=1) == Found(photos=21, errors=3, kept=14)
    assert rows(out) == told


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
    paths = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    process = subprocess.Popen([*command, "--release", str(micro_release)], env=paths)
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


def test_weights_that_are_not_the_releases_are_refused_in_a_sentence(folder, micro_release, capsys):
    shutil.copytree(micro_release, "other")
    with open("other/model.safetensors", "ab") as file:
        file.write(b"!")
    assert main(["scan", "all", "--out", "out.parquet", "--workers", "1", "--release", "other"]) == 1
    assert "has the SHA-256" in capsys.readouterr().err
    assert not any(folder.glob("out.parquet*"))


@pytest.mark.parametrize(
    ("source", "out", "release", "words"),
    [
        ("all", "there.parquet", "", "there.parquet exists already"),
        ("all", "found.csv", "", "name a file that ends in .parquet"),
        ("nothing", "out.parquet", "", "no photo in this source"),
        ("gone", "out.parquet", "", "There is no photo, folder, tar or parquet file at gone."),
        ("all", "out.parquet", "all", "all holds no release that can be read"),
    ],
)
def test_what_cannot_begin_is_one_sentence_and_leaves_nothing(
    source, out, release, words, folder, micro_release, capsys
):
    Path("nothing").mkdir()
    Path("there.parquet").touch()
    assert main(["scan", source, "--out", out, "--release", release or str(micro_release)]) == 1
    assert words in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == ["all", "nothing", "there.parquet"]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "200000 100000", "memory.max": "max", "memory.current": "1"}, 2),
        ({"cpu.max": "max 100000", "memory.max": "4000000000", "memory.current": "500000000"}, 2),
        (
            {
                "memory.max": "4000000000",
                "memory.current": "3900000000",
                "memory.stat": "anon 5\nfile 9\ninactive_file 3500000000",  # a long tar was read
            },
            2,
        ),
        ({"cpu.max": "50000 100000"}, 1),
        ({}, 16),
    ],
)
def test_a_container_gets_as_many_processes_as_it_carries(files, expected, tmp_path, monkeypatch):
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(cores, "_CGROUP", tmp_path)
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: range(16))
    monkeypatch.setattr(cores.psutil, "virtual_memory", lambda: SimpleNamespace(available=64_000_000_000))
    assert plain.processes() == expected
