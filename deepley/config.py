"""Settings from the environment, and all limits and thresholds, as frozen dataclasses."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The project's folder, which holds the package."""

DEFAULT_RELEASE = ROOT / "weights" / "deepley-resnet50"
"""Folder of the embedded release."""

NAMED_RELEASE = os.environ.get("DEEPLEY_RELEASE")
"""Folder of a release that is used before any other, or None."""

HUB_RELEASE = os.environ.get("DEEPLEY_HUB")
"""A release on the Hub, as OWNER/NAME@COMMIT:DIGEST, which `publish` prints, or None. It is used if no folder is named,
and comes from the Hub's cache or the network. Without it, or if the Hub fails, the embedded release is used."""

HUB_PATIENCE = 10.0
"""Time after which the start of the page no longer waits for the Hub, in seconds, imports included."""

RUNS_FOLDER = Path(os.environ.get("DEEPLEY_RUNS", "runs"))
"""Folder of the fine-tuning jobs."""

DATA_FOLDER = Path(os.environ.get("DEEPLEY_DATA", "data"))
"""Folder in which the page stores visitors' corrections."""

LONGEST_JOB = 2_000_000
"""Largest number of training images shown by a fine-tuning job of the page, over all its rounds: about a day on two CPU
cores."""

MICRO_BATCH = 16
"""Largest number of faces in one forward pass; more are split."""

FACE_SIZE = 256
"""Side of an aligned face crop in pixels."""


@dataclass(frozen=True)
class PhotoLimits:
    """Limits of photos, for `photo.decode`.

    Attributes:
        max_bytes: Largest file, in bytes.
        max_pixels: Largest width times height, checked before decoding.
        formats: Pillow's names of the formats that are tried.
    """

    max_bytes: int = 25_000_000
    max_pixels: int = 64_000_000
    formats: tuple[str, ...] = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF", "TIFF", "BMP")


@dataclass(frozen=True)
class VideoLimits:
    """Limits of video clips, for `video.reader`: which are accepted, and how much of them is decoded and kept.

    Attributes:
        max_bytes: Largest file, in bytes.
        max_pixels: Largest width times height of a frame, checked before decoding.
        max_seconds: Longest part that is analysed, from the first frame on, in seconds.
        max_frames: Largest number of decoded frames.
        every: Time between the first frames of two pairs, in seconds.
        formats: FFmpeg's names of the containers that are tried. No playlists are among them: they name other files.
        shown_side: Longest side of the copies of frames that a verdict keeps, in pixels.
        max_faces: Largest number of faces that are tracked at one time; they are the largest ones.
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
    """Limits of one run of "Many photos".

    Attributes:
        max_files: Largest number of photos, those inside zips included.
        max_zip_bytes: Largest zip, in bytes.
    """

    max_files: int = 200
    max_zip_bytes: int = 500_000_000


@dataclass(frozen=True)
class ApiLimits:
    """Limits of calls to this server.

    Attributes:
        calls_per_minute: Allowed calls of the API a minute from one address.
        posts_per_minute: Allowed POST requests of any kind a minute from one address, those of the page included.
        uploads_per_hour: Allowed uploads an hour from one address, in bytes. Uploads are kept for an hour.
        max_photos: Largest number of photos in one call of /check_many.
        max_bytes: Largest size of all files of one call of /check_many, in bytes.
        max_body: Largest request that is no upload, in bytes; a photo of 25 MB has 33.4 million as a data URL.
        max_fetched: Largest size of all files of one call that are named by URLs, in bytes; each is in memory while it
            is fetched.
        fetch_seconds: Longest time to fetch them, redirects included, in seconds.
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
    """Limits of uploads of training pictures.

    Attributes:
        max_bytes: Largest archive, and largest size of the unpacked pictures, in bytes.
        max_images: Largest number of pictures; an archive with more is refused.
        min_free: Space that every upload must leave free on the disk, in bytes.
    """

    max_bytes: int = 2_000_000_000
    max_images: int = 20_000
    min_free: int = 2_000_000_000


@dataclass(frozen=True)
class FaceLimits:
    """Limits of faces: how they are detected, and which of them are judged.

    Attributes:
        search_side: Longest side of the copy of a photo that the face detector gets, in pixels.
        confidence: Smallest confidence of the face detector, 0..1.
        min_side: Smallest longer side of a face's box in the photo, in pixels; a smaller face is not judged. Of 100
            validation fakes, 91 % are recognised at 64 px, and 86 % at 48 px (`benchmarks.limits`).
        min_sharpness: Smallest `Face.sharpness`; a face below it is not judged. The median of faces blurred by 1.6 px,
            of which 95 % are recognised, is 11; by 2 px, with 88 %, it is 6.
        max_faces: Largest number of judged faces; they are the largest ones, and the others are only counted.
        aligned_tolerance: Largest distance of both eyes from the template's at which a square image counts as an
            aligned crop, in pixels at 256 px.
    """

    search_side: int = 640
    confidence: float = 0.9
    min_side: int = 64
    min_sharpness: float = 10.0
    max_faces: int = 20
    aligned_tolerance: float = 8.0
