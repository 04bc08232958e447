"""The model card of a release, written from its config and metrics alone."""

from __future__ import annotations

import yaml

from deepley.network import files
from deepley.recipes import ModelConfig
from deepley.records import from_json

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
"""Tables that a metrics.json may have beside its own sets: heading, and what heads their first column."""


def figure(name: str, value: dict) -> str:
    """A figure with its 95 % interval, as people read it: "99.1 % (98.4 to 99.7)"."""
    if name in _SHARES:
        return f"{value['value'] * 100:.1f} % ({value['low'] * 100:.1f} to {value['high'] * 100:.1f})"
    return f"{value['value']:.4f} ({value['low']:.4f} to {value['high']:.4f})"


def table(sets: dict[str, dict]) -> str:
    """A Markdown table: a row a figure, a column a set."""
    heads = [f"{name}, n = {s['n']:,} ({s['real']:,} real)" for name, s in sets.items()]
    lines = ["| | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"]
    for name, label in _ROWS.items():
        if any(name in s for s in sets.values()):
            cells = (figure(name, s[name]) if name in s else "" for s in sets.values())
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def comparison(sets: dict[str, dict], first: str) -> str:
    """A Markdown table: a row a set, a column a figure; `first` heads the column of names.

    Where near-copies of training pictures were left out of a set, a column says how many.
    """
    columns = {name: label for name, label in _COLUMNS.items() if any(name in s for s in sets.values())}
    counts = {"n (real)": lambda s: f"{s['n']:,} ({s['real']:,})"}
    if any(s.get("copies_left_out") for s in sets.values()):
        counts["copies left out"] = lambda s: f"{s['copies_left_out']:,}" if "copies_left_out" in s else ""
    heads = [first, *counts, *columns.values()]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, s in sets.items():
        cells = [figure(column, s[column]) if column in s else "" for column in columns]
        lines.append("| " + " | ".join([name, *(count(s) for count in counts.values()), *cells]) + " |")
    return "\n".join(lines)


def tables(metrics: dict) -> str:
    """All tables of a metrics.json as Markdown, with their headings."""
    parts = [table(metrics["sets"])]
    for key, (heading, first) in FURTHER.items():
        if metrics.get(key):
            parts.append(f"### {heading}\n\n{comparison(metrics[key], first)}")
    return "\n\n".join(parts)


def _front(name: str, sets: dict[str, dict]) -> str:
    """The YAML that the Hub reads, figures as its model-index."""
    kinds = {"accuracy": "accuracy", "auc": "roc_auc", "recall": "recall", "false_positive_rate": "false_positive_rate"}
    results = [
        {
            "task": {"type": "image-classification", "name": "Real or manipulated face"},
            "dataset": {"type": "image-folder", "name": f"{split} split of its data, n = {measured['n']}"},
            "metrics": [
                {"type": kind, "value": round(measured[figure]["value"], 4), "name": _ROWS[figure]}
                for figure, kind in kinds.items()
            ],
        }
        for split, measured in sets.items()
    ]
    front = {
        "library_name": "keras",
        "pipeline_tag": "image-classification",
        "license": "cc-by-nc-sa-4.0",
        "tags": ["deepfake-detection", "face", "grad-cam"],
        "metrics": ["accuracy", "roc_auc"],
        "model-index": [{"name": name, "results": results}],
    }
    return yaml.safe_dump(front, sort_keys=False, allow_unicode=True, width=120)


def _images(counts: dict[str, dict[str, int]]) -> str:
    """How many pictures each split had, in words."""
    return ", ".join(
        f"{name} {n['real']:,} real and {n['fake']:,} fake" for name, n in counts.items() if sum(n.values())
    )


def card(config: dict, metrics: dict) -> str:
    """The Markdown of README.md, with the YAML header that the Hugging Face Hub reads."""
    cut = config["calibration"]
    ancestors = "".join(
        f"\n- Training started from {before['name']} (SHA-256 `{before['sha256']}`), trained on "
        f"{before['data']['origin']}; images: {_images(before['data']['counts'])}"
        for before in config.get("ancestors", ())
    )
    kinds = {"generated": "made by a generator", "blended": "changed by blending in another face"}
    claim = " or ".join(kinds[kind] for kind in from_json(ModelConfig, config["model"]).kinds)
    clips = (
        f"\n- Clips: `temporal.safetensors` judges what changes between frames. It was trained on "
        f"{metrics['clips_origin']}. It has seen no other way to swap a face, and no real clip."
        if "clips_origin" in metrics
        else ""
    )
    warnings = "".join(f"\n- Of this data: {warning}" for warning in config["data"]["warnings"])
    return f"""---
{_front(config["name"], metrics["sets"])}---

# {config["name"]}

How strong is the evidence that a face photo was {claim}? A {config["model"]["backbone"]} with a small head,
trained with Deepley's preset `{config["training"]["preset"]}` on {config["created"]}.

- Weights: `model.safetensors`, SHA-256 `{config["sha256"]}`
- Data: {config["data"]["origin"]}
- Images: {_images(config["data"]["counts"])}{ancestors}
- Input: faces aligned as in FFHQ, 256 x 256 RGB, 0..255 (preprocessing `{config["preprocessing"]}`)
- Temperature {cut["temperature"]:.3f}; threshold {cut["threshold"]:.4f} (2 % of validation reals reach it, as
  they are or recompressed, shrunk or blurred); inconclusive from {cut["doubt"]:.4f} (5 % do){clips}

![Loss and accuracy by round of the training](curves.png)

## Intended use

For research, for teaching how such detectors work and fail, and as one hint among others when a person looks at a
photo: it shows where evidence is and how strong, and often says that it does not know. Not for decisions about a
person, not unattended, and not as proof that a photo is real.

## Figures

{tables(metrics)}

In brackets: {metrics["interval"]}. Validation images also chose the weights and the calibration; no test
image did.

## How to load it

With the program it belongs to (`deepley`), from the Hub or from a folder with these files:

```python
from pathlib import Path
from huggingface_hub import snapshot_download
from deepley.verdict.detector import Detector

folder = snapshot_download("{files.REPO}", revision="main")  # better: the commit that `deepley publish` printed
found = Detector(Path(folder)).check(Path("photo.jpg").read_bytes())
for verdict in found.verdicts:
    print(verdict.face.box, verdict.evidence, round(verdict.score, 3))
print(found.reason or "")
```

## What it cannot see

- Much that it was not trained on: other generators, other ways to swap a face, and retouching may go unseen, and
  unusual photos of real people may be called fake. No evidence found does not mean that a photo is real.
- Someone who knows the network can deceive it with changes too small to see.
- A heatmap shows where the network looked. It proves nothing.
- Groups of people: error rates may differ between them. Where labels exist, the table by group says how often real
  photos of each are called fake; of other groups, and of how well fakes of each are found, nothing is known.{warnings}

## Licence

For research and non-commercial use: sets of faces are given for no other (FFHQ is CC BY-NC-SA 4.0 with per-photo
licences), and no licence is stated for most generated images. No picture is part of the release. A score must not be
the only ground for a decision about a person.
"""
