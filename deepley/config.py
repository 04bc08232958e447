"""What the environment says, and every limit and threshold, once, as frozen dataclasses."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder: what is beside the package."""

DEFAULT_RELEASE = ROOT / "weights" / "deepley-resnet50"
"""The embedded release."""

NAMED_RELEASE = os.environ.get("DEEPLEY_RELEASE")
"""A release folder: used before any other."""

HUB_RELEASE = os.environ.get("DEEPLEY_HUB")
"""A release on the Hub, as OWNER/NAME@COMMIT:DIGEST, which `publish` prints: used next, from the Hub's cache or the
network. Without either, and if the Hub fails, the embedded release is used."""

HUB_PATIENCE = 10.0
"""Seconds from the start, its imports included, until it waits for the Hub no longer."""

RUNS_FOLDER = Path(os.environ.get("DEEPLEY_RUNS", "runs"))
"""Where fine-tuning jobs live."""

DATA_FOLDER = Path(os.environ.get("DEEPLEY_DATA", "data"))
"""Where the page keeps what visitors agreed to leave: corrections."""

LONGEST_JOB = 2_000_000
"""Training images that a fine-tuning job of the page may show, over all its rounds: about a day on two CPU cores."""

MICRO_BATCH = 16
"""Faces in one forward pass; more are split."""

FACE_SIZE = 256
"""Side of an aligned face crop in pixels."""


@dataclass(frozen=True)
class PhotoLimits:
    """What `photo.decode` accepts.

    Attributes:
        max_bytes: Largest file, in bytes.
        max_pixels: Largest width times height, checked before decoding.
        formats: Pillow format names that are tried.
    """

    max_bytes: int = 25_000_000
    max_pixels: int = 64_000_000
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "TIFF", "BMP")


@dataclass(frozen=True)
class VideoLimits:
    """What `video.reader` accepts, and how much of it is decoded and kept.

    Attributes:
        max_bytes: Largest file, in bytes.
        max_pixels: Largest width times height of a frame, checked before decoding.
        max_seconds: Length of the part that is analysed, from the first frame on, in seconds.
        max_frames: Frames that are decoded at most.
        every: Time between the first frames of two pairs, in seconds.
        formats: FFmpeg's names of the containers that are tried. Playlists are none of them: they name other files.
        shown_side: Longest side, in pixels, of the copies of frames that a verdict keeps.
        max_faces: Faces followed at one time, the largest.
    """

    max_bytes: int = 500_000_000
    max_pixels: int = 4096 * 2304
    max_seconds: float = 60.0
    max_frames: int = 4000
    every: float = 0.5
    formats: tuple[str, ...] = ("mov", "matroska", "webm", "avi", "gif")
    shown_side: int = 960
    max_faces: int = 5

    def __post_init__(self) -> None:
        if not (self.every > 0 and self.max_seconds > 0 and self.max_frames > 1):
            raise ValueError("A clip is read for more than 0 s, in pairs more than 0 s apart, of 2 frames or more.")


@dataclass(frozen=True)
class ManyLimits:
    """What one run of "Many photos" accepts.

    Attributes:
        max_files: Photos, counting those inside zips.
        max_zip_bytes: Largest zip, in bytes.
    """

    max_files: int = 200
    max_zip_bytes: int = 500_000_000


@dataclass(frozen=True)
class ApiLimits:
    """What programs may ask of this server.

    Attributes:
        calls_per_minute: From one address.
        posts_per_minute: Of whatever kind, from one address: what the page itself sends, uploads included.
        uploads_per_hour: From one address, in bytes: as long as uploads are kept.
        max_photos: In one call of /check_many.
        max_bytes: Of all files of one call of /check_many.
        max_body: Of a request that is no upload, in bytes; a photo of 25 MB has 33.4 million as a data URL.
        max_fetched: Of the files of one call that are named by their addresses on the web, in bytes; each is held in
            memory while it comes.
        fetch_seconds: For them to come, redirects included.
    """

    calls_per_minute: int = int(os.environ.get("DEEPLEY_CALLS_PER_MINUTE", "60"))
    posts_per_minute: int = 1200
    uploads_per_hour: int = 5_000_000_000
    max_photos: int = 50
    max_bytes: int = 500_000_000
    max_body: int = 35_000_000
    max_fetched: int = 100_000_000
    fetch_seconds: float = 20.0


@dataclass(frozen=True)
class UploadLimits:
    """What an upload of training pictures may hold, and what every upload must leave.

    Attributes:
        max_bytes: Of the archive, and of the pictures unpacked, each in bytes.
        max_images: Pictures taken; an archive with more is refused.
        min_free: Bytes that stay free on the disk.
    """

    max_bytes: int = 2_000_000_000
    max_images: int = 20_000
    min_free: int = 2_000_000_000


@dataclass(frozen=True)
class FaceLimits:
    """How faces are found.

    Attributes:
        search_side: Longest side, in pixels, of the copy that the face detector sees.
        confidence: Smallest detector confidence, 0..1, for a face.
        min_side: Smallest longer side of a face's box in the photo, in pixels; below it a face is "too small". Of 100
            validation fakes 91 % are found at 64 px, 86 % at 48 (`benchmarks.limits`).
        min_sharpness: Smallest `Face.sharpness`; below it a face is "too blurred". The median of faces blurred by 1.6
            px, of which 95 % are found, is 11; by 2 px, 88 %, it is 6.
        max_faces: Faces that get a verdict, largest first; a crowd's others are counted only.
        aligned_tolerance: A square image is taken as an aligned crop when both eyes lie within this many pixels of
            the template's, measured at 256 px.
    """

    search_side: int = 640
    confidence: float = 0.9
    min_side: int = 64
    min_sharpness: float = 10.0
    max_faces: int = 20
    aligned_tolerance: float = 8.0
