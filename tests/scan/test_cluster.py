import os
from pathlib import Path

import pytest

from deepley.scan import cluster
from deepley.scan.run import Found, scan
from tests.scan.pipes import KILL, serve

ray = pytest.importorskip("ray")

pytestmark = pytest.mark.slow


@pytest.fixture
def no_ray_afterwards():
    yield
    ray.shutdown()


def test_ray_says_what_check_says_once_whatever_dies(folder, told, rows, micro_release, no_ray_afterwards, monkeypatch):
    """A photo during which its process dies is tried again by Ray, here once, and then by the plain engine."""
    monkeypatch.setattr(cluster, "_RETRIES", 1)
    killed = serve("pipe.png", [KILL, KILL, Path("all/face.png").read_bytes()])
    Path("list").write_text("all\npipe.png\n")
    done = []
    workers = min(2, os.cpu_count())
    found = scan("@list", Path("out.parquet"), micro_release, "ray", workers, done.append)
    assert found == Found(22, errors=3, kept=0)
    assert sorted(done) == [1, 7, 7, 7]
    assert [line.startswith("ray::") for line in killed] == [True, True]
    piped = {**next(one for one in told if one["path"] == "all/face.png"), "path": "pipe.png"}
    assert rows("out.parquet") == [*told, piped]
