"""From trained weights to a release folder: calibration, curves, model card."""
