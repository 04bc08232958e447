"""Loads the detector and serves the page on GRADIO_SERVER_NAME and GRADIO_SERVER_PORT. A Space runs this file."""

import logging
import os
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from deepley.config import DEFAULT_RELEASE, HUB_PATIENCE, HUB_RELEASE, NAMED_RELEASE
from deepley.hub.download import choose

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("deepley").setLevel(logging.INFO)
    with ThreadPoolExecutor(1) as beside:
        choice = beside.submit(choose, DEFAULT_RELEASE, NAMED_RELEASE, HUB_RELEASE, HUB_PATIENCE)
        from deepley.ui import page, start  # takes seconds, while the Hub answers

        detector, reason = start.detector(choice.result())
    served = page.launch(detector, reason=reason)
    detector.warm_up()  # takes seconds, for which the first page need not wait
    served.block_thread()
