"""What a file says of itself: C2PA manifest, EXIF, XMP and the text that generators write. It proves nothing.

Everything here reads the uploaded bytes alone: nothing is fetched, whatever address a file names.
"""

from __future__ import annotations

import functools
import io
import json
import re
import warnings
from dataclasses import dataclass

import c2pa
from PIL import ExifTags, Image

from deepley.config import PhotoLimits

_LONGEST = 200
"""Characters kept of any text that a file brings."""

_MIME = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
}

# Keys under which image generators store how a picture was made, and whose they are.
_GENERATOR_TEXT = {
    "parameters": "Stable Diffusion web UI",
    "prompt": "ComfyUI",
    "workflow": "ComfyUI",
    "invokeai_metadata": "InvokeAI",
    "sd-metadata": "InvokeAI",
    "dream": "InvokeAI",
    "generation_data": "an image generator",
}

_GENERATOR_NAMES = re.compile(
    r"stable.?diffusion|midjourney|dall.?e\b|firefly|novelai|comfyui|invokeai|automatic1111|fooocus|imagen|"
    r"leonardo\.ai|ideogram|flux\.1|made with google ai|thispersondoesnotexist|stylegan|gfpgan|faceapp|"
    r"reface|deepfacelab",
    re.IGNORECASE,
)

# IPTC's vocabulary, http://cv.iptc.org/newscodes/digitalsourcetype/
_AI_SOURCES = {
    "trainedAlgorithmicMedia": "made by a generative model",
    "compositeWithTrainedAlgorithmicMedia": "edited with a generative model",
    "compositeSynthetic": "a composite with synthetic parts",
    "algorithmicMedia": "made by an algorithm",
}
_SOURCE = re.compile(rb"digitalsourcetype/(\w{1,60})")


@dataclass(frozen=True)
class Manifest:
    """A C2PA manifest (Content Credentials).

    Attributes:
        state: "trusted" (intact, and the signer is on a trust list), "intact" (the signer was not checked) or "broken".
        issuer: Who signed, or None.
        generator: The program that made the claim, or None.
        source: In words, if it says that a generative model was used; else None.
    """

    state: str
    issuer: str | None
    generator: str | None
    source: str | None


