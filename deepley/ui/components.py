"""What the tabs share: the photo input, the theme and styles, and the paste listener."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from deepley.config import PhotoLimits
from deepley.photo.decode import PhotoError


@dataclass(frozen=True)
class Upload:
    """An uploaded file, not decoded yet.

    Attributes:
        name: As its owner knows it.
        data: Its bytes; none if it is refused.
        refused: Why it is not taken, in a sentence.
    """

    name: str
    data: bytes = b""
    refused: str = ""

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            PhotoError: If it is refused.
        """
        if self.refused:
            raise PhotoError(self.refused)
        return self.data


class PhotoInput(gr.Image):
    """An image input that hands on the file's bytes: decoding, and all that can go wrong there, is `photo.decode`'s.

    It has no `__init__` of its own: Gradio reads what it sends to the browser from that signature.

    Attributes:
        limits: What is accepted.
    """

    is_template = True
    limits = PhotoLimits()

    def preprocess(self, payload: object) -> Upload | None:
        """The uploaded file, refused if it is too large or gone; or None if there is none."""
        if payload is None:
            return None
        try:
            if payload.url and payload.url.startswith("data:"):
                return Upload("pasted", _from_data_url(payload.url, self.limits))
            if not payload.path:
                raise PhotoError("This names no file: an upload, or the address of a photo, goes into `path`.")
            path = Path(payload.path)
            if path.stat().st_size > self.limits.max_bytes:
                raise PhotoError(f"The file is larger than {self.limits.max_bytes / 1e6:.0f} MB. Export it smaller.")
            return Upload(payload.orig_name or path.name, path.read_bytes())
        except PhotoError as error:
            return Upload("", refused=str(error))
        except OSError:
            return Upload("", refused="The uploaded file is gone. Upload it again.")


def _from_data_url(url: str, limits: PhotoLimits) -> bytes:
    if len(url) > limits.max_bytes * 4 / 3 + 100:
        raise PhotoError(f"The photo is larger than {limits.max_bytes / 1e6:.0f} MB. Export it smaller.")
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise PhotoError("The data URL is no valid base64.") from error


def theme() -> gr.themes.Base:
    """A calm theme in system fonts; white text on its primary button has a contrast above 4.5."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="slate",
        font=["system-ui", "Segoe UI", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_dark="*primary_700",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
    )


CSS = """
.gradio-container { width: 100% !important; max-width: 1120px !important; margin-inline: auto !important; }
#title .html-container, #verdict .html-container, #provenance .html-container, #many-status .html-container,
#job .html-container, #clip-verdict .html-container, #tracks .html-container,
#frame .html-container { padding: 0 !important; }
#many-table img { width: 72px; }
button[role=tab][aria-selected=true] { color: var(--primary-700) !important; }
.dark button[role=tab][aria-selected=true] { color: var(--primary-300) !important; }
@media (max-width: 480px) { #strip .grid-container { grid-template-columns: repeat(2, 1fr) !important; } }
@media (max-width: 480px) { .tab-container button { padding-inline: .5rem !important; } }
input[role=combobox] { color: var(--body-text-color) !important; }
span.or { color: var(--body-text-color) !important; }
.title h1 { font-size: 1.6rem; margin: .4rem 0 0; }
.verdict { --ink: var(--body-text-color); border: 1px solid var(--border-color-primary); border-radius: 12px;
  padding: 1.1rem 1.25rem; background: var(--block-background-fill); color: var(--ink); line-height: 1.5; }
.verdict h2 { font-size: 1.35rem; line-height: 1.25; margin: 0 0 .35rem; color: var(--ink); }
.verdict p { margin: .45rem 0; }
.quiet { opacity: .82; font-size: .92rem; }
.verdict ol { margin: .5rem 0; padding-left: 1.4rem; }
.gauge { position: relative; margin: 2.2rem 0 2.3rem; }
.gauge .bands { position: relative; height: 14px; border-radius: 7px; overflow: hidden; }
.gauge .bands span { position: absolute; top: 0; bottom: 0; border-left: 2px solid var(--block-background-fill); }
.gauge .bands span:first-child { border-left: 0; }
.gauge .score { position: absolute; top: -31px; transform: translateX(-50%); font-weight: 700; }
.gauge .mark { position: absolute; top: -6px; height: 26px; width: 3px; margin-left: -1px; border-radius: 2px;
  background: var(--ink); }
.gauge .tick { position: absolute; top: 15px; height: 7px; width: 1px; background: var(--ink); }
.gauge .edge { position: absolute; top: 22px; transform: translateX(-50%); font-size: .8rem; white-space: nowrap;
  opacity: .82; }
.verdict h3, .panel h3 { font-size: 1.02rem; margin: 1rem 0 .2rem; color: var(--body-text-color); }
.panel { border: 1px solid var(--border-color-primary); border-radius: 12px; padding: .3rem 1.25rem .8rem;
  background: var(--block-background-fill); color: var(--body-text-color); line-height: 1.5; }
.panel ul { margin: .3rem 0; padding-left: 1.2rem; list-style: disc; } .panel li { overflow-wrap: anywhere; }
.legend { display: flex; flex-wrap: wrap; gap: .15rem .9rem; list-style: none; padding: 0; margin: 0 0 .6rem;
  font-size: .88rem; }
.legend i { display: inline-block; width: .75em; height: .75em; border-radius: 3px; margin-right: .35em; }
.legend [aria-current] { font-weight: 700; text-decoration: underline; text-underline-offset: 3px; }
.legend small { opacity: .82; font-weight: 400; }
.treated { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .9rem; margin: .3rem 0; }
.treated dt { opacity: .82; } .treated dd { margin: 0; }
.bar { height: 10px; border-radius: 5px; background: var(--border-color-primary); overflow: hidden; margin: .5rem 0; }
.bar span { display: block; height: 100%; background: var(--primary-600); }
.frame { margin: 0; } .frame img { max-height: 420px; max-width: 100%; margin: 0 auto; display: block; }
.frame figcaption { margin-top: .5rem; font-size: .92rem; color: var(--body-text-color); }
[data-testid=min-value], [data-testid=max-value] { color: var(--body-text-color) !important; }
.figures { overflow-x: auto; }
.figures table, .figures thead, .figures tbody, .figures td, .figures th { border: 0 !important; font-size: .95rem; }
.figures tr { border: 0 !important; border-bottom: 1px solid var(--border-color-primary) !important; }
.figures th, .figures td { padding: .45rem .8rem .45rem 0 !important; text-align: left; vertical-align: top;
  overflow-wrap: normal; word-break: normal; }
"""

PASTE = """
<script>
// Gradio's image input does not listen to Ctrl+V: hand a pasted picture to its file input.
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
  const photo = document.querySelector("#photo");
  if (!file || !photo || photo.offsetParent === null) return;
  event.preventDefault();
  const clear = photo.querySelector('[aria-label="Remove Image"]');
  if (clear) clear.click();
  setTimeout(() => {
    const input = photo.querySelector("input[type=file]");
    if (!input) return;
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, 120);
});
</script>
"""

COPY = """
async (text) => {
  try { await navigator.clipboard.writeText(text); }
  catch {  // a page served over plain http has no clipboard
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  return "Copied";
}
"""


def click(selector: str) -> str:
    """JavaScript that presses an element: a download that is made on demand needs no second click."""
    return f"() => {{ document.querySelector('{selector}').click(); }}"
