import shutil

import numpy as np
import pytest

from deepley.__main__ import main
from deepley.network.files import CARD, TEMPORAL
from deepley.network.release import load
from deepley.photo.faces import find
from deepley.training import clips, footage
from deepley.training.sources import DataError, Source
from deepley.video import head
from tests.conftest import encode


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut):
    """Real photos of which, by their bytes, one trains, one validates and one tests."""
    folder, wanted = tmp_path_factory.mktemp("film") / "real", ["train", "valid", "test"]
    face = find(astronaut)[0].crop
    folder.mkdir()
    for level in range(40):
        content = encode(np.clip(face.astype(int) + level - 20, 0, 255).astype(np.uint8), "JPEG", quality=95)
        (folder / "next.jpg").write_bytes(content)
        ((_, split, _),) = footage.choose([Source("", folder / "next.jpg", 0, None)])
        if split in wanted:
            wanted.remove(split)
            (folder / "next.jpg").rename(folder / f"{split}.jpg")
    (folder / "next.jpg").unlink(missing_ok=True)
    assert not wanted
    return [Source(path.name, path, 0, None) for path in sorted(folder.iterdir())]


@pytest.fixture(scope="module")
def loaded(micro_release):
    return load(micro_release)


@pytest.fixture(scope="module")
def made(photos, loaded, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    return footage.examples(photos, loaded, store), store


def test_a_photo_becomes_a_real_and_a_blended_clip_and_for_testing_a_control_too(made):
    examples, _ = made
    assert examples.sequences.shape[:2] == (7, head.WINDOW)
    for split, kinds in (("train", 2), ("valid", 2), ("test", 3)):
        assert list(examples.kinds[examples.splits == split]) == list(clips.KINDS[:kinds])
    assert examples.lost == 0


def test_the_same_shot_is_used_for_all_clips_of_a_photo(made):
    examples, _ = made
    real, _, control = examples.sequences[examples.splits == "test", :, -7:]
    around = 4  # of `temporal.NAMES`
    assert np.abs(real - control)[:, around].max() < 0.2


def test_a_killed_run_goes_on_where_it_was_and_makes_a_head(made, photos, loaded, tmp_path, monkeypatch, capsys):
    _, store = made
    folder, filmed, render = tmp_path / "release", [], clips.render
    shutil.copytree(loaded.folder, folder)
    shutil.copytree(store, folder / "temporal.clips")
    missing = min((folder / "temporal.clips").iterdir())
    kinds = len(np.load(missing)["spatial"])
    missing.unlink()
    monkeypatch.setattr(clips, "render", lambda *given: filmed.append(given[3]) or render(*given))

    data = str(photos[0].path.parent.parent)
    assert main(["train-video", "--data", data, "--release", str(folder), "--origin", "photos of one astronaut"]) == 0
    assert filmed == list(clips.KINDS[:kinds])
    assert "| both | 2 (1) |" in capsys.readouterr().out
    trained = head.load(folder / TEMPORAL, loaded.sha256)
    assert trained.details["clips"] == {"train": 2, "valid": 2, "test": 2}
    assert not (folder / "temporal.clips").exists()
    card = (folder / CARD).read_text()
    assert "trained on 2 clips, 2 more to stop and calibrate it: synthetic clips of photos of one astronaut" in card
    assert "### Clips made of photos that were held out, real against blended" in card


def test_a_photo_whose_face_is_lost_in_one_clip_is_left_out_whole(photos, loaded, tmp_path, monkeypatch):
    def watched(path, explain, temperature):
        return None if path.read_text() == "control" else (np.zeros((head.WINDOW, 3)), 0.0)

    monkeypatch.setattr(footage, "watched", watched)
    monkeypatch.setattr(clips, "render", lambda path, pixels, landmarks, kind, *rest: path.write_text(kind))
    with pytest.raises(DataError, match="none of 3 became a clip of the test split"):
        footage.examples(photos, loaded, tmp_path)


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (None, {"train": 0.5, "valid": 0.15, "test": 0.35}),
        ("test", {"test": 1}),
        ("valid", {"train": 0.77, "valid": 0.23}),
    ],
)
def test_a_photo_is_on_the_side_that_its_bytes_and_the_data_say(named, expected):
    splits = [footage.split_of(f"{i * 2654435761 % 2**32:08x}", named) for i in range(1000)]
    assert {split: splits.count(split) / 1000 for split in sorted(set(splits))} == pytest.approx(expected, abs=0.02)


def test_photos_of_train_are_left_out_and_a_copy_in_test_tests(tmp_path):
    def photo(name, split):
        (tmp_path / name).write_bytes(name[0].encode())
        return Source(name, tmp_path / name, 0, split)

    sources = [photo("a.valid", "valid"), photo("a.test", "test"), photo("b.train", "train"), photo("c.test", "test")]
    sources.append(Source("d", tmp_path / "a.test", 1, None))  # a fake
    assert {(split, source.name) for _, split, source in footage.choose(sources)} == {
        ("test", "a.test"), ("test", "c.test"),
    }  # fmt: skip


def test_a_limit_is_shared_out_among_the_splits(tmp_path):
    sources = []
    for i in range(200):
        (tmp_path / str(i)).write_bytes(str(i).encode())
        sources.append(Source(str(i), tmp_path / str(i), 0, None))
    splits = [split for _, split, _ in footage.choose(sources, 40)]
    assert {split: splits.count(split) for split in footage.SHARES} == {"train": 20, "valid": 6, "test": 14}


def test_too_few_photos_are_refused_with_a_sentence(photos, loaded, made):
    with pytest.raises(DataError, match="too few real photos: none of 1 became a clip of the valid and the test split"):
        footage.examples([source for source in photos if source.name == "train.jpg"], loaded, made[1])
