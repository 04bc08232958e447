import shutil
from pathlib import Path

import numpy as np
import pytest

from deepley.training.data import dataset
from deepley.training.data.sources import DataError, Source
from deepley.training.fit.batches import Crops, Wholes, order
from deepley.training.views.views import Views, drawers
from tests.conftest import encode, picture


@pytest.fixture
def folder(data_folder, tmp_path):
    """A copy that a test may spoil."""
    return shutil.copytree(data_folder, tmp_path / "data")


def test_the_report_counts_and_describes(folder):
    (folder / "train" / "real" / "broken.jpg").write_bytes(b"no picture")
    report = dataset.load(folder).report
    assert report.counts == {
        "train": {"real": 24, "fake": 24},
        "valid": {"real": 12, "fake": 12},
        "test": {"real": 8, "fake": 8},
    }
    assert report.sizes["real"] == [((256, 256), 44)]
    assert report.formats["fake"] == {"JPEG": 44}
    assert report.warnings == ()
    assert len(report.unreadable) == 1
    assert "skipped train/real/broken.jpg: This is not an image" in report.text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pixels: encode(pixels, "JPEG", quality=60), "JPEG quantisation tables"),
        (lambda pixels: encode(pixels, "PNG"), "file format"),
        (lambda pixels: encode(pixels[:200, :200], "JPEG", quality=95), "picture size"),
    ],
)
def test_classes_that_differ_in_more_than_faces_are_warned_of(folder, change, words):
    rng = np.random.default_rng(5)
    for path in folder.glob("*/fake/*"):
        path.write_bytes(change(picture(rng, True)))
    assert any(words in warning for warning in dataset.load(folder).report.warnings)


def test_pictures_that_each_have_a_size_of_their_own_are_no_shortcut(folder):
    rng = np.random.default_rng(7)
    for i, path in enumerate(sorted(folder.glob("*/*/*"))):
        path.write_bytes(encode(picture(rng, "fake" in path.parts)[: 120 + i], "JPEG", quality=95))
    assert dataset.load(folder).report.warnings == ()


def test_near_copies_across_splits_are_warned_of(folder):
    rng = np.random.default_rng(6)
    for i in range(3):
        pixels = picture(rng, False)
        earlier = "valid" if i == 2 else "train"
        (folder / earlier / "real" / f"copied{i}.jpg").write_bytes(encode(pixels, "JPEG", quality=95))
        quality = 95 if i == 0 else 70
        (folder / "test" / "real" / f"copy{i}.jpg").write_bytes(encode(pixels, "JPEG", quality=quality))
    assert any(
        "3 of 19 test images have a near-copy in train or valid (1 of them exact)" in warning
        for warning in dataset.load(folder).report.warnings
    )


def test_a_missing_class_is_refused(folder):
    shutil.rmtree(folder / "valid" / "fake")
    with pytest.raises(DataError, match="no readable fake image to validate"):
        dataset.load(folder)


@pytest.mark.parametrize("seed", range(6))
def test_a_small_set_without_splits_validates_every_label(tmp_path, seed):
    rng = np.random.default_rng(seed)
    for label in ("real", "fake"):
        (tmp_path / label).mkdir()
        for i in range(3):
            content = encode(picture(rng, label == "fake"))
            for copy in ("a", "b"):
                (tmp_path / label / f"{i}{copy}.png").write_bytes(content)
    data = dataset.load(tmp_path)
    for split in ("train", "valid"):
        assert {source.label for source in data.splits[split]} == {0, 1}
    sides = {Path(s.name).parent / Path(s.name).stem[:-1]: split for split in data.splits for s in data.splits[split]}
    for split, sources in data.splits.items():
        assert all(sides[Path(s.name).parent / Path(s.name).stem[:-1]] == split for s in sources)
    assert any("say little" in warning for warning in data.report.warnings)
    assert dataset.load(tmp_path).splits == data.splits


def test_one_picture_of_a_label_is_too_few(tmp_path):
    rng = np.random.default_rng(1)
    for label, n in (("real", 1), ("fake", 30)):
        (tmp_path / label).mkdir()
        for i in range(n):
            (tmp_path / label / f"{i}.png").write_bytes(encode(picture(rng, label == "fake")))
    with pytest.raises(DataError, match=r"no readable real image to (validate|train on): add real ones"):
        dataset.load(tmp_path)


