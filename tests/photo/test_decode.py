import io
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from deepley.config import PhotoLimits
from deepley.photo.decode import PhotoError, decode, fit_within, resize
from tests.conftest import encode, under_orientation


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF"])
def test_lossless_formats_come_back_pixel_for_pixel(astronaut, name):
    photo = decode(encode(astronaut, name))
    assert photo.format == name
    np.testing.assert_array_equal(photo.pixels, astronaut)


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF", "HEIF", "GIF"])
def test_lossy_formats_come_back_close(astronaut, name):
    photo = decode(encode(astronaut, name))
    assert photo.pixels.shape == astronaut.shape
    assert np.abs(photo.pixels.astype(int) - astronaut).mean() < 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_turned_upright(astronaut, orientation):
    stored = under_orientation(astronaut[:, :400], orientation, "PNG")
    np.testing.assert_array_equal(decode(stored).pixels, astronaut[:, :400])


def test_sixteen_bit_grey_is_scaled_and_not_clipped():
    ramp = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    buffer = io.BytesIO()
    Image.fromarray(ramp).save(buffer, "PNG")
    np.testing.assert_array_equal(decode(buffer.getvalue()).pixels[:, :, 1].ravel(), np.arange(256))


def test_transparency_lies_on_white_and_hides_its_colour():
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, :, 0] = 200
    image[:4, :, 3] = 255
    pixels = decode(encode(image)).pixels
    assert (pixels[:4] == [200, 0, 0]).all()
    assert (pixels[4:] == 255).all()


def test_a_palette_gif_gives_colours_not_indices(astronaut):
    photo = decode(encode(astronaut, "GIF"))
    assert np.abs(photo.pixels.mean(axis=(0, 1)) - astronaut.mean(axis=(0, 1))).max() < 5


def _png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"hello, this is text", "not an image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image"),
        (_png_header(13_000, 13_000), "more than 64 megapixels"),  # 1-bit: a few bytes that would become gigabytes
        (_png_header(40_000, 40_000), "more than 64 megapixels"),  # beyond Pillow's own limit as well
        (_png_header(64, 64), "damaged"),
    ],
)
def test_a_bad_file_ends_in_one_sentence(data, words):
    with pytest.raises(PhotoError, match=words):
        decode(data)


def test_a_truncated_jpeg_is_refused(astronaut):
    data = encode(astronaut, "JPEG")
    with pytest.raises(PhotoError, match="damaged or incomplete"):
        decode(data[: len(data) // 2])


def test_a_file_over_the_limit_is_refused_before_decoding(astronaut):
    data = encode(astronaut)
    with pytest.raises(PhotoError, match="MB are accepted"):
        decode(data, PhotoLimits(max_bytes=len(data) - 1))


def test_the_resize_is_the_golden_one():
    """Training and serving share these pixels: another resizer is another network input."""
    ramp = (np.add.outer(np.arange(8) * 20, np.arange(8) * 10)[:, :, None] + np.array([0, 5, 9])).astype(np.uint8)
    small = resize(ramp, 4, 4)
    np.testing.assert_array_equal(
        small[:, :, 0], [[15, 35, 55, 75], [55, 75, 95, 115], [95, 115, 135, 155], [135, 155, 175, 195]]
    )
    large = resize(ramp[:2, :2], 4, 4)
    np.testing.assert_array_equal(large[:, :, 0], [[0, 0, 6, 9], [3, 7, 12, 16], [14, 18, 23, 27], [21, 24, 30, 33]])
    assert resize(ramp, 8, 8) is ramp


def test_fit_within_only_shrinks(astronaut):
    small, factor = fit_within(astronaut[:, :256], 128)
    assert small.shape == (128, 64, 3)
    assert factor == 0.25
    same, factor = fit_within(astronaut, 512)
    assert same is astronaut
    assert factor == 1.0


def test_a_large_jpeg_is_decoded_at_the_smallest_scale_that_is_large_enough(astronaut):
    large = cv2.resize(astronaut[:300], (3072, 1800), interpolation=cv2.INTER_CUBIC)
    data = encode(large, "JPEG", quality=95)
    photo = decode(data, side=1280)
    assert photo.pixels.shape == (900, 1536, 3)
    assert (photo.width, photo.height, photo.factor) == (3072, 1800, 0.5)
    averaged = cv2.resize(large, (1536, 900), interpolation=cv2.INTER_AREA)
    assert np.abs(photo.pixels.astype(int) - averaged).mean() < 1
    assert decode(data, side=1600).factor == 1
    assert decode(encode(large[:, :1000]), side=100).factor == 1  # a PNG has no such scales


def test_a_photo_on_its_side_gives_its_upright_size(astronaut):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = decode(encode(astronaut[:256], "JPEG", exif=exif), side=250)
    assert (photo.width, photo.height) == (256, 512)
    assert photo.pixels.shape == (256, 128, 3)
