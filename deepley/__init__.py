"""Deepley: how strong is the evidence that a face photo was generated or swapped?

Rooms, each importing only from the ones named before it:

- ``config``: every hyper-parameter, limit and threshold, as frozen dataclasses.
- ``photo``: untrusted bytes to upright pixels, and pixels to aligned faces.
- ``network``: the model, its weights as a release folder, and its heatmap.
- ``verdict``: from a logit to calibrated words.
- ``training``: pictures in, a release folder out.
- ``ui``: the page; the only room that imports gradio.
"""