def test_a_limit_takes_half_of_each_class_and_always_the_same(data_folder):
    data = dataset.load(data_folder)
    taken = data.take("train", 10)
    assert [source.label for source in taken].count(1) == 5
    assert taken == data.take("train", 10)
    assert data.take("train", 10_000) == data.splits["train"]


def test_a_face_of_256_px_is_not_resampled_and_others_come_to_256(data_folder, tmp_path, astronaut):
    source = dataset.load(data_folder).splits["train"][0]
    from deepley.photo.decode import decode

    np.testing.assert_array_equal(source.face(), decode(source.read()).pixels)
    for shape in ((512, 300), (100, 120)):
        path = tmp_path / "real" / "a.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(encode(astronaut[: shape[0], : shape[1]]))
        assert type(source)("a", path, 0, None).face().shape == (256, 256, 3)


def test_batches_are_a_function_of_their_key(data_folder):
    sources = dataset.load(data_folder).splits["train"]

    def batch(key, index=1):
        return Crops(Views(sources), np.arange(48), key, 16, 224, "usual", ("generated",))[index]

    images, labels = batch((1, 0, 0))
    assert images.shape == (16, 224, 224, 3)
    assert images.dtype == np.uint8
    assert labels[:, 0].tolist() == [source.label for source in sources[16:32]]
    np.testing.assert_array_equal(images, batch((1, 0, 0))[0])
    assert (images != batch((1, 0, 1))[0]).any()


def test_processes_draw_the_same_views(data_folder):
    sources = dataset.load(data_folder).splits["train"]
    wanted = Views(sources).draw(np.arange(12), (1, 0, 0), 96, "wide")
    with drawers(sources, 2) as views:
        assert views.at_once == 3
        np.testing.assert_array_equal(views.draw(np.arange(12), (1, 0, 0), 96, "wide"), wanted)
        crops = Crops(views, np.arange(12), (1, 0, 0), 6, 96, "wide", ("generated",))
        np.testing.assert_array_equal(crops[1][0], wanted[6:])


def test_a_process_that_cannot_draw_says_why(data_folder):
    gone = Source("gone.jpg", data_folder / "gone.jpg", 0, "train")
    with drawers((gone,), 1) as views, pytest.raises(FileNotFoundError):
        views.draw(np.arange(1), (1,), 96, "none")


def test_validation_batches_are_whole_and_complete(data_folder):
    sources = dataset.load(data_folder).splits["valid"]
    batches = Wholes(sources, 10, ("generated",))
    assert [len(batches[i][0]) for i in range(len(batches))] == [10, 10, 4]
    np.testing.assert_array_equal(batches[0][0][3], sources[3].face())


def test_rounds_are_slices_of_shuffled_passes():
    sources = tuple(Source(str(i), Path("x"), i % 2, None) for i in range(10))
    rounds = [order(sources, (1, 2), start, 4) for start in range(0, 20, 4)]
    shown = np.concatenate(rounds)
    assert sorted(shown[:10]) == sorted(shown[10:]) == list(range(10))
    assert (shown[:10] != shown[10:]).any()
    np.testing.assert_array_equal(order(sources, (1, 2), 8, 4), rounds[2])
    assert (order(sources, (2, 2), 0, 10) != shown[:10]).any()


def test_balanced_rounds_show_a_small_source_more_often_and_every_picture_of_it_as_often_as_the_others():
    sizes = {("real", "large"): 90, ("real", "small"): 10, ("fake", "only"): 50}
    sources = tuple(
        Source(f"train/{label}/{name}/{i}", Path("x"), int(label == "fake"), None)
        for (label, name), size in sizes.items()
        for i in range(size)
    )
    places = {
        origin: [i for i, s in enumerate(sources) if s.name.startswith(f"train/{'/'.join(origin)}/")]
        for origin in sizes
    }
    shown = order(sources, (1,), 0, 6 * len(sources), balance=0.5)
    counts = {origin: np.bincount(shown, minlength=len(sources))[members] for origin, members in places.items()}
    assert sum(counts[("fake", "only")]) == 6 * 50  # a label's share stays that of its pictures
    assert sum(counts[("real", "large")]) / sum(counts[("real", "small")]) == pytest.approx(3, rel=0.05)
    assert all(np.ptp(of) <= 1 for of in counts.values())
    evenly = order(sources, (1,), 0, 6 * len(sources), balance=1.0)
    assert np.isin(evenly, places[("real", "small")]).sum() == np.isin(evenly, places[("real", "large")]).sum()
    np.testing.assert_array_equal(order(sources, (1,), 200, 30, balance=0.5), shown[200:230])
