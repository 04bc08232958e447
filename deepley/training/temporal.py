"""Trains the temporal head on clips made from real photos (`training.clips`), and measures it on photos held out.

A clip goes the way that serving goes: written as a file, read, its face followed, looked at by the release's network.
The SHA-256 of a photo decides whether its clips train (60 %), validate (20 %) or test (20 %). Validation clips stop the
training and fit both calibrations and the combination; test clips are scored once.
"""

from __future__ import annotations

import datetime
import hashlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tqdm
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from deepley.config import FaceLimits
from deepley.photo import faces
from deepley.photo.decode import PhotoError
from deepley.training import clips, evaluation
from deepley.training.sources import DataError, Source
from deepley.verdict import calibration
from deepley.video import head, reader
from deepley.video.head import Combination, Head
from deepley.video.looks import look, unusable
from deepley.video.reader import Pair
from deepley.video.tracks import Tracker

_EPOCHS, _PATIENCE, _BATCH = 60, 10, 32


@dataclass(frozen=True)
class Examples:
    """Clips as the head sees them.

    Attributes:
        sequences: (n, `head.WINDOW`, f + 6) float32.
        spatial: (n,) float64, mean calibrated logit of the detector.
        kinds: (n,) str, of `clips.KINDS`.
        splits: (n,) str: "train", "valid" or "test".
        lost: Clips in which the face was not found in every pair.
    """

    sequences: np.ndarray
    spatial: np.ndarray
    kinds: np.ndarray
    splits: np.ndarray
    lost: int

    def of(self, split: str, kinds: tuple[str, ...] = ("real", "blended")) -> np.ndarray:
        """(n,) bool: the clips of a split and of these kinds."""
        return (self.splits == split) & np.isin(self.kinds, kinds)


def split_of(content: bytes) -> str:
    """The split of a photo: by the SHA-256 of its bytes, so that copies are never on two sides."""
    bucket = int.from_bytes(hashlib.sha256(content).digest()[:4]) % 10
    return "train" if bucket < 6 else "valid" if bucket < 8 else "test"


def examples(sources: list[Source], explain: Callable, temperature: float, limit: int = 0) -> Examples:
    """Makes a real and a blended clip of every real photo, of test photos a control too, and looks at each.

    Args:
        sources: Aligned faces; only the real ones are used.
        explain: Such as `network.engine.Engine.explain`.
        temperature: Of the release.
        limit: Use at most this many photos, in the order of their SHA-256; 0 uses all.

    Raises:
        DataError: If a split or a class has no clip.
    """
    photos = []
    for source in sources:
        if source.label == 0:
            content = source.read()
            photos.append((hashlib.sha256(content).hexdigest(), split_of(content), source))
    photos.sort(key=lambda photo: photo[0])
    rows, lost = [], 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        for digest, split, source in tqdm.tqdm(photos[: limit or None], desc="Filming", unit=" photos", mininterval=10):
            try:
                pixels = source.face()
            except PhotoError:
                continue
            (landmarks,) = faces.landmarks(pixels[None])
            for kind in clips.KINDS if split == "test" else clips.KINDS[:2]:
                draw = hashlib.sha256(f"{digest} {kind}".encode()).digest()
                clips.render(path, pixels, landmarks.astype(np.float64), kind, np.random.default_rng(list(draw)))
                found = watched(path, explain, temperature)
                if found is None:
                    lost += 1
                else:
                    rows.append((*found, kind, split))
    for split in ("train", "valid", "test"):
        if {row[2] for row in rows if row[3] == split} < {"real", "blended"}:
            raise DataError(f"There are too few real photos: of {len(photos)}, none came to the {split} clips.")
    sequences, spatial, kinds, splits = zip(*rows)
    return Examples(np.stack(sequences), np.array(spatial), np.array(kinds), np.array(splits), lost)


def watched(path: Path, explain: Callable, temperature: float) -> tuple[np.ndarray, float] | None:
    """The first `head.WINDOW` pairs of a made clip's face; None if it is not found and usable in all of them.

    Returns:
        (WINDOW, f + 6) float32, and the detector's mean calibrated logit.
    """
    tracker, limits, looks = Tracker(), FaceLimits(), []
    for pair in reader.read(path):
        if not isinstance(pair, Pair):
            break
        seen = [s for s in tracker.follow(pair).values() if unusable(s.first, limits) is None]
        looks += look(seen[:1], pair.first.seconds, explain, temperature)
    found = head.sequence(looks)[: head.WINDOW]
    if len(found) < head.WINDOW:
        return None
    return found, float(np.mean([each.logit for each in looks[: head.WINDOW]]))


