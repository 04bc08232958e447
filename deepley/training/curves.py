"""The training curves of a release as a picture, for its card: the Hub shows no plot that needs a program."""

from __future__ import annotations

import io

_TRAIN, _VALID, _INK = "#0d9488", "#ea580c", "#74808d"


def picture(history: list[dict]) -> bytes:
    """Loss and accuracy by round, phases marked, as a PNG.

    Args:
        history: Rows of history.csv.
    """
    from matplotlib.figure import Figure  # half a second that only a finished training needs to wait

    rounds = [row["round"] for row in history]
    figure = Figure(figsize=(10, 3.6), dpi=100, layout="constrained")
    for axes, what in zip(figure.subplots(1, 2), ("loss", "accuracy")):
        axes.plot(rounds, [row[what] for row in history], color=_TRAIN, marker="o", ms=4, label="training")
        axes.plot(rounds, [row[f"val_{what}"] for row in history], color=_VALID, marker="D", ms=4, label="validation")
        for i, row in enumerate(history):
            if i == 0 or row["phase"] != history[i - 1]["phase"]:
                axes.axvline(row["round"] - 0.5, color=_INK, lw=0.8, ls=":")
                axes.text(
                    row["round"] - 0.4, 0.98, row["phase"], color=_INK, fontsize=8, rotation=90, va="top",
                    transform=axes.get_xaxis_transform(),
                )  # fmt: skip
        axes.set(xlabel="round", ylabel=what)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()
