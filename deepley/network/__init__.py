"""The model and its weights: backbones, the flat graph, a release as a folder, and where the network looked."""
