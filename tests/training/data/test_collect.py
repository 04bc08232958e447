import io
import re

import numpy as np
from PIL import Image

from deepley.photo import faces
from deepley.photo.decode import decode
from deepley.training.data.collect import collect
from tests.conftest import encode


def test_photos_become_aligned_faces_that_are_all_saved_alike(astronaut, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    (photos / "deeper").mkdir(parents=True)
    (photos / "deeper" / "one.chip.png").write_bytes(encode(astronaut))
    (photos / "two.jpg").write_bytes(encode(astronaut[:, ::-1], "JPEG", quality=60))
    (photos / "empty.png").write_bytes(encode(np.full((200, 200, 3), 90, np.uint8)))
    (photos / "broken.jpg").write_bytes(b"no picture")
    refused = dict(collect(photos, out))
    assert set(refused) == {"empty.png", "broken.jpg"}
    assert sorted(p.name for p in out.iterdir()) == ["one.jpg", "two.jpg"]
    with Image.open(out / "one.jpg") as first, Image.open(out / "two.jpg") as second:
        assert first.size == second.size == (256, 256)
        assert first.quantization == second.quantization
    wanted = faces.find(astronaut)[0].crop
    saved = np.asarray(Image.open(io.BytesIO((out / "one.jpg").read_bytes())))
    assert np.abs(saved.astype(int) - wanted).mean() < 4


def test_parts_do_not_overlap(astronaut, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for shade in range(4):
        pixels = np.clip(astronaut.astype(int) + 4 * shade, 0, 255).astype(np.uint8)
        (photos / f"{shade}.png").write_bytes(encode(pixels))
    collect(photos, tmp_path / "first", limit=1)
    collect(photos, tmp_path / "second", limit=2, skip=1)
    first, second = ({p.name for p in (tmp_path / name).iterdir()} for name in ("first", "second"))
    assert len(first) == 1
    assert len(second) == 2
    assert not first & second


def test_photos_of_one_name_do_not_overwrite_each_other(astronaut, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    for i, name in enumerate(("real/1.png", "fake/1.png", "fake/1.jpg", "2.png")):
        (photos / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.clip(astronaut.astype(int) + 4 * i, 0, 255).astype(np.uint8)
        (photos / name).write_bytes(encode(pixels, "JPEG" if name.endswith("jpg") else "PNG"))
    collect(photos, out)
    names = sorted(p.name for p in out.iterdir())  # and in no folders: those above the pictures say what they are
    assert names.pop() == "2.jpg"
    assert len(names) == 3
    assert all(re.fullmatch(r"1-[0-9a-f]{12}\.jpg", name) for name in names)


def test_a_large_face_keeps_up_to_512_pixels(astronaut, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for times in (1, 2, 6):
        large = Image.fromarray(astronaut).resize((512 * times, 512 * times), Image.Resampling.LANCZOS)
        large.save(photos / f"{times}.png")
    collect(photos, tmp_path / "out")
    found = {path.stem: decode(path.read_bytes()) for path in (tmp_path / "out").iterdir()}
    sides = {name: (photo.width, photo.height) for name, photo in found.items()}
    assert sides["1"] == (256, 256)
    assert 256 < sides["2"][0] == sides["2"][1] < 512
    assert sides["6"] == (512, 512)
