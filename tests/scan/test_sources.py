import io
import os
import tarfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deepley.photo.decode import PhotoError
from deepley.scan import sources
from deepley.scan.slices import PART, Files
from deepley.scan.sources import SourceError, slices


def read(source):
    """(name, bytes or sentence) of every photo; the folder is cut off the names."""
    found = []
    for one in slices(str(source)):
        before = len(found)
        for name, data in one.items():
            try:
                found.append((name, data()))
            except (PhotoError, OSError) as error:
                found.append((name, str(error)))
        assert len(found) - before == len(one) <= PART
    return found


def write_tar(path, members):
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Photos (their content does not matter here), a tar and a parquet file; the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "below").mkdir(parents=True)
    for name in ("b.jpg", "a.PNG", "below/c.webp", "notes.txt", ".hidden.jpg"):
        (tmp_path / "photos" / name).write_bytes(name.encode())
    write_tar("photos/shard.tar", {"1.jpg": b"one", "1.json": b"{}", "._1.jpg": b"", "in/2.png": b"two"})
    table = pa.table(
        {"image": [{"bytes": b"x", "path": "x.jpg"}, {"bytes": None, "path": "y.jpg"}, None], "label": [0, 1, 1]}
    )
    pq.write_table(table, "photos/table.parquet", row_group_size=2)
    return tmp_path


def test_a_folder_is_read_by_name_with_the_shards_in_it(folder):
    assert read("photos") == [
        ("photos/a.PNG", b"a.PNG"),
        ("photos/b.jpg", b"b.jpg"),
        ("photos/below/c.webp", b"below/c.webp"),
        ("photos/shard.tar#1.jpg", b"one"),
        ("photos/shard.tar#in/2.png", b"two"),
        ("photos/table.parquet#0", b"x"),
        ("photos/table.parquet#1", "The row has no bytes, only the path y.jpg."),
        ("photos/table.parquet#2", "The row holds no image."),
    ]


@pytest.mark.parametrize("source", ["s-*.tar", "s-{000..001}.tar", "@list.txt"])
def test_shards_come_as_a_pattern_or_as_a_list(source, folder):
    for i in range(2):
        write_tar(f"s-00{i}.tar", {"x.jpg": b"%d" % i})
    (folder / "list.txt").write_text("s-000.tar\n\n s-001.tar\n")
    assert read(source) == [("s-000.tar#x.jpg", b"0"), ("s-001.tar#x.jpg", b"1")]


def test_a_shard_that_is_missing_in_a_range_is_a_row(folder):
    write_tar("s-1.tar", {"x.jpg": b"x"})
    assert [name for name, _ in read("s-{1..2}.tar")] == ["s-1.tar#x.jpg", "s-2.tar"]


def test_slices_are_small_alike_each_time_and_know_when_the_source_changed(folder):
    write_tar("many.tar", {f"{i:03}.jpg": b"%d" % i for i in range(PART * 2 + 1)})
    first = list(slices("many.tar"))
    assert [len(one) for one in first] == [PART, PART, 1]
    assert [one.digest for one in slices("many.tar")] == [one.digest for one in first]
    write_tar("many.tar", {f"{i:03}.jpg": b"%d" % i for i in range(PART * 2)} | {"new.jpg": b"new"})
    same = [one.digest == old.digest for one, old in zip(slices("many.tar"), first)]
    assert same == [True, True, False]


def test_listing_a_long_tar_holds_no_more_than_a_slice_of_it(folder, monkeypatch):
    write_tar("long.tar", {f"{i:04}.jpg": b"" for i in range(1000)})
    held, following = [], tarfile.TarFile.next

    def counted(archive):
        held.append(len(archive.members))
        return following(archive)

    monkeypatch.setattr(tarfile.TarFile, "next", counted)
    assert sum(map(len, slices("long.tar"))) == 1000
    assert max(held) <= 1


def test_parquet_rows_are_numbered_across_row_groups(folder):
    data = [b"%d" % i for i in range(100)]
    pq.write_table(pa.table({"picture": pa.array(data, pa.large_binary())}), "p.parquet", row_group_size=45)
    assert [len(one) for one in slices("p.parquet")] == [32, 13, 32, 13, 10]
    assert read("p.parquet") == [(f"p.parquet#{i}", b"%d" % i) for i in range(100)]


def test_a_parquet_file_that_became_shorter_still_answers_for_every_photo(folder):
    pq.write_table(pa.table({"image": [b"1", b"2", b"3"]}), "p.parquet")
    (one,) = slices("p.parquet")
    pq.write_table(pa.table({"image": [b"1"]}), "p.parquet")
    (_, first), *others = one.items()
    assert first() == b"1"
    assert len(others) == 2
    with pytest.raises(PhotoError, match="became shorter"):
        others[0][1]()


