"""Labelled pictures: their sources, checks of them, and how they are made from photos."""
