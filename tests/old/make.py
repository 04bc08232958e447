"""How the files in this folder were made: with commit ee3f919, the last one before "The house", and never since.

cd CHECKOUT_OF_ee3f919 && python PATH/TO/make.py FOLDER
"""

import contextlib
import io
import json
import os
import shutil
import signal
import sys
import tarfile
from pathlib import Path

import cv2
import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import skimage.data
from PIL import Image

import deepley
from deepley.config import ModelConfig, Phase, TrainConfig
from deepley.jobs import folder as jobs
from deepley.jobs import trainer
from deepley.network import files
from deepley.scan.run import scan
from deepley.training import fit
from deepley.verdict import feedback
from deepley.verdict.calibration import Calibration
from deepley.verdict.detector import Detector
from deepley.video import head

OUT = Path(sys.argv[1]).resolve()
RECIPE = TrainConfig(
    preset="test",
    model=ModelConfig(backbone="micro", dense=(8, 4)),
    batch_size=8,
    mixed_precision=False,
    phases=(
        Phase("head", ("conv2", "conv3", "head"), 2, 16, crop=64, learning_rate=1e-2, cache=True),
        Phase("all", ("all",), 3, 16, crop=64, learning_rate=1e-2),
    ),
)
ROUNDS_BEFORE_THE_KILL = 3  # one of the second phase: its checkpoint holds an optimizer and the best weights so far


def picture(rng, fake):
    pixels = cv2.resize(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8), (96, 96), interpolation=cv2.INTER_CUBIC)
    return np.clip(pixels + rng.normal(0, 30 * fake, (96, 96, 1)), 0, 255).astype(np.uint8)


def encoded(pixels, kind="JPEG"):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, quality=80)
    return buffer.getvalue()


def make_jobs():
    """One job that ended, whose release is kept, and one that was killed between two rounds."""
    rng, data = np.random.default_rng(0), OUT / "data"
    for split, count in (("train", 8), ("valid", 4)):
        for label in ("real", "fake"):
            (data / split / label).mkdir(parents=True)
            for i in range(count):
                (data / split / label / f"{i}.jpg").write_bytes(encoded(picture(rng, label == "fake")))
    shutil.copytree(data, OUT / "again")
    for name, pictures in (("ended", data), ("killed", OUT / "again")):
        job = jobs.create(OUT / "runs", jobs.JobConfig(name, "data", RECIPE, origin="generated"), pictures)
        process = os.fork()
        if not process:
            if name == "killed":
                fit.files.write_history = write_history_and_die
            trainer.run(job)
            os._exit(0)
        os.waitpid(process, 0)
        if name == "ended":
            shutil.move(job.release, OUT / "release")
            shutil.rmtree(job.folder)
        else:
            shutil.move(job.folder, OUT / "job")
    shutil.rmtree(OUT / "runs")


def write_history_and_die(path, history, write=files.write_history):
    write(path, history)
    if len(history) == ROUNDS_BEFORE_THE_KILL:
        os.kill(os.getpid(), signal.SIGKILL)


def add_temporal_head():
    keras.utils.set_random_seed(1)
    size = 32 + len(head.NAMES)
    config = json.loads((OUT / "release" / "config.json").read_text())
    made = head.Head(
        head.build(size), np.zeros(size), np.ones(size), Calibration(), head.Combination(1.0, 1.0, 0.0), Calibration(),
        {"release": config["name"], "sha256": config["sha256"]},
    )  # fmt: skip
    head.save(OUT / "release" / files.TEMPORAL, made)


def make_verdicts():
    """A correction with its pictures, and what the release says of its face."""
    detector, photo = Detector(OUT / "release"), encoded(skimage.data.astronaut()[:250, 100:350])
    feedback.keep(OUT / "feedback", detector.check(photo), 0, "fake", detector, photo)
    (crop,) = (OUT / "feedback" / "fake").iterdir()
    logits, embeddings = detector.engine.look(np.asarray(Image.open(crop))[None])
    sequence = np.random.default_rng(2).normal(size=(6, 39)).astype(np.float32)
    loaded = head.load(OUT / "release" / files.TEMPORAL, detector.release.sha256)
    said = {
        "logit": float(logits[0]),
        "novelty": float(detector.doubt.distance(embeddings)[0]),
        "temporal": loaded.logits(sequence).tolist(),
    }
    (OUT / "said.json").write_text(json.dumps(said, indent=1) + "\n")
    return photo


def interrupt_scan(photo):
    """Two of four slices are done; the others hold the same photos again, so that old and new rows can be compared."""
    (OUT / "scan" / "all").mkdir(parents=True)
    os.chdir(OUT / "scan")
    photos = {"face.jpg": photo, "wall.jpg": encoded(np.full((90, 90, 3), 90, np.uint8))}
    with tarfile.open("all/shard.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in photos.items():
            Path("all", name).write_bytes(content)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    pq.write_table(pa.table({"image": list(photos.values())}), "all/shard.parquet")

    def stop(photos):
        done.append(photos)
        if len(done) == 2:
            raise KeyboardInterrupt

    done = []
    with contextlib.suppress(KeyboardInterrupt):
        scan("all", Path("out.parquet"), OUT / "release", workers=1, progress=stop)
    Path(".out.parquet.parts/lock").unlink(missing_ok=True)


if __name__ == "__main__":
    print(deepley.__file__)
    make_jobs()
    add_temporal_head()
    interrupt_scan(make_verdicts())
