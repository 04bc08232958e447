"""Turns untrusted bytes into upright RGB pixels: the one decoder and the two resizes of training and serving."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import cv2
import numpy as np
import pillow_heif
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from deepley.config import PhotoLimits
from deepley.errors import Refusal

pillow_heif.register_heif_opener()

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif"} | {".heic", ".heif", ".gif", ".tif", ".tiff", ".bmp"}
"""Suffixes of the files in a folder that are taken for photos."""


class PhotoError(Refusal):
    """A file that is not a usable photo; the message is one sentence for a person."""


@dataclass(frozen=True)
class Photo:
    """A decoded photo.

    Attributes:
        pixels: (height, width, 3) uint8, RGB, upright; `factor` times the size of the picture in the file.
        format: Pillow's name of the file format, such as "JPEG".
        width: Width of the upright picture in the file, in pixels.
        height: Height of the upright picture in the file, in pixels.
        quantization: JPEG quantisation tables, 64 numbers each; None for other formats.
    """

    pixels: np.ndarray
    format: str
    width: int
    height: int
    quantization: tuple[tuple[int, ...], ...] | None = None

    @property
    def factor(self) -> float:
        """Scale of `pixels` against the picture in the file, 0 < factor <= 1."""
        return max(self.pixels.shape[:2]) / max(self.width, self.height)

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.ndim != 3 or self.pixels.shape[2] != 3:
            raise ValueError(f"Photo.pixels must be (h, w, 3) uint8, not {self.pixels.shape} {self.pixels.dtype}.")


def decode(data: bytes, limits: PhotoLimits = PhotoLimits(), side: int | None = None) -> Photo:
    """Decodes one image file, or the first frame of an animation.

    EXIF orientation is applied, transparency is laid on white, 16-bit and float grey levels are scaled to 8 bits.

    Args:
        data: The file's bytes.
        limits: Largest file and picture; both are checked before pixels are decoded.
        side: Number of pixels that the longer side needs at least. A JPEG is decoded at the smallest of its scales 1,
            1/2, 1/4 and 1/8 that has them; these come from its own cosine coefficients, at a fraction of the time and
            memory. None decodes everything at full size.

    Returns:
        The photo.

    Raises:
        PhotoError: If the file is empty, too large, no image of a known format, or damaged.
    """
    if not data:
        raise PhotoError("The file is empty.")
    check_size(len(data), limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own size warning: our limit below is stricter
            image = Image.open(io.BytesIO(data), formats=limits.formats)
            if image.width * image.height > limits.max_pixels:
                raise Image.DecompressionBombError
            file_format = "JPEG" if image.format == "MPO" else image.format or ""  # phones append a second picture
            tables = getattr(image, "quantization", None) or None
            width, height = image.size
            if image.getexif().get(ExifTags.Base.Orientation, 1) >= 5:  # lies on its side
                width, height = height, width
            if side is not None:
                image.draft(None, _at_most(image.size, side))
            image.load()
            pixels = _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise PhotoError(
            "This is not an image in a format that can be read here (JPEG, PNG, WebP, AVIF, HEIC, GIF, TIFF or BMP)."
        ) from error
    except Image.DecompressionBombError as error:  # ours, or Pillow's own while opening
        raise PhotoError(
            f"The picture has more than {limits.max_pixels / 1e6:.0f} megapixels. Export the photo at a smaller size."
        ) from error
    except MemoryError as error:
        raise PhotoError("There is not enough memory to decode this picture.") from error
    # Pillow's decoders raise OSError, SyntaxError, ValueError, OverflowError, struct.error and more on hostile files;
    # each of them means that this file cannot be read.
    except Exception as error:
        raise PhotoError("The image file is damaged or incomplete and cannot be decoded.") from error
    quantization = tuple(tuple(tables[k]) for k in sorted(tables)) if tables else None
    return Photo(pixels, file_format, width, height, quantization)


def check_size(size: int, limits: PhotoLimits = PhotoLimits()) -> None:
    """Refuses a file that is too large, before it is read.

    Args:
        size: Size of the file in bytes.
        limits: Limits that name the largest size.

    Raises:
        PhotoError: If it is larger than `limits` allow.
    """
    if size > limits.max_bytes:
        raise PhotoError(
            f"The file has {size / 1e6:.0f} MB; at most {limits.max_bytes / 1e6:.0f} MB are accepted. "
            "Export the photo at a smaller size."
        )


def _at_most(size: tuple[int, int], side: int) -> tuple[int, int]:
    """A picture's width and height, scaled so that the longer is at most `side`."""
    longer = max(size)
    width, height = (max(1, length * min(side, longer) // longer) for length in size)
    return width, height


def _to_rgb(image: Image.Image) -> np.ndarray:
    """Converts a picture of any Pillow mode to (h, w, 3) uint8."""
    if image.mode == "F" or image.mode.startswith("I"):  # high bit depth: convert("RGB") would clip it to white
        grey = np.asarray(image).astype(np.float64)
        if image.mode == "F":
            low, high = float(np.nanmin(grey)), float(np.nanmax(grey))
            low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
        else:
            low, high = 0.0, 65535.0
        grey = np.nan_to_num((grey - low) / max(high - low, 1e-12))
        grey = np.clip(np.rint(grey * 255), 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image)
    return np.array(image.convert("RGB"))


def resize(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resizes a whole photo: down by area averaging, up by bicubic interpolation, both in OpenCV on uint8.

    Args:
        pixels: (h, w, 3) uint8.
        width: New width in pixels.
        height: New height in pixels.

    Returns:
        (height, width, 3) uint8.
    """
    old_height, old_width = pixels.shape[:2]
    if (old_width, old_height) == (width, height):
        return pixels
    smaller = width * height < old_width * old_height
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def reduce(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Resizes a face: down with Pillow's Lanczos filter, as FFHQ's faces were, up like `resize`.

    Args:
        pixels: (h, w, 3) uint8.
        width: New width in pixels.
        height: New height in pixels.

    Returns:
        (height, width, 3) uint8.
    """
    if width * height >= pixels.shape[0] * pixels.shape[1]:
        return resize(pixels, width, height)
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def crop(pixels: np.ndarray, side: int, top: int, left: int) -> np.ndarray:
    """Cuts a square from a picture, without resizing.

    Args:
        pixels: (h, w, 3) uint8.
        side: Side of the square in pixels.
        top: First row of the square.
        left: First column of the square.

    Returns:
        (side, side, 3) uint8.

    Raises:
        ValueError: If the square leaves the picture.
    """
    height, width = pixels.shape[:2]
    if not (0 <= top <= height - side and 0 <= left <= width - side):
        raise ValueError(f"A {side} px crop at ({left}, {top}) leaves a picture of {width} x {height} px.")
    return pixels[top : top + side, left : left + side]


def centre_crop(pixels: np.ndarray, side: int) -> np.ndarray:
    """Cuts the square of `side` pixels from the middle of a picture; see `crop`."""
    height, width = pixels.shape[:2]
    return crop(pixels, side, (height - side) // 2, (width - side) // 2)


def fit_within(pixels: np.ndarray, side: int) -> tuple[np.ndarray, float]:
    """Shrinks a picture so that its longer side has at most `side` pixels; never enlarges it.

    Args:
        pixels: (h, w, 3) uint8.
        side: Longest side allowed, in pixels.

    Returns:
        (h, w, 3) uint8, and the factor by which it was scaled, 0 < factor <= 1.
    """
    height, width = pixels.shape[:2]
    factor = min(1.0, side / max(height, width))
    if factor == 1.0:
        return pixels, 1.0
    return resize(pixels, max(1, round(width * factor)), max(1, round(height * factor))), factor
