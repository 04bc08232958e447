import numpy as np
import pytest
from PIL import Image

from deepley.photo import faces
from deepley.photo.alignment import TEMPLATE
from deepley.photo.treatment import jpeg
from deepley.training.data import dataset
from deepley.training.data.sources import find
from deepley.training.fit import batches
from deepley.training.views import blending, blends
from deepley.training.views.views import Views, drawers, twins
from tests.conftest import encode


@pytest.fixture(scope="module")
def face(astronaut):
    return faces.find(astronaut)[0].crop


def test_a_mask_covers_the_face_softly_and_leaves_the_surroundings_alone():
    masks = np.stack([blending.face_mask(TEMPLATE, np.random.default_rng(seed)) for seed in range(40)])
    assert masks.dtype == np.float32
    assert masks.min() >= 0
    assert masks.max() <= 1
    assert (masks[:, 195, 127] > 0.2).all()  # between the corners of the mouth, inside every contour
    assert masks[:, :16].max() < 0.05
    assert masks[:, :, :16].max() < 0.05
    assert np.std(masks, axis=0).max() > 0.3
    assert all(((mask > 0.02) & (mask < mask.max() * 0.98)).sum() > 300 for mask in masks)


def test_a_mask_follows_the_landmarks():
    rng = (np.random.default_rng(1), np.random.default_rng(1))
    here, there = (blending.face_mask(TEMPLATE + move, r) for move, r in zip(([0, 0], [30, -20]), rng))
    middle = [np.array([(m.sum(0) @ np.arange(256)), (m.sum(1) @ np.arange(256))]) / m.sum() for m in (here, there)]
    np.testing.assert_allclose(middle[1] - middle[0], [30, -20], atol=3)


def test_a_blend_changes_one_side_of_the_mask_and_fades_between(face):
    mask = np.zeros((256, 256), np.float32)
    mask[:, 100:156] = 0.5
    mask[:, 156:] = 1
    mixed = blending.blend(np.zeros_like(face), face, mask)
    np.testing.assert_array_equal(mixed[:, :100], face[:, :100])
    np.testing.assert_array_equal(mixed[:, 156:], 0)
    np.testing.assert_allclose(mixed[:, 100:156], face[:, 100:156] / 2, atol=0.51)


def test_a_self_blend_differs_from_the_photo_as_a_swap_does(face):
    for seed in range(8):
        made = blending.self_blended(face, TEMPLATE, np.random.default_rng(seed))
        assert made.shape == face.shape
        assert made.dtype == np.uint8
        difference = np.abs(made.astype(int) - face).mean(axis=2)
        assert difference[110:220, 80:176].mean() > 2
        assert difference.mean() < 60