def fit(made: Examples, seed: int = 0) -> tuple[Head, dict]:
    """Trains head, calibrations and combination.

    Returns:
        The head without its details, and the figures on the test clips, see `figures`.
    """
    train, valid = made.of("train"), made.of("valid")
    labels = (made.kinds == "blended").astype(np.float32)
    size = made.sequences.shape[-1]
    mean = made.sequences[train].mean(axis=(0, 1))
    scale = np.maximum(made.sequences[train].std(axis=(0, 1)), 1e-4)
    standard = (made.sequences - mean) / scale
    keras.utils.set_random_seed(seed)
    model = head.build(size)
    model.compile(
        keras.optimizers.Adam(2e-3), keras.losses.BinaryCrossentropy(from_logits=True), jit_compile=False
    )  # XLA costs more than it saves on a CPU
    stop = keras.callbacks.EarlyStopping(patience=_PATIENCE, restore_best_weights=True)
    model.fit(
        standard[train], labels[train], batch_size=_BATCH, epochs=_EPOCHS, verbose=0, callbacks=[stop],
        validation_data=(standard[valid], labels[valid]),
    )  # fmt: skip
    raw = keras.ops.convert_to_numpy(model(standard, training=False))[:, 0].astype(np.float64)
    cut = calibration.fit(raw[valid], labels[valid])
    temporal = raw / cut.temperature
    combination = combine(made.spatial[valid], temporal[valid], labels[valid])
    combined = combination.logit(made.spatial, temporal)
    joint = calibration.fit(combined[valid], labels[valid])
    logits = {"spatial": made.spatial, "temporal": temporal, "both": combined}
    return Head(model, mean, scale, cut, combination, joint, {}), figures(made, logits)


def combine(spatial: np.ndarray, temporal: np.ndarray, labels: np.ndarray) -> Combination:
    """A logistic regression with an L2 penalty whose weights are 0 or more: evidence never speaks against itself.

    Args:
        spatial: (n,) calibrated logits of the detector.
        temporal: (n,) calibrated logits of the head.
        labels: (n,) 1 = blended, 0 = real.
    """
    signs = 2.0 * np.asarray(labels, np.float64) - 1

    def loss(weights: np.ndarray) -> float:
        z = Combination(*weights).logit(spatial, temporal)
        return float(np.logaddexp(0, -signs * z).sum() + np.square(weights[:2]).sum() / 2)

    found = minimize(loss, np.array([0.5, 0.5, 0.0]), method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)])
    return Combination(*map(float, found.x))


def figures(made: Examples, logits: dict[str, np.ndarray], seed: int = 0) -> dict:
    """Areas under the ROC on the test clips, with 95 % bootstrap intervals.

    Returns:
        `n`, `lost`; `auc` of each of `logits`, real against blended; `difference` of "both" and the better of the
        others, resampled together; `control` of each, real against control, which should be 0.5.
    """
    result: dict = {"n": {kind: int(made.of("test", (kind,)).sum()) for kind in clips.KINDS}, "lost": made.lost}
    for name, kind in (("auc", "blended"), ("control", "control")):
        real, other = made.of("test", ("real",)), made.of("test", (kind,))
        if not other.any():
            continue
        drawn = _aucs({key: (z[real], z[other]) for key, z in logits.items()}, seed)
        result[name] = {key: _interval(values) for key, values in drawn.items()}
        if name == "auc":
            better = max(("spatial", "temporal"), key=lambda key: drawn[key][0])
            result["difference"] = {"from": better, **_interval(drawn["both"] - drawn[better])}
    return result


def _aucs(pairs: dict[str, tuple[np.ndarray, np.ndarray]], seed: int) -> dict[str, np.ndarray]:
    """(1 + resamples,) areas each, the first of the clips as they are; every name sees the same resamples."""
    rng = np.random.default_rng(seed)
    reals, others = (len(part) for part in next(iter(pairs.values())))
    draws = [(np.arange(reals), np.arange(others))]
    draws += [(rng.integers(reals, size=reals), rng.integers(others, size=others)) for _ in range(evaluation.RESAMPLES)]
    labels = np.repeat([0, 1], [reals, others])
    return {
        key: np.array([roc_auc_score(labels, np.concatenate([real[i], other[j]])) for i, j in draws])
        for key, (real, other) in pairs.items()
    }


def _interval(values: np.ndarray) -> dict[str, float]:
    low, high = np.quantile(values[1:], [0.025, 0.975])
    return {"value": float(values[0]), "low": float(low), "high": float(high)}


def details(release: str, sha256: str, made: Examples, measured: dict, origin: str) -> dict:
    """What is stored with a head: the release it belongs to, what it was trained and measured on."""
    counts = {split: int(made.of(split).sum()) for split in ("train", "valid", "test")}
    return {
        "release": release,
        "sha256": sha256,
        "created": datetime.date.today().isoformat(),
        "origin": f"synthetic clips of {origin}: real photos filmed by a simulated camera and head, H.264; "
        "blended ones with the face pasted onto itself frame by frame",
        "clips": counts,
        "figures": measured,
    }


def table(measured: dict) -> str:
    """The figures as text."""
    n = measured["n"]
    lines = [f"Test clips: {n['real']} real, {n['blended']} blended, {n['control']} control; {measured['lost']} lost."]
    for name, words in (("auc", "real against blended"), ("control", "real against control, 0.5 wanted")):
        for key, found in measured.get(name, {}).items():
            lines.append(f"AUC {key}, {words}: {found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})")
    found = measured["difference"]
    lines.append(f"Both - {found['from']}: {found['value']:+.3f} ({found['low']:+.3f} to {found['high']:+.3f})")
    return "\n".join(lines)
