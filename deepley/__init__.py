"""Deepley: how strong is the evidence that a face photo was generated or swapped?

Rooms, from the ground up; each imports only from the ones named before it:

- ``errors``: the one base of every sentence that is meant for a person.
- ``config``: what the environment says, and every limit and threshold.
- ``records``: frozen dataclasses as JSON and back, with their types checked.
- ``recipes``: how a network is trained: its phases, and the recipes that have a name.
- ``host``: this machine: files written whole, processor cores, zips.
- ``photo``: untrusted bytes to upright pixels, pixels to aligned faces, and what a file says of itself.
- ``network``: backbones, heads, and a model's weights as a release folder.
- ``explain``: heatmaps, and how they are drawn.
- ``engine``: runs a release on this machine.
- ``verdict``: from a logit to calibrated words, JSON and reports.
- ``video``: a clip as frames, tracks of faces, and what changes between neighbouring frames.
- ``scan``: photos by the million, on all cores or machines, into one parquet file.
- ``training``: pictures in, a release folder out.
- ``hub``: the Hugging Face Hub, through its own client.
- ``jobs``: trainings that outlive the page, on this machine or a rented one.
- ``cli``: the command line, one file a group of commands.
- ``ui``: the page; the only room that imports gradio.
"""

import os

# Read when huggingface_hub is first imported, which gradio does. Without xet an upload is one commit, of one protocol.
for _setting in ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
    os.environ.setdefault(_setting, "1")

__version__ = "0.1.0"