def test_the_same_draws_make_the_same_blend(face):
    one, two, other = (blending.self_blended(face, TEMPLATE, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


def test_a_swap_takes_the_face_of_the_donor_in_the_colours_of_the_photo(face):
    donor = np.clip(face[:, ::-1].astype(int) // 2 + 90, 0, 255).astype(np.uint8)
    made = blending.swapped(face, TEMPLATE, donor, TEMPLATE, np.random.default_rng(3))
    np.testing.assert_allclose(made[:20], face[:20], atol=25)
    inside = made[150:200, 100:150].reshape(-1, 3)
    near, far = (np.abs(inside.mean(0) - x[150:200, 100:150].reshape(-1, 3).mean(0)).max() for x in (face, donor))
    assert near < far


def test_matching_colours_gives_mean_and_spread_of_the_other(face):
    under = np.zeros((256, 256), bool)
    under[60:200, 60:200] = True
    dull = (face // 2 + 60).astype(np.uint8)
    matched = blending.match_colours(dull, face, under)
    np.testing.assert_allclose(matched[under].mean(0), face[under].mean(0), atol=2)
    np.testing.assert_allclose(matched[under].std(0), face[under].std(0), rtol=0.1)


@pytest.fixture(scope="module")
def blended(tmp_path_factory, face):
    folder = tmp_path_factory.mktemp("faces")
    for split in ("train", "valid"):
        for label, levels in (("real", (0, 10, 20, 30)), ("fake", (5,))):
            (folder / split / label).mkdir(parents=True)
            for level in levels:
                shifted = np.clip(face.astype(int) + level + (3 if split == "valid" else 0), 0, 255).astype(np.uint8)
                (folder / split / label / f"{level}.png").write_bytes(encode(shifted))
    return folder, blends.add(dataset.load(folder), 0.5, folder / "out")


def test_blends_stand_beside_the_pictures_of_each_split(blended):
    _, data = blended
    assert data.report.counts["train"] == {"real": 4, "fake": 1, "blended": 2}
    made = [source for source in data.splits["train"] if source.kind == "blended"]
    assert [source.label for source in made] == [1, 1]
    assert all(source.name.startswith("train/real/") for source in made)
    assert data.report.counts["test"]["blended"] == 0


def test_a_blend_is_drawn_anew_in_training_and_always_alike_in_validation(blended):
    _, data = blended
    blend = data.splits["valid"][-1]
    np.testing.assert_array_equal(blend.face(), blend.face())
    drawn = [blend.face(np.random.default_rng(seed)) for seed in range(2)]
    assert (drawn[0] != drawn[1]).any()


def test_a_blend_follows_its_real_picture_and_is_shown_in_the_same_view(blended):
    sources = blended[1].splits["train"]
    pairs = twins(sources)
    assert {sources[blend].name: sources[real].name for blend, real in pairs.items()} == {
        source.name: source.real.name for source in sources if source.kind == "blended"
    }
    for seed in range(4):
        shown = list(batches.order(sources, (seed,), 0, len(sources)))
        assert sorted(shown) == list(range(len(sources)))
        assert all(shown[shown.index(real) + 1] == blend for blend, real in pairs.items())
    views, kinds = Views(sources), ("generated", "blended")
    pictures, classes = batches.Crops(views, np.arange(len(sources)), (7,), len(sources), 128, "none", kinds)[0]
    for blend, real in pairs.items():
        assert classes[[blend, real], 0].tolist() == [2, 0]
        greys = [pictures[i].mean(axis=2).ravel() for i in (blend, real)]
        assert 0.9 < np.corrcoef(greys)[0, 1] < 0.99999  # the same crop, flipped alike, and changed in part


def test_a_process_draws_the_same_blends(blended):
    sources = blended[1].splits["train"]
    wanted = Views(sources).draw(np.arange(len(sources)), (3,), 96, "wide")
    with drawers(sources, 1) as views:
        np.testing.assert_array_equal(views.draw(np.arange(len(sources)), (3,), 96, "wide"), wanted)


def test_a_blend_whose_real_picture_was_cut_is_shown_by_itself(blended):
    sources = tuple(source for source in blended[1].splits["train"] if source.label == 1)
    assert twins(sources) == {}
    assert sorted(batches.order(sources, (1,), 0, len(sources))) == list(range(len(sources)))
    assert Views(sources).draw(np.arange(len(sources)), (3,), 96, "wide").shape == (3, 96, 96, 3)


def test_landmarks_are_found_once_and_kept(blended, monkeypatch):
    folder, data = blended
    monkeypatch.setattr(faces, "landmarks", lambda crops: pytest.fail("searched again"))
    again = blends.add(dataset.load(folder), 0.5, folder / "out")
    np.testing.assert_array_equal(again.splits["valid"][-1].face(), data.splits["valid"][-1].face())


def test_landmarks_of_aligned_faces_agree_with_those_of_find(face):
    (found,) = faces.find(face)
    quick = faces.landmarks(np.stack([face, np.zeros_like(face)]))
    np.testing.assert_allclose(quick[0], found.landmarks, atol=4)
    np.testing.assert_allclose(quick[1], TEMPLATE, atol=1e-4)


def test_a_blend_of_a_large_picture_is_reduced_as_its_real_picture_is(astronaut, tmp_path):
    large = np.asarray(Image.fromarray(faces.find(astronaut)[0].crop).resize((512, 512)))
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "1.png").write_bytes(encode(large))
    (real,) = find(tmp_path)
    blend = blends.Blend(blends.Pool((real,), TEMPLATE[None].astype(np.float32)), 0)
    plain = {seed: real.face(reduction=np.random.default_rng(seed)) for seed in range(6)}
    assert len({picture.tobytes() for picture in plain.values()}) > 2
    for seed in plain:
        made = blend.face(np.random.default_rng(0), np.random.default_rng(seed))
        # Above the brows a blend is its picture saved once more.
        differences = {other: np.abs(made[:32].astype(int) - jpeg(of, 95)[:32]).mean() for other, of in plain.items()}
        assert differences[seed] == min(differences.values())
