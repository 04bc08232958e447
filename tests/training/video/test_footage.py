import hashlib
import shutil

import numpy as np
import pytest

from deepley.__main__ import main
from deepley.network.files import CARD, TEMPORAL
from deepley.network.release import load
from deepley.photo.faces import find
from deepley.training.data import dataset
from deepley.training.data.sources import DataError, Source
from deepley.training.video import clips, footage
from deepley.video import temporal_head
from tests.conftest import encode

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut):
    """Real photos of which, by their folder and bytes, one trains, one validates and one tests."""
    folder, wanted = tmp_path_factory.mktemp("film"), ["train", "valid", "test"]
    face, found = find(astronaut)[0].crop, []
    for level in range(40):
        content = encode(np.clip(face.astype(int) + level - 20, 0, 255).astype(np.uint8), "JPEG", quality=95)
        named = "valid" if len(wanted) > 1 or wanted == ["valid"] else "test"
        split = footage.split_of(hashlib.sha256(content).hexdigest(), named)
        if split in wanted:
            wanted.remove(split)
            path = folder / named / "real" / f"{split}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            found.append(Source(f"{named}/real/{path.name}", path, 0, named))
        if not wanted:
            return sorted(found, key=lambda source: source.name)
    raise AssertionError(wanted)


@pytest.fixture(scope="module")
def loaded(micro_release):
    return load(micro_release)


@pytest.fixture(scope="module")
def made(photos, loaded, tmp_path_factory):
    store = tmp_path_factory.mktemp("store")
    return footage.examples(photos, loaded, store), store


def test_a_photo_becomes_a_real_and_a_blended_clip_and_for_testing_a_control_too(made):
    examples, _ = made
    assert examples.sequences.shape[:2] == (7, temporal_head.WINDOW)
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

    data = str(photos[0].path.parents[2])
    assert main(["train-video", "--data", data, "--release", str(folder), "--origin", "photos of one astronaut"]) == 0
    assert filmed == list(clips.KINDS[:kinds])
    assert "| both | 2 (1) |" in capsys.readouterr().out
    trained = temporal_head.load(folder / TEMPORAL, loaded.sha256)
    assert trained.details["clips"] == {"train": 2, "valid": 2, "test": 2}
    assert not (folder / "temporal.clips").exists()
    card = (folder / CARD).read_text()
    assert "trained on 2 clips, 2 more to stop and calibrate it: synthetic clips of photos of one astronaut" in card
    assert "### Clips made of photos that were held out, real against blended" in card


def test_a_photo_whose_face_is_lost_in_one_clip_is_left_out_whole(photos, loaded, tmp_path, monkeypatch):
    def watched(path, explain, temperature):
        return None if path.read_text() == "control" else (np.zeros((temporal_head.WINDOW, 3)), 0.0)

    monkeypatch.setattr(footage, "watched", watched)
    monkeypatch.setattr(clips, "render", lambda path, pixels, landmarks, kind, *rest: path.write_text(kind))
    with pytest.raises(DataError, match="none of 3 became a clip of the test split"):
        footage.examples(photos, loaded, tmp_path)


@pytest.mark.parametrize(("split", "expected"), [("test", {"test": 1}), ("valid", {"train": 0.77, "valid": 0.23})])
def test_a_photo_is_on_the_side_that_its_bytes_and_the_data_say(split, expected):
    splits = [footage.split_of(f"{i * 2654435761 % 2**32:08x}", split) for i in range(1000)]
    assert {name: splits.count(name) / 1000 for name in sorted(set(splits))} == pytest.approx(expected, abs=0.02)


def test_photos_of_train_and_their_copies_are_left_out_and_a_copy_in_test_tests(tmp_path):
    def photo(name, split):
        (tmp_path / name).write_bytes(name[0].encode())
        return Source(name, tmp_path / name, 0, split)

    sources = [photo("a.valid", "valid"), photo("a.test", "test"), photo("b.train", "train"), photo("c.test", "test")]
    sources += [photo("b.test", "test"), Source("d", tmp_path / "a.test", 1, None)]  # a copy; a fake
    assert {(split, source.name) for _, split, source in footage.choose(sources)} == {
        ("test", "a.test"), ("test", "c.test"),
    }  # fmt: skip


def test_of_data_without_splits_only_photos_are_filmed_that_training_leaves_out(tmp_path):
    sources = []
    for i in range(60):
        (tmp_path / f"{i}.jpg").write_bytes(bytes([i]))
        sources.append(Source(f"{i}.jpg", tmp_path / f"{i}.jpg", 0, None))
    filmed = footage.choose(sources)
    assert 2 < len(filmed) < 30
    for digest, split, source in filmed:
        assert dataset.split_of(source, bytes.fromhex(digest), {None}) == ("test" if split == "test" else "valid")
