import shutil
import tarfile

import pytest

from deepley.training.data import dataset
from deepley.training.data.sources import DataError, find
from tests.conftest import write_pictures


def _facts(sources):
    return [(source.name.removeprefix("data/"), source.label, source.split) for source in sources]


def test_a_folder_with_splits(data_folder):
    sources = find(data_folder)
    assert len(sources) == 2 * (24 + 12 + 8)
    assert _facts(sources)[0] == ("test/fake/000.jpg", 1, "test")
    assert _facts(sources)[-1] == ("valid/real/011.jpg", 0, "valid")


def test_a_tar_gives_the_same_bytes_without_being_unpacked(data_folder, tmp_path):
    with tarfile.open(tmp_path / "faces.tar", "w") as archive:
        archive.add(data_folder, "data")
    inside, outside = find(tmp_path / "faces.tar"), find(data_folder)
    assert _facts(inside) == _facts(outside)
    assert [source.read() for source in inside] == [source.read() for source in outside]
    assert list(tmp_path.iterdir()) == [tmp_path / "faces.tar"]


def test_folders_below_a_label_belong_to_it(data_folder, tmp_path):
    (tmp_path / "train" / "real" / "utkface").mkdir(parents=True)
    shutil.copy(data_folder / "train" / "real" / "000.jpg", tmp_path / "train" / "real" / "utkface")
    assert _facts(find(tmp_path)) == [("train/real/utkface/000.jpg", 0, "train")]
    (tmp_path / "train" / "fake" / "blended" / "swaps").mkdir(parents=True)
    for folder in ("", "blended/swaps"):
        shutil.copy(data_folder / "train" / "fake" / "000.jpg", tmp_path / "train" / "fake" / folder)
    assert [source.kind for source in find(tmp_path) if source.label] == ["generated", "blended"]


def test_the_kaggle_csvs_say_real_with_a_one(data_folder, tmp_path):
    shutil.copytree(data_folder, tmp_path / "real-vs-fake")
    for split in ("train", "valid"):
        rows = [f"0,/somewhere,0001,1,real,{split}/real/000.jpg", f"1,/somewhere,0002,0,fake,{split}/fake/001.jpg"]
        (tmp_path / f"{split}.csv").write_text("\n".join([",original_path,id,label,label_str,path", *rows]) + "\n")
    assert _facts(find(tmp_path)) == [
        ("train/fake/001.jpg", 1, "train"),
        ("train/real/000.jpg", 0, "train"),
        ("valid/fake/001.jpg", 1, "valid"),
        ("valid/real/000.jpg", 0, "valid"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,label\n1,1\n", "needs the columns 'path' and 'label'"),
        ("path,label\na.jpg,real\n", "line 2: label must be 0 or 1, not 'real'"),
        ("path,label\n../../a.jpg,1\n", "leaves the data folder"),
    ],
)
def test_a_csv_that_does_not_fit_is_refused(tmp_path, text, words):
    (tmp_path / "train.csv").write_text(text)
    with pytest.raises(DataError, match=words):
        find(tmp_path)


def test_no_pictures_no_data(tmp_path):
    with pytest.raises(DataError, match="no images below folders named real/ and fake/"):
        find(tmp_path)
    with pytest.raises(DataError, match="no folder or tar"):
        find(tmp_path / "missing")
    (tmp_path / "data.tar").write_bytes(b"not a tar")
    with pytest.raises(DataError, match="uncompressed tar"):
        find(tmp_path / "data.tar")


def test_a_csv_row_without_a_file_is_named_and_counted(data_folder, tmp_path):
    shutil.copytree(data_folder, tmp_path, dirs_exist_ok=True)
    for split in ("train", "valid"):
        rows = [f"{split}/{label}/{i:03}.jpg,{int(label == 'real')}" for label in ("real", "fake") for i in range(5)]
        (tmp_path / f"{split}.csv").write_text("\n".join(["path,label", *rows, f"{split}/real/gone.jpg,1"]) + "\n")
    report = dataset.load(tmp_path).report
    assert [name for name, _ in report.unreadable] == ["train/real/gone.jpg", "valid/real/gone.jpg"]
    assert report.counts["train"] == {"real": 5, "fake": 5}


def test_a_folder_without_splits_is_split_by_content_and_copies_stay_together(tmp_path):
    write_pictures(tmp_path, 60, 60)
    names = sorted((tmp_path / "real").iterdir())
    for i, path in enumerate(names[:30]):
        shutil.copy(path, tmp_path / "real" / f"copy{i}.jpg")
    splits = dataset.load(tmp_path).splits
    where = {source.name: split for split, sources in splits.items() for source in sources}
    assert {len(sources) > 0 for sources in splits.values()} == {True}
    assert len(splits["train"]) > 90
    for i, path in enumerate(names[:30]):
        assert where[f"real/copy{i}.jpg"] == where[f"real/{path.name}"]
