"""Training of the temporal head on clips made from real photos (`footage`), and its figures on photos held out.

Validation clips stop the training and fit both calibrations and the combination. Test clips are scored once.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any, TypeAlias

import keras
import numpy as np
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from deepley.training.measure import intervals
from deepley.training.measure.evaluation import expected_calibration_error
from deepley.training.measure.intervals import Figures
from deepley.training.video import clips
from deepley.training.video.footage import Examples
from deepley.verdict import calibration
from deepley.video import temporal_head
from deepley.video.temporal_head import Combination, Head

Measured: TypeAlias = dict[str, Any]
"""The figures of a head on test clips as JSON; see `figures`."""

_EPOCHS, _PATIENCE, _BATCH = 60, 10, 32


def fit(made: Examples, seed: int = 0) -> tuple[Head, Measured]:
    """Trains the head and fits calibrations and combination.

    Args:
        made: Clips of all three splits.
        seed: Seed of weights, order and dropout.

    Returns:
        The head without its details, and its figures on the test clips (`figures`).
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
    )  # XLA takes longer to compile than it saves on a CPU
    stop = keras.callbacks.EarlyStopping(patience=_PATIENCE, restore_best_weights=True)
    model.fit(
        standard[train], labels[train], batch_size=_BATCH, epochs=_EPOCHS, verbose=0, callbacks=[stop],
        validation_data=(standard[valid], labels[valid]),
    )  # fmt: skip
    raw = keras.ops.convert_to_numpy(model(standard, training=False))[:, 0].astype(np.float64)
    cut = calibration.fit(raw[valid], labels[valid])
    temporal = raw / cut.temperature
    combination = combine(made.spatial[valid], temporal[valid], labels[valid])
    combined = np.asarray(combination.logit(made.spatial, temporal))
    joint = calibration.fit(combined[valid], labels[valid])
    logits = {"spatial": made.spatial, "temporal": temporal, "both": combined / joint.temperature}
    return Head(model, mean, scale, cut, combination, joint, {}), figures(made, logits)


def combine(spatial: np.ndarray, temporal: np.ndarray, labels: np.ndarray) -> Combination:
    """Fits a logistic regression with an L2 penalty.

    Its weights are not negative, so that evidence of manipulation never lowers the combined score.

    Args:
        spatial: (n,) calibrated logits of the detector.
        temporal: (n,) calibrated logits of the head.
        labels: (n,) 1 = blended, 0 = real.

    Returns:
        The combination that minimises the penalised negative log-likelihood.
    """
    signs = 2.0 * np.asarray(labels, np.float64) - 1

    def loss(weights: np.ndarray) -> float:
        z = Combination(*weights).logit(spatial, temporal)
        return float(np.logaddexp(0, -signs * z).sum() + np.square(weights[:2]).sum() / 2)

    found = minimize(loss, np.array([0.5, 0.5, 0.0]), method="L-BFGS-B", bounds=[(0, None), (0, None), (None, None)])
    return Combination(*map(float, found.x))


def figures(made: Examples, logits: Mapping[str, np.ndarray], seed: int = 0) -> Measured:
    """The figures on the test clips, each with a 95 % bootstrap interval over photos.

    All clips of a photo are resampled together.

    Args:
        made: All clips.
        logits: (n,) calibrated logits of "spatial", "temporal" and "both".
        seed: Seed of the resampling.

    Returns:
        "n", the number of clips by kind; and by key of `logits` the "auc" and the "ece" of blended against real clips
        and the AUC of "control" against real clips, which should be 0.5; and "difference", the AUC of "both" less that
        of the better of the other two.
    """
    rows = {kind: made.of("test", (kind,)) for kind in clips.KINDS}
    photos = int(rows["real"].sum())
    labels = np.repeat([0, 1], photos)

    def values(pick: np.ndarray) -> dict[tuple[str, str], float]:
        found: dict[tuple[str, str], float] = {}
        for key, z in logits.items():
            blended, control = (
                np.concatenate([z[rows["real"]][pick], z[rows[kind]][pick]]) for kind in clips.KINDS[1:]
            )
            found["auc", key] = float(roc_auc_score(labels, blended))
            found["control", key] = float(roc_auc_score(labels, control))
            found["ece", key] = expected_calibration_error(calibration.Calibration().score(blended), labels)
        for key in ("spatial", "temporal"):
            found["difference", key] = found["auc", "both"] - found["auc", key]
        return found

    scheme = intervals.together(list(np.arange(photos)[:, None]))
    found = intervals.bootstrap(values, photos, scheme, seed)
    better = max(("spatial", "temporal"), key=lambda key: found["auc", key]["value"])
    return {
        "n": {kind: int(which.sum()) for kind, which in rows.items()},
        "auc": {key: found["auc", key] for key in logits},
        "difference": {"from": better, **found["difference", better]},
        "control": {key: found["control", key] for key in logits},
        "ece": {key: found["ece", key] for key in logits},
    }


def details(release: str, sha256: str, made: Examples, measured: Measured, origin: str) -> dict[str, Any]:
    """What is stored with a head: the release it belongs to, its training data and its figures.

    Args:
        release: Name of the release.
        sha256: SHA-256 of the release's weights, hexadecimal.
        made: Clips that the head was trained and measured on.
        measured: Result of `figures`.
        origin: Description of the photos in words.

    Returns:
        The details as JSON, see `temporal_head.Head`.
    """
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


def learnt_renderer(measured: Measured) -> bool:
    """Whether the head tells control clips from real ones, so that it has learnt traces of the renderer.

    Args:
        measured: Result of `figures`.

    Returns:
        True if the AUC on controls differs from 0.5 by more than 0.05 and its interval leaves 0.5 out; always false
        for fewer than 25 controls, which are too few to tell.
    """
    control = measured["control"]["temporal"]
    beyond = abs(control["value"] - 0.5) > 0.05 and not control["low"] <= 0.5 <= control["high"]
    return beyond and measured["n"]["control"] >= 25


def metrics(details: Mapping[str, Any]) -> dict[str, Any]:
    """What a release's metrics.json and model card say of its temporal head.

    Args:
        details: Result of `details`.

    Returns:
        Tables for `finish.add`. Figures on clips from elsewhere are None there: they belong to an earlier head.
    """
    counts = details["clips"]
    trained = f"{counts['train']:,} clips, {counts['valid']:,} more to stop and calibrate it: {details['origin']}"
    return {"clips": rows(details["figures"]), "clips_origin": trained, "clips_elsewhere": None}


def rows(measured: Measured) -> dict[str, Figures]:
    """The figures as a table of `model_card.comparison`, a row for each kind of evidence.

    Args:
        measured: Result of `figures`.
    """
    n = measured["n"]
    found: dict[str, Figures] = {
        name: {
            "n": n["real"] + n["blended"],
            "real": n["real"],
            **{figure: measured[figure][key] for figure in ("auc", "control", "ece")},
        }
        for key, name in (("spatial", "single frames"), ("temporal", "changes between frames"), ("both", "both"))
    }
    found["both"]["gain"] = {key: measured["difference"][key] for key in ("value", "low", "high")}
    return found
