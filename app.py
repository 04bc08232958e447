"""What a Space runs: build the detector, build the page, launch."""

import os

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from deepley.config import DEFAULT_RELEASE, PhotoLimits
from deepley.ui import components, page
from deepley.verdict.detector import Detector


def main() -> None:
    """Serves the page on GRADIO_SERVER_NAME and GRADIO_SERVER_PORT, by default 127.0.0.1:7860."""
    detector = Detector(DEFAULT_RELEASE)
    detector.warm_up()
    page.build(detector).queue(max_size=32).launch(
        theme=components.theme(),
        css=components.CSS,
        head=components.PASTE,
        footer_links=[],
        run_history=False,
        max_file_size=PhotoLimits().max_bytes,
        ssr_mode=False,
    )


if __name__ == "__main__":
    main()
