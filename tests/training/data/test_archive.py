import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image

from deepley.config import UploadLimits
from deepley.photo import faces
from deepley.training.data.archive import unpack
from deepley.training.data.sources import DataError
from tests.conftest import encode


@pytest.fixture(scope="module")
def face():
    import skimage.data

    return faces.find(skimage.data.astronaut())[0].crop


def _zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_faces_are_cut_as_checking_cuts_them_and_aligned_ones_keep_their_bytes(tmp_path, astronaut, face):
    aligned = encode(face, "JPEG", quality=95)
    members = {"set/train/real/a.png": encode(astronaut), "set/valid/fake/b.jpg": aligned}
    said = dict(unpack(_zip(tmp_path / "a.zip", members), tmp_path / "out"))
    assert said == {"set/train/real/a.png": None, "set/valid/fake/b.jpg": None}
    assert _files(tmp_path / "out") == ["train/real/000001.png", "valid/fake/000002.jpeg"]
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/train/real/000001.png")), face)
    assert (tmp_path / "out/valid/fake/000002.jpeg").read_bytes() == aligned


def test_what_does_not_belong_is_left_out_and_named(tmp_path, astronaut, face):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as nested:
        nested.writestr("real/c.png", encode(face))
    link = zipfile.ZipInfo("real/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    members = {
        "../real/escape.png": encode(face),
        "/real/absolute.png": encode(face),
        "real/..\\..\\escape.png": encode(face),
        "real/inner.zip": inner.getvalue(),
        "real/text.jpg": b"this is a text",
        "real/wall.png": encode(np.full((300, 300, 3), 90, np.uint8)),
        "other/photo.png": encode(face),
        "real/notes.txt": b"",
        "real/good.png": encode(face),
    }
    path = _zip(tmp_path / "a.zip", members)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    said = dict(unpack(path, tmp_path / "deep" / "out"))
    assert said.pop("real/good.png") is None
    assert {name: reason.split(".")[0][:30] for name, reason in said.items()} == {
        "../real/escape.png": "Its name leads out of the arch",
        "/real/absolute.png": "Its name leads out of the arch",
        "real/..\\..\\escape.png": "Its name leads out of the arch",
        "real/inner.zip": "It is an archive in the archiv",
        "real/text.jpg": "This is not an image in a form",
        "real/wall.png": "No face was found in it",
        "other/photo.png": "It is not in a folder named re",
        "real/notes.txt": "It is not a picture",
        "real/link.png": "It is a link",
    }
    assert _files(tmp_path) == ["a.zip", "deep/out/real/000001.png"]


def test_a_tar_is_read_without_its_links(tmp_path, face):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        info = tarfile.TarInfo("fake/a.png")
        info.size = len(encode(face))
        archive.addfile(info, io.BytesIO(encode(face)))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            info = tarfile.TarInfo(f"fake/link{kind.decode()}.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    said = dict(unpack(path, tmp_path / "out"))
    assert [name for name, reason in said.items() if reason is None] == ["fake/a.png"]
    assert _files(tmp_path / "out") == ["fake/000001.png"]


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (UploadLimits(max_images=1), "more than 1 pictures"),
        (UploadLimits(max_bytes=100), "larger than"),
        (UploadLimits(min_free=10**18), "too full"),
    ],
)
def test_an_archive_beyond_the_limits_is_refused_with_a_sentence(tmp_path, face, limits, words):
    path = _zip(tmp_path / "a.zip", {f"real/{i}.png": encode(face) for i in range(2)})
    with pytest.raises(DataError, match=words):
        list(unpack(path, tmp_path / "out", limits))


def test_a_bomb_is_unpacked_no_further_than_a_photo_may_be_large(tmp_path):
    path = _zip(tmp_path / "a.zip", {"real/bomb.png": bytes(200_000_000)})
    ((_, reason),) = unpack(path, tmp_path / "out")
    assert "at most 25 MB" in reason
    assert _files(tmp_path / "out") == []


def test_a_zip_with_a_directory_without_end_is_refused_before_it_is_read(tmp_path):
    path = _zip(tmp_path / "a.zip", {f"real/{i:060000}.png": b"" for i in range(270)})
    with pytest.raises(DataError, match="lists more files"):
        list(unpack(path, tmp_path / "out"))


def test_what_is_no_archive_or_a_damaged_one_is_refused(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"nothing")
    with pytest.raises(DataError, match="not a zip or tar"):
        list(unpack(tmp_path / "a.zip", tmp_path / "out"))
    whole = _zip(tmp_path / "b.zip", {"real/a.txt": b"x" * 1000, "real/b.txt": b"x"}).read_bytes()
    start = whole.index(b"PK\1\2")
    (tmp_path / "b.zip").write_bytes(whole[:start] + b"XX" + whole[start + 2 :])
    with tarfile.open(tmp_path / "c.tgz", "w:gz") as archive:
        for i in range(20):
            info = tarfile.TarInfo(f"real/{i}.txt")
            info.size = 5000
            archive.addfile(info, io.BytesIO(np.random.default_rng(i).bytes(5000)))
    (tmp_path / "c.tgz").write_bytes((tmp_path / "c.tgz").read_bytes()[:50_000])
    for name in ("b.zip", "c.tgz"):
        with pytest.raises(DataError, match="damaged"):
            list(unpack(tmp_path / name, tmp_path / "out"))


def test_splits_are_those_that_training_knows(tmp_path, face):
    folders = ("train/real", "val/real", "validation/fake", "test/set/fake")
    members = {f"{folder}/a.png": encode(face) for folder in folders}
    list(unpack(_zip(tmp_path / "a.zip", members), tmp_path / "out"))
    folders = sorted(str(p.parent.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.png"))
    assert folders == ["fake", "train/real", "valid/fake", "valid/real"]


def test_a_folder_is_taken_like_an_archive(tmp_path, face):
    (tmp_path / "in" / "real").mkdir(parents=True)
    (tmp_path / "in" / ".cache" / "real").mkdir(parents=True)
    (tmp_path / "in" / "real" / "a.png").write_bytes(encode(face))
    (tmp_path / "in" / ".cache" / "real" / "b.png").write_bytes(encode(face))
    assert dict(unpack(tmp_path / "in", tmp_path / "out")) == {"real/a.png": None}
