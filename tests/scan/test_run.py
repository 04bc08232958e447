import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepley.__main__ import main
from deepley.host import cores
from deepley.scan import plain
from deepley.scan.run import Found, scan


@pytest.mark.slow
def test_a_scan_says_of_folder_tar_and_parquet_what_check_says(folder, told, rows, micro_release, capsys):
    assert main(["scan", "all", "--out", "out.parquet", "--workers", "2", "--release", str(micro_release)]) == 0
    assert rows("out.parquet") == told
    assert capsys.readouterr().out == "out.parquet: 21 photos; 3 could not be checked.\n"
    assert not Path(".out.parquet.parts").exists()


@pytest.mark.slow
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


@pytest.mark.slow
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
