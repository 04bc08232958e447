import numpy as np
import pytest

from deepley.training.data.reconstruction import Autoencoder, reconstruct
from deepley.training.data.sources import DataError, find
from deepley.training.fit import batches
from deepley.training.views.views import Views, twins
from tests.conftest import encode

_LATENTS, _WIDTH = 5, 8
_SHAPES = ((3, _WIDTH), (_WIDTH, _WIDTH), (_WIDTH, _LATENTS), (_LATENTS, _WIDTH), (_WIDTH, 3))


def _weights(positions: dict[int, str], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Small random weights; a block adds next to nothing to its input."""
    made = {}

    def convolution(name: str, inputs: int, outputs: int, side: int = 3, size: float = 1e-3) -> None:
        made[f"{name}.weight"] = rng.normal(0, size, (outputs, inputs, side, side)).astype(np.float16)

    for position, kind in positions.items():
        if kind == "block" or kind == "pooled":
            for part in (0, 2, 4):
                convolution(f"{position}.conv.{part}", _WIDTH, _WIDTH)
                made[f"{position}.conv.{part}.bias"] = np.zeros(_WIDTH, np.float16)
        if kind == "pooled":
            convolution(f"{position}.pool.0", _WIDTH, 16, side=1)
            made[f"{position}.pool.1.weight"] = np.ones(16, np.float16)
            made[f"{position}.pool.1.bias"] = np.zeros(16, np.float16)
            convolution(f"{position}.pool.3", 16, _WIDTH, side=1)
        if kind.isdigit():
            inputs, outputs = ((3, _WIDTH), (_WIDTH, _WIDTH), (_WIDTH, _LATENTS), (_LATENTS, _WIDTH), (_WIDTH, 3))[
                int(kind)
            ]
            kernel = np.zeros((outputs, inputs, 3, 3), np.float16)
            for i in range(min(inputs, outputs)):
                kernel[i, i, 1, 1] = 1  # colours pass through the first three channels
            made[f"{position}.weight"] = kernel
    return made


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("autoencoder"), np.random.default_rng(0)
    encoder = {0: "0", 2: "1", 6: "1", 10: "1", 14: "2"} | {i: "block" for i in (1, 3, 4, 5, 7, 8, 9)}
    decoder = {1: "3", 7: "1", 12: "1", 17: "1", 19: "4"} | {i: "block" for i in (8, 9, 10, 13, 14, 15, 18)}
    encoder |= {i: "pooled" for i in (11, 12, 13)}
    decoder |= {i: "pooled" for i in (3, 4, 5)}
    for name, positions in (("encoder", encoder), ("decoder", decoder)):
        np.savez(folder / f"{name}.npz", **_weights(positions, rng))
    return folder / "encoder.npz", folder / "decoder.npz"


def test_a_photo_comes_back_in_its_size_with_what_the_latents_hold(astronaut, files):
    made = Autoencoder(*files)(astronaut[:203, :301])
    assert made.shape == (200, 296, 3)
    assert made.dtype == np.uint8
    # These weights keep every eighth pixel, and enlarge it to a block of 8 x 8.
    wanted = np.repeat(np.repeat(astronaut[:200:8, :296:8], 8, axis=0), 8, axis=1).astype(float)
    wanted = np.tanh(wanted / 255 / 3) * 3 * 255
    assert np.abs(made - wanted).mean() < 4


def test_real_pictures_that_are_large_enough_get_a_reconstruction_beside_them(astronaut, files, tmp_path):
    for name, pixels in (("lfw/1.png", astronaut[:400, :400]), ("lfw/2.png", astronaut[:300, :400])):
        path = tmp_path / "train" / "real" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(pixels))
    (tmp_path / "train" / "real" / "lfw" / "3.png").write_bytes(b"no picture")
    refused = reconstruct(tmp_path, *files, smallest=384)
    assert [name for name, _ in refused] == ["train/real/lfw/3.png"]
    made = tmp_path / "train" / "fake" / "reconstructed" / "lfw" / "1.jpg"
    assert [p for p in (tmp_path / "train" / "fake").rglob("*") if p.is_file()] == [made]
    before = made.stat().st_mtime_ns
    reconstruct(tmp_path, *files, smallest=384)
    assert made.stat().st_mtime_ns == before  # a run that was stopped goes on


def test_a_reconstruction_follows_its_real_picture_in_the_same_view(astronaut, files, tmp_path):
    for i in range(3):
        path = tmp_path / "train" / "real" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(np.roll(astronaut, 90 * i, axis=1)))
    reconstruct(tmp_path, *files, smallest=384)
    sources = tuple(source for source in find(tmp_path) if source.name != "train/real/2.png")
    pairs = {sources[fake].name: sources[real].name for fake, real in twins(sources).items()}
    assert pairs == {f"train/fake/reconstructed/{i}.jpg": f"train/real/{i}.png" for i in range(2)}
    shown = list(batches.order(sources, (1,), 0, len(sources)))
    assert all(shown[shown.index(real) + 1] == fake for fake, real in twins(sources).items())
    views = Views(sources).draw(np.arange(len(sources)), (5,), 128, "none")
    for fake, real in twins(sources).items():
        assert np.corrcoef(views[fake].ravel(), views[real].ravel())[0, 1] > 0.7  # the same crop, flipped alike


def test_what_is_no_autoencoder_is_refused(files, tmp_path):
    np.savez(tmp_path / "other.npz", kernel=np.zeros(3))
    with pytest.raises(DataError, match=r"other\.npz are not an autoencoder's weights"):
        Autoencoder(files[0], tmp_path / "other.npz")
