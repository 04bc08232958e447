"""Why the network said what it said: heatmaps as mathematics (`heatmap`), and how they are drawn (`drawing`)."""
