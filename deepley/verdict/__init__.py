"""From scores to words: calibration, and the detector that page, command line and API call alike."""
