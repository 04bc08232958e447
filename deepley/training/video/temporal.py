"""Trains the temporal head on clips made from real photos (`training.footage`), and measures it on photos held out.

Validation clips stop the training and fit both calibrations and the combination; test clips are scored once.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable

import keras
import numpy as np
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from deepley.training.measure import evaluation
from deepley.training.video import clips
from deepley.training.video.footage import Examples
from deepley.verdict import calibration
from deepley.video import temporal_head
from deepley.video.temporal_head import Combination, Head

_EPOCHS, _PATIENCE, _BATCH = 60, 10, 32


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
    model = temporal_head.build(size)
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
    logits = {"spatial": made.spatial, "temporal": temporal, "both": combined / joint.temperature}
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
    """What the test clips show, each figure with a 95 % bootstrap interval over photos: a photo's clips go together.

    Args:
        made: The clips.
        logits: (n,) each, calibrated; "spatial", "temporal" and "both".
        seed: Of the resampling.

    Returns:
        `n`; of each of `logits` the `auc` and `ece`, real against blended, and the AUC of the `control`,
        real against control, which should be 0.5; `difference` of the AUC of "both" and the better of the others.
    """
    rows = {kind: made.of("test", (kind,)) for kind in clips.KINDS}
    n = int(rows["real"].sum())
    rng = np.random.default_rng(seed)
    draws = [np.arange(n), *(rng.integers(n, size=n) for _ in range(evaluation.RESAMPLES))]  # the first: as they are

    def drawn(of: Callable, kind: str) -> dict[str, np.ndarray]:
        labels = np.repeat([0, 1], n)
        return {
            key: np.array([of(labels, np.concatenate([z[rows["real"]][i], z[rows[kind]][i]])) for i in draws])
            for key, z in logits.items()
        }

    def every(values: dict[str, np.ndarray]) -> dict:
        return {key: _interval(each) for key, each in values.items()}

    areas = drawn(roc_auc_score, "blended")
    better = max(("spatial", "temporal"), key=lambda key: areas[key][0])
    return {
        "n": {kind: int(which.sum()) for kind, which in rows.items()},
        "auc": every(areas),
        "difference": {"from": better, **_interval(areas["both"] - areas[better])},
        "control": every(drawn(roc_auc_score, "control")),
        "ece": every(drawn(_ece, "blended")),
    }


def _ece(labels: np.ndarray, logits: np.ndarray) -> float:
    return evaluation.expected_calibration_error(calibration.Calibration().score(logits), labels)


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
        "blended ones with the face pasted onto itself frame by frame, trembling and flickering a little",
        "clips": counts,
        "lost": made.lost,
        "figures": measured,
    }


def learnt_renderer(measured: dict) -> bool:
    """Whether the head tells controls from real clips: an AUC more than 0.05 from chance, and not by chance.

    On fewer than 25 clips of each that cannot be said.
    """
    control = measured["control"]["temporal"]
    beyond = abs(control["value"] - 0.5) > 0.05 and not control["low"] <= 0.5 <= control["high"]
    return beyond and measured["n"]["control"] >= 25


def metrics(details: dict) -> dict:
    """What a release's metrics.json and card say of its temporal head; what was measured of an earlier one goes."""
    counts = details["clips"]
    trained = f"{counts['train']:,} clips, {counts['valid']:,} more to stop and calibrate it: {details['origin']}"
    return {"clips": rows(details["figures"]), "clips_origin": trained, "clips_elsewhere": None}


def rows(measured: dict) -> dict[str, dict]:
    """The figures as a table of `training.card.comparison`."""
    n = measured["n"]
    found = {
        name: {
            "n": n["real"] + n["blended"],
            "real": n["real"],
            **{figure: measured[figure][key] for figure in ("auc", "control", "ece")},
        }
        for key, name in (("spatial", "single frames"), ("temporal", "changes between frames"), ("both", "both"))
    }
    found["both"]["gain"] = {key: measured["difference"][key] for key in ("value", "low", "high")}
    return found
