"""The model and its weights: backbones, heads, the flat graph, and a release as a folder."""