def damaged(name, at, content=b"\xff" * 512):
    with open(name, "r+b") as file:
        file.seek(at)
        file.write(content)


def test_what_is_broken_is_a_row_and_the_rest_is_read(folder):
    members = {f"{i}.jpg": b"%d" % i for i in range(4)}  # 1,024 bytes each
    for name in ("a-header.tar", "b-cut.tar", "f-in-a-photo.tar"):
        write_tar(name, members)
    damaged("a-header.tar", 2048)
    os.truncate("b-cut.tar", 3 * 1024 + 100)
    os.truncate("f-in-a-photo.tar", 3 * 1024 + 512)
    with tarfile.open("c-packed.tar", "w:gz") as archive:
        archive.add("photos/b.jpg")
    (folder / "d.parquet").write_bytes(b"PAR1 and then nothing")
    pq.write_table(pa.table({"label": [1]}), "e.parquet")
    pq.write_table(pa.table({"left": [b"1"], "right": [b"2"]}), "g.parquet")
    found = dict(read("?*.[tp]a*"))
    found = {name: what.split(":")[0] if isinstance(what, str) else what for name, what in found.items()}
    whole = {f"a-header.tar#{i}.jpg": b"%d" % i for i in range(2)}
    whole |= {f"{tar}#{i}.jpg": b"%d" % i for tar in ("b-cut.tar", "f-in-a-photo.tar") for i in range(3)}
    assert {name: what for name, what in found.items() if isinstance(what, bytes)} == whole
    assert found["a-header.tar"] == "The tar is damaged at byte 2048"
    assert found["b-cut.tar"] == "The tar is damaged at byte 3072"
    assert found["c-packed.tar"] == "This tar is compressed or damaged"
    assert found["d.parquet"] == "This cannot be read, or not to its end"
    assert found["e.parquet"] == "The file has no column of images"
    assert found["f-in-a-photo.tar"] == "This cannot be read, or not to its end"
    assert found["f-in-a-photo.tar#3.jpg"] == "The tar ends in the middle of this file."
    assert found["g.parquet"] == "The columns left, right could all be the photos"


def test_a_parquet_file_damaged_in_its_pages_gives_a_row_for_each_photo(folder):
    data = [os.urandom(200_000) for _ in range(8)]
    pq.write_table(pa.table({"image": data}), "p.parquet", use_dictionary=False, data_page_size=1, row_group_size=4)
    start = pq.ParquetFile("p.parquet").metadata.row_group(1).column(0).data_page_offset
    damaged("p.parquet", start, b"\xff" * 100_000)
    found = read("p.parquet")
    assert [name for name, _ in found] == [f"p.parquet#{i}" for i in range(8)]
    assert [what for _, what in found[:4]] == data[:4]
    assert all("is damaged here" in what for _, what in found[4:])


def test_a_huge_file_is_refused_before_it_is_read(folder):
    with open("huge.jpg", "wb") as file:
        file.truncate(10**12)
    assert read("huge.jpg") == [
        ("huge.jpg", "The file has 1000000 MB; at most 25 MB are accepted. Export the photo at a smaller size.")
    ]


def test_a_pipe_is_passed_over_and_a_dead_link_is_a_row(folder):
    (folder / "odd").mkdir()
    os.mkfifo("odd/a.jpg")
    os.symlink("nowhere", "odd/b.jpg")
    assert [name for name, what in read("odd") if "No such file" in what] == ["odd/b.jpg"]


@pytest.mark.parametrize("source", ["nowhere", "@nowhere", "no-{0..3}.tar"])
def test_a_source_that_is_not_there_is_one_sentence(source, folder):
    with pytest.raises(SourceError, match=r"nowhere|no-"):
        list(slices(source))


def test_a_name_that_is_not_utf_8_is_read(folder):
    os.makedirs(b"raw")
    with open(b"raw/\xff.jpg", "wb") as file:
        file.write(b"raw")
    (one,) = slices("raw")
    assert isinstance(one, Files)
    assert len(one.digest) == 64
    assert [data for _, data in read("raw")] == [b"raw"]


def test_an_unreadable_folder_is_a_row(folder, monkeypatch):
    def refused(path):
        if str(path).endswith("below"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    scandir = os.scandir  # root, who runs tests in containers, may read everything: so the refusal is made here
    monkeypatch.setattr(sources.os, "scandir", refused)
    assert ("photos/below", "This cannot be read, or not to its end: Permission denied.") in read("photos")
