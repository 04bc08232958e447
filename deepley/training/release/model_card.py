"""The model card of a release, written from its config and metrics alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from deepley.network import files
from deepley.recipes import ModelConfig
from deepley.records import from_json
from deepley.training.measure.intervals import Figures, Interval

_TEMPLATE = Path(__file__).parent / "templates" / "model_card.md"
_MADE = {"generated": "made by a generator", "blended": "changed by blending in another face"}

_ROWS = {
    "accuracy": "Accuracy at score 0.5",
    "balanced_accuracy": "Balanced accuracy at score 0.5",
    "auc": "AUC",
    "average_precision": "Average precision",
    "false_positive_rate": "False-positive rate at the threshold",
    "recall": "Recall at the threshold",
    "ece": "Expected calibration error (15 bins)",
    "inconclusive": "Inconclusive",
    "selective_accuracy": "Accuracy of the others, at the threshold",
    "unlike_training": "Unlike the training pictures",
}
_SHARES = set(_ROWS) - {"auc", "average_precision", "ece"} | {"changes_judged"}
_COLUMNS = {
    "auc_frames": "AUC, single frames",
    "auc_changes": "AUC, changes between frames",
    "auc": "AUC",
    "false_positive_rate": "real called fake",
    "recall": "fakes found",
    "accuracy": "accuracy at 0.5",
    "ece": "ECE",
    "inconclusive": "inconclusive",
    "unlike_training": "unlike training",
    "changes_judged": "changes judged",
    "control": "AUC of controls, 0.5 wanted",
    "gain": "AUC above the better one's",
}

FURTHER = {
    "treated": ("Under treatment (test images)", "the face"),
    "elsewhere": ("Elsewhere", "set"),
    "groups": ("Real photos of UTKFace, by group", "group"),
    "attacked": ("Under attack by someone who has the network (test images)", "attack"),
    "clips": ("Clips made of photos that were held out, real against blended (intervals over photos)", "evidence"),
    "clips_elsewhere": ("Clips from elsewhere (intervals over scenes)", "set"),
}
"""Further tables of a metrics.json: the heading, and the head of the first column."""


def figure(name: str, value: Interval) -> str:
    """Formats a figure with its 95 % interval, such as "99.1 % (98.4 to 99.7)".

    Args:
        name: Name of the figure, which decides whether it is a percentage.
        value: The figure.
    """
    if name in _SHARES:
        return f"{value['value'] * 100:.1f} % ({value['low'] * 100:.1f} to {value['high'] * 100:.1f})"
    return f"{value['value']:.4f} ({value['low']:.4f} to {value['high']:.4f})"


def table(sets: Mapping[str, Figures]) -> str:
    """A Markdown table with a row for each figure and a column for each set."""
    heads = [f"{name}, n = {s['n']:,} ({s['real']:,} real)" for name, s in sets.items()]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, label in _ROWS.items():
        if any(name in s for s in sets.values()):
            cells = (figure(name, s[name]) if name in s else "" for s in sets.values())
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def comparison(sets: Mapping[str, Figures], first: str) -> str:
    """A Markdown table with a row for each set and a column for each figure.

    A further column gives the number of near-copies of training pictures left out, if there are any.

    Args:
        sets: Figures by name of the set.
        first: Head of the column of names.
    """
    columns = {name: label for name, label in _COLUMNS.items() if any(name in s for s in sets.values())}
    counts: dict[str, Callable[[Figures], str]] = {"n (real)": lambda s: f"{s['n']:,} ({s['real']:,})"}
    if any(s.get("copies_left_out") for s in sets.values()):
        counts["copies left out"] = lambda s: f"{s['copies_left_out']:,}" if "copies_left_out" in s else ""
    heads = [first, *counts, *columns.values()]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, s in sets.items():
        cells = [figure(column, s[column]) if column in s else "" for column in columns]
        lines.append("| " + " | ".join([name, *(count(s) for count in counts.values()), *cells]) + " |")
    return "\n".join(lines)


def tables(metrics: Mapping[str, Any]) -> str:
    """All tables of a metrics.json as Markdown with their headings."""
    parts = [table(metrics["sets"])]
    for key, (heading, first) in FURTHER.items():
        if metrics.get(key):
            parts.append(f"### {heading}\n\n{comparison(metrics[key], first)}")
    return "\n\n".join(parts)


def _data(name: str, sets: Mapping[str, Figures]) -> ModelCardData:
    """What the Hub reads of a card, with the figures as its evaluation results."""
    kinds = {"accuracy": "accuracy", "auc": "roc_auc", "recall": "recall", "false_positive_rate": "false_positive_rate"}
    results = [
        EvalResult(
            task_type="image-classification",
            task_name="Real or manipulated face",
            dataset_type="image-folder",
            dataset_name=f"{split} split of its data, n = {measured['n']}",
            dataset_split=split,  # the Hub's client joins results whose type and split are equal
            metric_type=kind,
            metric_value=round(measured[figure]["value"], 4),
            metric_name=_ROWS[figure],
        )
        for split, measured in sets.items()
        for figure, kind in kinds.items()
    ]
    return ModelCardData(
        model_name=name,
        library_name="keras",
        pipeline_tag="image-classification",
        license="cc-by-nc-sa-4.0",
        tags=["deepfake-detection", "face", "grad-cam"],
        metrics=["accuracy", "roc_auc"],
        eval_results=results,
    )


def _images(counts: Mapping[str, Mapping[str, int]]) -> str:
    """The number of pictures of each split, in words."""
    return ", ".join(
        f"{name} {n['real']:,} real and {n['fake']:,} fake" for name, n in counts.items() if sum(n.values())
    )


def card(config: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """Writes the model card of a release.

    Args:
        config: Content of its config.json.
        metrics: Content of its metrics.json.

    Returns:
        The Markdown of README.md, with the YAML header that the Hub reads.
    """
    written = ModelCard.from_template(
        _data(config["name"], metrics["sets"]),
        template_path=str(_TEMPLATE),
        config=config,
        claim=" or ".join(_MADE[kind] for kind in from_json(ModelConfig, config["model"]).kinds),
        images=_images,
        clips_origin=metrics.get("clips_origin"),
        tables=tables(metrics),
        interval=metrics["interval"],
        repo=files.REPO,
    )
    return f"{written}\n"
