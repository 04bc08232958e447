"""Convolutional networks without their classifiers: a file for each, and the `registry` of their names."""
