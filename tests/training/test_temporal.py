import numpy as np
import pytest

from deepley.__main__ import main
from deepley.network.engine import Engine
from deepley.network.release import load
from deepley.photo.faces import find
from deepley.training import clips, temporal
from deepley.training.sources import DataError, Source
from deepley.training.temporal import Examples
from deepley.video import head
from tests.conftest import encode


def _examples(gap, n=120, seed=0):
    """Made-up sequences: blends differ in the last feature by `gap`, controls in nothing."""
    rng = np.random.default_rng(seed)
    kinds = np.array(["real", "blended", "control"] * n)
    splits = np.array([["train", "train", "valid", "test"][i // 3 % 4] for i in range(3 * n)])
    sequences = rng.normal(size=(3 * n, head.WINDOW, 10)).astype(np.float32)
    sequences[..., 9] += gap * (kinds == "blended")[:, None]
    spatial = rng.normal(size=3 * n) + 0.5 * (kinds == "blended")
    return Examples(sequences, spatial, kinds, splits, 0)


def test_the_head_learns_what_changes_and_the_controls_stay_at_chance():
    trained, measured = temporal.fit(_examples(1.5))
    assert measured["n"] == {"real": 30, "blended": 30, "control": 30}
    assert measured["auc"]["temporal"]["value"] > 0.95
    assert measured["auc"]["spatial"]["value"] < 0.9
    assert measured["difference"]["from"] == "temporal"
    assert measured["difference"]["low"] > -0.05
    for found in measured["control"].values():
        assert found["low"] <= 0.5 <= found["high"]
    assert trained.combination.temporal > 0
    assert "AUC both, real against blended" in temporal.table(measured)


def test_a_combination_weighs_what_helps_and_nothing_against_itself():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 200)
    useful, inverted = rng.normal(2 * labels - 1, 1), rng.normal(1 - 2 * labels, 1)
    found = temporal.combine(inverted, useful, labels)
    assert found.spatial == 0
    assert found.temporal == pytest.approx(2, rel=0.3)  # the log-likelihood ratio of these two normals is 2 z


def test_the_interval_holds_the_value():
    _, measured = temporal.fit(_examples(0.3, 60))
    for found in measured["auc"].values():
        assert found["low"] <= found["value"] <= found["high"]


def test_copies_of_a_photo_are_on_one_side_and_every_side_has_some():
    splits = [temporal.split_of(str(i).encode()) for i in range(500)]
    assert splits == [temporal.split_of(str(i).encode()) for i in range(500)]
    assert 0.5 < splits.count("train") / 500 < 0.7
    assert splits.count("valid") > 60
    assert splits.count("test") > 60


@pytest.fixture(scope="module")
def photos(tmp_path_factory, astronaut):
    """Real photos of which, by their bytes, two train, one validates and one tests."""
    folder, wanted = tmp_path_factory.mktemp("film"), ["train", "train", "valid", "valid", "test"]
    face = find(astronaut)[0].crop
    (folder / "real").mkdir()
    for level in range(200):
        content = encode(
            np.clip(face.astype(int) + level % 40 - 20, 0, 255).astype(np.uint8), "JPEG", quality=99 - level // 40
        )
        if temporal.split_of(content) in wanted:
            wanted.remove(temporal.split_of(content))
            (folder / "real" / f"{level}.jpg").write_bytes(content)
    assert not wanted
    return folder


def test_a_handful_of_photos_becomes_a_head_that_is_loaded_again(photos, micro_release, tmp_path, capsys):
    out = tmp_path / "temporal.safetensors"
    assert main(["train-video", "--data", str(photos), "--release", str(micro_release), "--out", str(out)]) == 0
    assert "Test clips: 1 real, 1 blended, 1 control; 0 lost." in capsys.readouterr().out
    trained = head.load(out, load(micro_release).sha256)
    assert trained.details["clips"] == {"train": 4, "valid": 4, "test": 2}
    assert "synthetic clips" in trained.details["origin"]


def test_too_few_photos_are_refused_with_a_sentence(photos, micro_release):
    loaded = load(micro_release)
    sources = [Source("0.jpg", path, 0, None) for path in sorted((photos / "real").iterdir())]
    with pytest.raises(DataError, match="too few real photos"):
        temporal.examples(sources, Engine(loaded.model).explain, 1.0, limit=1)


def test_the_same_photo_and_kind_give_the_same_clip(photos, micro_release, tmp_path):
    engine = Engine(load(micro_release).model)
    pixels = Source("a", next((photos / "real").iterdir()), 0, None).face()
    (landmarks,) = temporal.faces.landmarks(pixels[None])
    one, two = (np.stack(list(clips.frames(pixels, landmarks, "blended", np.random.default_rng(4)))) for _ in range(2))
    np.testing.assert_array_equal(one, two)  # before compression: the encoder's bytes differ now and then
    clips.render(tmp_path / "a.mp4", pixels, landmarks, "blended", np.random.default_rng(4))
    assert temporal.watched(tmp_path / "a.mp4", engine.explain, 1.0)[0].shape[0] == head.WINDOW