@dataclass(frozen=True)
class Provenance:
    """What a file says of itself; any of it can be missing, wrong or forged.

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
        """Whether the file says nothing."""
        return self == Provenance()

    def sentences(self) -> list[str]:
        """Everything in words, the most telling first."""
        told = []
        if self.manifest:
            told.append(_in_words(self.manifest))
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


def _in_words(manifest: Manifest) -> str:
    by = f" signed by {manifest.issuer}" if manifest.issuer else ""
    told = {
        "trusted": f"Content Credentials (C2PA){by}: intact, and the signer is trusted.",
        "intact": f"Content Credentials (C2PA){by}: intact; the signer was not checked, anybody can sign as anybody.",
        "broken": f"Content Credentials (C2PA){by}: broken. The picture or its manifest was changed after signing.",
    }[manifest.state]
    if manifest.generator:
        told += f" Claim made by {manifest.generator}."
    if manifest.source:
        told += f" It says that the picture was {manifest.source}."
    return told


def read(data: bytes, limits: PhotoLimits = PhotoLimits()) -> Provenance:
    """Reads what an image file says of itself; broken or hostile metadata end in a sentence, never in an error.

    Args:
        data: The file's bytes, of a photo that `decode` accepts.
        limits: Formats that are tried.
    """
    problems: list[str] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=limits.formats)
    except Exception:  # what Pillow's parsers raise has no common type; `decode` has said what is wrong
        return Provenance(problems=("The file cannot be read.",))
    manifest = _manifest(data, _MIME.get(image.format or ""), problems)
    exif = _exif(image, problems)
    info = {str(key): value for key, value in image.info.items()}
    xmp = info.get("xmp", info.get("XML:com.adobe.xmp", b""))
    xmp = xmp if isinstance(xmp, bytes) else str(xmp).encode(errors="replace")
    software = _text(exif.get("Software")) or _creator_tool(xmp)
    maker, model = _text(exif.get("Make")), _text(exif.get("Model"))
    camera = model if maker and model and model.startswith(maker) else " ".join(filter(None, (maker, model))) or None
    return Provenance(
        manifest, camera, software, _text(exif.get("DateTimeOriginal")), _generators(info, exif, xmp, software),
        tuple(problems),
    )  # fmt: skip


def _generators(info: dict, exif: dict, xmp: bytes, software: str | None) -> tuple[str, ...]:
    told = []
    for key, value in info.items():
        name = _GENERATOR_TEXT.get(key.lower())
        if name and _text(value):
            told.append(f'A text "{_text(key)}" as {name} writes it: {_text(value)}')
    comment = _text(exif.get("UserComment"))
    if comment and re.search(r"\bSteps: \d+.*\bSampler: ", comment):
        told.append(f"A comment in EXIF as Stable Diffusion web UI writes it: {comment}")
    if words := _ai_source(xmp):
        told.append(f"Its XMP says that the picture was {words}.")
    named = (software, exif.get("ImageDescription"), exif.get("Artist"), info.get("Description"), info.get("Comment"))
    for text in filter(None, map(_text, named)):
        if _GENERATOR_NAMES.search(text):
            told.append(f"It names a generator or face editor: {text}")
    return tuple(dict.fromkeys(told))


def _ai_source(text: bytes) -> str | None:
    """The first of the digital source types named in `text` that says "made or changed by AI", in words."""
    named = (found[1].decode() for found in _SOURCE.finditer(text))
    return next((_AI_SOURCES[name] for name in named if name in _AI_SOURCES), None)


def _exif(image: Image.Image, problems: list[str]) -> dict:
    """EXIF by tag name, of the main and the Exif directory."""
    try:
        exif = image.getexif()
        tags = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
        return {ExifTags.TAGS.get(tag, str(tag)): value for tag, value in tags.items()}
    except Exception:  # struct.error, ValueError, SyntaxError and more, from hostile directories
        problems.append("Its EXIF data is damaged and was left aside.")
        return {}


def _creator_tool(xmp: bytes) -> str | None:
    found = re.search(rb"xmp:CreatorTool(?:=\"|>)([^\"<]{1,200})", xmp)
    return _text(found[1]) if found else None


def _text(value: object) -> str | None:
    """Untrusted text as one short printable line, or None if there is none."""
    if isinstance(value, bytes):
        prefix = value[:8]
        if prefix == b"UNICODE\0":
            wide = value[8:]
            value = wide.decode("utf-16-be" if wide[:1] == b"\0" else "utf-16-le", "replace")
        else:
            value = (value[8:] if prefix == b"ASCII\0\0\0" else value).decode("utf-8", "replace")
    if not isinstance(value, str):
        return None
    line = " ".join("".join(c if c.isprintable() else " " for c in value[: 4 * _LONGEST]).split())
    return (line[:_LONGEST] + "…" if len(line) > _LONGEST else line) or None


@functools.cache
def _context() -> c2pa.Context:
    # By default the reader follows a URL inside the file, and asks a signer's server whether its certificate holds.
    verify = {"remote_manifest_fetch": False, "ocsp_fetch": False}
    return c2pa.Context(c2pa.Settings.from_dict({"verify": verify}))


def _manifest(data: bytes, mime: str | None, problems: list[str]) -> Manifest | None:
    if mime is None:
        return None
    try:
        reader = c2pa.Reader.try_create(mime, io.BytesIO(data), context=_context())
        if reader is None:
            return None
        with reader:
            store = json.loads(reader.json())
            state = reader.get_validation_state()
    except (c2pa.C2paError, ValueError) as error:
        if "remote" in str(error).lower():
            problems.append("Its Content Credentials (C2PA) lie at another address, which was not asked.")
        else:
            problems.append("Its Content Credentials (C2PA) are damaged and were left aside.")
        return None
    active = store.get("manifests", {}).get(store.get("active_manifest"), {})
    signed = active.get("signature_info") or {}
    made_by = active.get("claim_generator_info") or [{}]
    generator = " ".join(filter(None, (made_by[0].get("name"), made_by[0].get("version"))))
    return Manifest(
        {"Trusted": "trusted", "Valid": "intact"}.get(state or "", "broken"),
        _text(signed.get("issuer") or signed.get("common_name")),
        _text(generator or active.get("claim_generator")),
        _ai_source(json.dumps(active.get("assertions", [])).encode()),
    )
