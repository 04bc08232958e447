"""EXIF, XMP, and the text that image generators write beside a picture; all of it untrusted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from PIL import ExifTags, Image

_LONGEST = 200
"""Characters kept of any text that a file brings."""

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


def exif(image: Image.Image, problems: list[str]) -> dict[str, object]:
    """Reads the EXIF data of a picture.

    Args:
        image: An opened picture.
        problems: A sentence is appended if the data is damaged.

    Returns:
        Untrusted values by tag name, of the main and the Exif directory.
    """
    try:
        tags = image.getexif()
        both = {**tags, **tags.get_ifd(ExifTags.IFD.Exif)}
        return {ExifTags.TAGS.get(tag, str(tag)): value for tag, value in both.items()}
    except Exception:  # struct.error, ValueError, SyntaxError and more, from hostile directories
        problems.append("Its EXIF data is damaged and was left aside.")
        return {}


def xmp(info: Mapping[str, object]) -> bytes:
    """The XMP packet among the texts that Pillow read beside a picture; empty if there is none."""
    packet = info.get("xmp", info.get("XML:com.adobe.xmp", b""))
    return packet if isinstance(packet, bytes) else str(packet).encode(errors="replace")


def creator_tool(packet: bytes) -> str | None:
    """The program named as the creator in an XMP packet, or None."""
    match = re.search(rb"xmp:CreatorTool(?:=\"|>)([^\"<]{1,200})", packet)
    return printable(match[1]) if match else None


def generators(
    info: Mapping[str, object], tags: Mapping[str, object], packet: bytes, software: str | None
) -> tuple[str, ...]:
    """Traces that image generators and face editors write beside a picture.

    Args:
        info: The texts that Pillow read beside the picture, by key.
        tags: Values as `exif` returns them.
        packet: The XMP packet.
        software: The program named in EXIF or XMP, or None.

    Returns:
        One sentence a trace, without repetition.
    """
    traces = []
    for key, value in info.items():
        name = _GENERATOR_TEXT.get(key.lower())
        if name and printable(value):
            traces.append(f'A text "{printable(key)}" as {name} writes it: {printable(value)}')
    comment = printable(tags.get("UserComment"))
    if comment and re.search(r"\bSteps: \d+.*\bSampler: ", comment):
        traces.append(f"A comment in EXIF as Stable Diffusion web UI writes it: {comment}")
    if source := ai_source(packet):
        traces.append(f"Its XMP says that the picture was {source}.")
    named = (software, tags.get("ImageDescription"), tags.get("Artist"), info.get("Description"), info.get("Comment"))
    for text in filter(None, map(printable, named)):
        if _GENERATOR_NAMES.search(text):
            traces.append(f"It names a generator or face editor: {text}")
    return tuple(dict.fromkeys(traces))


def ai_source(text: bytes) -> str | None:
    """The first digital source type in `text` that stands for a generative model or algorithm, in words, or None."""
    names = (match[1].decode() for match in _SOURCE.finditer(text))
    return next((_AI_SOURCES[name] for name in names if name in _AI_SOURCES), None)


def printable(value: object) -> str | None:
    """Untrusted text as one short printable line.

    Args:
        value: Text, or bytes as EXIF stores them, with or without the name of an encoding before them.

    Returns:
        At most 200 characters and an ellipsis; None if there is no text.
    """
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
