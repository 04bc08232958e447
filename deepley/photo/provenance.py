"""What a file says about itself: C2PA manifest, EXIF, XMP and the text that generators write. It proves nothing.

Everything here reads the uploaded bytes alone: nothing is fetched, whatever address a file names.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from PIL import Image

from deepley.config import PhotoLimits
from deepley.photo import credentials, metadata
from deepley.photo.credentials import Manifest
from deepley.photo.metadata import printable


@dataclass(frozen=True)
class Provenance:
    """What a file says about itself; any of it can be missing, wrong or forged.

    Attributes:
        manifest: The C2PA manifest, or None.
        camera: Maker and model from EXIF, or None.
        software: The program named in EXIF or XMP, or None.
        taken: Date and time from EXIF, or None.
        generators: Sentences on traces that image generators write beside a picture.
        problems: Sentences on metadata that could not be read.
    """

    manifest: Manifest | None = None
    camera: str | None = None
    software: str | None = None
    taken: str | None = None
    generators: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether the file says nothing about itself."""
        return self == Provenance()

    def sentences(self) -> list[str]:
        """Everything in words, the most telling first; one sentence says so if there is nothing."""
        told = []
        if self.manifest:
            told.append(self.manifest.sentence())
        told += self.generators
        if self.camera:
            told.append(f"Camera in EXIF: {self.camera}.")
        if self.software:
            told.append(f"Software: {self.software}.")
        if self.taken:
            told.append(f"Taken, says EXIF: {self.taken}.")
        told += self.problems
        return told or [
            "Nothing: no Content Credentials (C2PA), no EXIF, no trace of a generator's text. Most photos that went "
            "through a messenger or a social network have lost theirs."
        ]


def read(data: bytes, limits: PhotoLimits = PhotoLimits()) -> Provenance:
    """Reads what an image file says about itself. Broken or hostile metadata give a sentence, never an error.

    Args:
        data: The file's bytes, of a photo that `decode` accepts.
        limits: Limits that name the formats to try.

    Returns:
        What was read.
    """
    problems: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=limits.formats)
    except Exception:  # what Pillow's parsers raise has no common type; `decode` has said what is wrong
        return Provenance(problems=("The file cannot be read.",))
    manifest = credentials.read(data, image.format, problems)
    exif = metadata.exif(image, problems)
    info = {str(key): value for key, value in image.info.items()}
    xmp = metadata.xmp(info)
    software = printable(exif.get("Software")) or metadata.creator_tool(xmp)
    maker, model = printable(exif.get("Make")), printable(exif.get("Model"))
    camera = model if maker and model and model.startswith(maker) else " ".join(filter(None, (maker, model))) or None
    return Provenance(
        manifest,
        camera,
        software,
        printable(exif.get("DateTimeOriginal")),
        metadata.generators(info, exif, xmp, software),
        tuple(problems),
    )
