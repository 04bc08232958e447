import csv
import io
import zipfile

import pytest

from deepley.config import ManyLimits
from deepley.engine.fake import FakeEngine
from deepley.photo.decode import PhotoError
from deepley.verdict import batch, record
from deepley.verdict.detector import Detector
from tests.conftest import encode


@pytest.fixture(scope="module")
def detector(micro_release):
    return Detector(micro_release, engine=lambda release: FakeEngine())


def _zip(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_bad_file_is_a_row_that_says_why_and_the_others_are_checked(detector, tmp_path, astronaut):
    (tmp_path / "good.png").write_bytes(encode(astronaut))
    (tmp_path / "bad.png").write_bytes(b"nothing")
    names = ["good.png", "bad.png", "gone.png", "good.png"]
    items = batch.collect((name, tmp_path / name) for name in names)
    results = [batch.to_json(row, detector) for row in batch.check(detector, items)]
    assert [result["path"] for result in results] == names
    assert [bool(result["error"]) for result in results] == [False, True, True, False]
    assert "not an image" in results[1]["error"]
    assert "cannot be read" in results[2]["error"]
    assert results[0]["faces"] == results[3]["faces"] != []


def test_a_huge_file_is_refused_unread(tmp_path):
    with open(tmp_path / "huge.png", "wb") as file:
        file.truncate(10**9)
    (item,) = batch.collect([("huge.png", tmp_path / "huge.png")])
    with pytest.raises(PhotoError, match="1000 MB"):
        item.read()


def test_a_zip_is_read_photo_by_photo(detector, tmp_path, astronaut):
    members = {
        "a/one.png": encode(astronaut),
        "notes.txt": b"no photo",
        "__MACOSX/a/._one.png": b"a Mac's remark",
        "b.jpg": b"broken",
    }
    items = batch.collect([("photos.zip", _zip(tmp_path / "photos.zip", members))])
    assert [item.name for item in items] == ["a/one.png", "b.jpg"]
    good, bad = batch.check(detector, items)
    assert good.verdict.verdicts
    assert bad.error


def test_a_zip_bomb_is_unpacked_no_further_than_a_photo_may_be_large(detector, tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.png", bytes(60_000_000))
    assert (tmp_path / "bomb.zip").stat().st_size < 100_000
    (item,) = batch.collect([("bomb.zip", tmp_path / "bomb.zip")])
    assert len(item.read()) == 25_000_001
    (row,) = batch.check(detector, [item])
    assert "at most 25 MB" in row.error


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"PK no zip"), "no zip file"),
        (lambda path: _zip(path, {"readme.txt": b""}), "no photos"),
        (lambda path: _zip(path, {f"{i}.png": b"" for i in range(201)}), "201 photos; at most 200"),
    ],
)
def test_a_selection_that_cannot_be_checked_is_refused_with_a_sentence(tmp_path, make, words):
    make(tmp_path / "photos.zip")
    with pytest.raises(batch.ManyError, match=words):
        batch.collect([("photos.zip", tmp_path / "photos.zip")])


def test_a_zip_with_a_directory_without_end_is_refused_before_it_is_read(tmp_path):
    _zip(tmp_path / "photos.zip", {f"{i:060000}.png": b"" for i in range(270)})
    with pytest.raises(batch.ManyError, match=r"photos\.zip: The zip lists more files"):
        batch.collect([("photos.zip", tmp_path / "photos.zip")])


def test_a_zip_over_the_limit_is_refused(tmp_path):
    _zip(tmp_path / "photos.zip", {"a.png": bytes(3000)})
    with pytest.raises(batch.ManyError, match="larger than"):
        batch.collect([("photos.zip", tmp_path / "photos.zip")], ManyLimits(max_zip_bytes=1000))


def test_the_csv_has_the_strongest_face_and_no_formula(detector, astronaut):
    result = batch.to_json(next(batch.check(detector, [batch.Item("=1+1.png", lambda: encode(astronaut))])), detector)
    weak, strong = (
        {**result["faces"][0], "evidence": e, "score": s} for e, s in (("inconclusive", 0.9), ("weak", 0.2))
    )
    (row,) = csv.DictReader(io.StringIO(record.to_csv([{**result, "faces": [weak, strong]}])))
    assert row["file"] == "'=1+1.png"
    assert (row["faces"], row["evidence"], row["score"]) == ("2", "weak", "0.2000")
    assert row["note"] == ""
