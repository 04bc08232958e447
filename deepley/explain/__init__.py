"""Explanations of a score: heatmaps are computed in `heatmap` and drawn in `drawing`."""
