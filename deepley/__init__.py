"""Deepley: how strong is the evidence that a face photo was generated or swapped?

Rooms, each importing only from the ones named before it:

- ``config``: every hyper-parameter, limit and threshold, as frozen dataclasses.
- ``photo``: untrusted bytes to upright pixels, and pixels to aligned faces.
- ``network``: the model, its weights as a release folder, and its heatmap.
- ``verdict``: from a logit to calibrated words.
- ``video``: a clip as frames, tracks of faces, and what changes between neighbouring frames.
- ``scan``: photos by the million, on all cores or machines, into one parquet file.
- ``training``: pictures in, a release folder out.
- ``hub``: the Hugging Face Hub, through its own client.
- ``jobs``: trainings that outlive the page, on this machine or a rented one.
- ``ui``: the page; the only room that imports gradio.
"""

import os

# Read when huggingface_hub is first imported, which gradio does. Without xet an upload is one commit, of one protocol.
for _setting in ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
    os.environ.setdefault(_setting, "1")

__version__ = "0.1.0"
