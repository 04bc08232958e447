"""Content Credentials: the C2PA manifest in a file. Nothing is fetched, whatever address the file names."""

from __future__ import annotations

import functools
import io
import json
from dataclasses import dataclass

import c2pa

from deepley.photo.metadata import ai_source, printable

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


@dataclass(frozen=True)
class Manifest:
    """A C2PA manifest (Content Credentials).

    Attributes:
        state: "trusted" (intact, and the signer is on a trust list), "intact" (the signer was not checked) or "broken".
        issuer: Name of the signer, or None.
        generator: Name of the program that made the claim, or None.
        source: How a generative model was used, in words, if the manifest says that; else None.
    """

    state: str
    issuer: str | None
    generator: str | None
    source: str | None

    def sentence(self) -> str:
        """The manifest in words."""
        by = f" signed by {self.issuer}" if self.issuer else ""
        state = {
            "trusted": "intact, and the signer is trusted.",
            "intact": "intact; the signer was not checked, anybody can sign as anybody.",
            "broken": "broken. The picture or its manifest was changed after signing.",
        }[self.state]
        text = f"Content Credentials (C2PA){by}: {state}"
        if self.generator:
            text += f" Claim made by {self.generator}."
        if self.source:
            text += f" It says that the picture was {self.source}."
        return text


def read(data: bytes, file_format: str | None, problems: list[str]) -> Manifest | None:
    """Reads the active manifest of a file.

    Args:
        data: The file's bytes.
        file_format: Pillow's name of the file format.
        problems: A sentence is appended if the manifest is damaged or stored elsewhere.

    Returns:
        The manifest; None if there is none that can be read.
    """
    mime = _MIME.get(file_format or "")
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
        printable(signed.get("issuer") or signed.get("common_name")),
        printable(generator or active.get("claim_generator")),
        ai_source(json.dumps(active.get("assertions", [])).encode()),
    )


@functools.cache
def _context() -> c2pa.Context:
    # By default the reader follows a URL inside the file, and asks a signer's server whether its certificate holds.
    verify = {"remote_manifest_fetch": False, "ocsp_fetch": False}
    return c2pa.Context(c2pa.Settings.from_dict({"verify": verify}))
