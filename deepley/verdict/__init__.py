"""From scores to words: calibration, and the detector that the page, the command line and the API call."""
