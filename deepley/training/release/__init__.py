"""From trained weights to a release folder: calibration, evaluation, curves, model card."""
