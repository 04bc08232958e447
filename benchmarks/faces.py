"""Compares the compiled networks of the face finder (`photo.faces`) with those of the library as published.

    python -m benchmarks.faces [--rounds 5]

The pictures are scikit-image's astronaut and a pair of 288 px frames of it. Both variants take turns and must find the
same faces; the fastest round of each counts. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import skimage.data
from mtcnn import MTCNN

from benchmarks.normalization import fastest
from deepley.photo import faces
from deepley.records import SCHEMA_VERSION


def main() -> None:
    """Prints a line for each picture and, last, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    photo = skimage.data.astronaut()
    pictures = {"photo": [photo], "pair of frames": [np.ascontiguousarray(photo[:288, 100:388])] * 2}
    plain, result = MTCNN(), {"schema": SCHEMA_VERSION}
    for name, given in pictures.items():
        ways = [
            lambda given=given: plain.detect_faces(given, output_type="numpy"),
            lambda given=given: faces._detect(given),
        ]
        assert np.array_equal(np.asarray(ways[0]()), ways[1]())
        published, compiled = fastest(ways, options.rounds)
        print(f"{name}: {published * 1e3:.0f} ms as published, {compiled * 1e3:.0f} ms compiled")
        result[f"{name.replace(' ', '_')}_speedup"] = round(published / compiled, 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
