import io
import json
import tarfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepley.__main__ import main
from tests.conftest import encode


def rounded(value):
    """The same with every number to four digits: a network's last ones depend on threads and the place in memory."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


@pytest.fixture
def folder(tmp_path, astronaut, monkeypatch):
    """A folder with photos, and the same photos in a tar and a parquet file; the working directory."""
    monkeypatch.chdir(tmp_path)
    wall = np.full((90, 90, 3), 90, np.uint8)
    photos = {
        "face.png": encode(astronaut[:250, 100:350]),
        "broken.jpg": encode(astronaut, "JPEG")[:9000],
        **{f"wall{i}.png": encode(wall + np.uint8(i)) for i in range(5)},
    }
    (tmp_path / "all").mkdir()
    for name, data in photos.items():
        (tmp_path / "all" / name).write_bytes(data)
    with tarfile.open("all/z.tar", "w") as archive:
        for name, data in photos.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    pq.write_table(pa.table({"image": [{"bytes": data, "path": None} for data in photos.values()]}), "all/zz.parquet")
    return tmp_path


@pytest.fixture
def told(folder, micro_release, capsys):
    """What `check --json` says of everything in the folder, in the order and with the names of a scan."""
    main(["check", "all", "--json", "--release", str(micro_release)])
    by_name = {result["path"]: result for result in json.loads(capsys.readouterr().out)}
    with tarfile.open("all/z.tar") as archive:
        as_stored = [f"all/{name}" for name in archive.getnames()]
    names = [(name, name) for name in by_name]
    names += [(name, name.replace("all/", "all/z.tar#")) for name in as_stored]
    names += [(name, f"all/zz.parquet#{i}") for i, name in enumerate(as_stored)]
    return rounded([{**by_name[name], "path": new} for name, new in names])


@pytest.fixture
def rows(micro_release):
    """Reads a scan's output back into the objects of `check --json`."""
    config = json.loads((micro_release / "config.json").read_text())

    def read(path):
        table = pq.read_table(path)
        assert table.schema.metadata[b"deepley.release_sha256"].decode() == config["sha256"]
        found = table.to_pylist()
        for row in found:
            facts = {name: row.pop(name) for name in ("sha256", "size", "format", "width", "height")}
            row["file"] = facts if facts["sha256"] else None
            row["faces"] = [{**face, "treated": dict(face["treated"])} for face in row["faces"]]
            row["provenance"] = row["provenance"] and json.loads(row["provenance"])
            score = row.pop("score")
            assert score == max((face["score"] for face in row["faces"]), default=None)
            evidence = row.pop("evidence")
            assert evidence == (
                row["faces"][0]["evidence"] if row["faces"] else "not checked" if row["error"] else "not applicable"
            )
            row |= {"schema": 1, "release": config["name"], "sha256": config["sha256"]}
        return rounded(found)

    return read
