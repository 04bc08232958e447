"""What compiling the face finder's networks saves: `photo.faces` against the library as it comes, in one run.

    python -m benchmarks.faces [--rounds 5]

The pictures are scikit-image's astronaut whole and a pair of 288 px frames of it; both ways in turn, the quickest of
their rounds counts, and both must find the same. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import skimage.data
from mtcnn import MTCNN

from benchmarks.normalization import quickest
from deepley.photo import faces
from deepley.records import SCHEMA_VERSION


def main() -> None:
    """Prints a line a picture and, last, one JSON object."""
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
        as_it_comes, compiled = quickest(ways, options.rounds)
        print(f"{name}: {as_it_comes * 1e3:.0f} ms as it comes, {compiled * 1e3:.0f} ms compiled")
        result[f"{name.replace(' ', '_')}_speedup"] = round(as_it_comes / compiled, 2)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
