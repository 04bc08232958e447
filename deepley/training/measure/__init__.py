"""Figures of a release with intervals: on a set, under treatments, and on other sets."""
