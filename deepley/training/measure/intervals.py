"""Bootstrap intervals (Efron 1979): how far a figure moves when the same number of examples is drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypedDict, TypeVar

import numpy as np

RESAMPLES = 1000
"""Bootstrap resamples of every interval."""


class Interval(TypedDict):
    """A figure and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


Figures: TypeAlias = dict[str, Any]
"""The figures of one set as JSON: counts such as "n" and "real", and an `Interval` by name of the figure."""

Draw: TypeAlias = Callable[[np.random.Generator], np.ndarray]
"""Draws (n,) positions of examples with replacement."""

Name = TypeVar("Name")


def within(groups: Sequence[np.ndarray]) -> Draw:
    """Resampling within groups, so that each keeps its size in every resample.

    Args:
        groups: Positions of the examples of each group, such as the real and the fake ones.
    """
    return lambda rng: np.concatenate([rng.choice(group, len(group)) for group in groups if len(group)])


def together(groups: Sequence[np.ndarray]) -> Draw:
    """Resampling of whole groups, whose examples are not independent of each other.

    Args:
        groups: Positions of the examples of each group, such as the clips of one scene.
    """
    return lambda rng: np.concatenate([groups[i] for i in rng.integers(len(groups), size=len(groups))])


def bootstrap(
    values: Callable[[np.ndarray], Mapping[Name, float]], count: int, draw: Draw, seed: int = 0
) -> dict[Name, Interval]:
    """Figures of a sample with their 95 % percentile intervals.

    Args:
        values: Maps positions of examples to figures by name. A figure that a resample does not allow may be missing.
        count: Number of examples.
        draw: Resampling scheme: `within` or `together`.
        seed: Seed of the resampling.

    Returns:
        An interval for each figure of the whole sample.
    """
    rng = np.random.default_rng(seed)
    whole = values(np.arange(count))
    samples = [values(draw(rng)) for _ in range(RESAMPLES)]
    intervals: dict[Name, Interval] = {}
    for name, value in whole.items():
        low, high = np.quantile([sample[name] for sample in samples if name in sample], [0.025, 0.975])
        intervals[name] = {"value": float(value), "low": float(low), "high": float(high)}
    return intervals
