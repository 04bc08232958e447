"""What a Space runs: load the detector, serve the page on GRADIO_SERVER_NAME and GRADIO_SERVER_PORT."""

import logging
import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from deepley.config import DEFAULT_RELEASE
from deepley.ui import page
from deepley.verdict.detector import Detector

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("deepley").setLevel(logging.INFO)
    detector = Detector(DEFAULT_RELEASE)
    detector.warm_up()
    page.launch(detector)
