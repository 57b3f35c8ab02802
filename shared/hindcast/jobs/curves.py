"""A job's metrics as curves to draw, with no more points than a drawing can show."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

FEWEST_POINTS = 4
"""The first, the last, and the extremes between them."""


@dataclass(frozen=True)
class Moment:
    """When a job told metrics."""

    done: float | None
    """How far the job was, in `unit`s; None where it told that with no progress, as the figures at its end."""
    unit: str
    """What is counted ("tokens"); empty without `done`."""
    at: datetime


@dataclass(frozen=True)
class Curve:
    """One metric of a job, oldest first."""

    name: str
    total: int
    """Values that were told, of which `values` are some."""
    values: Sequence[float]
    moments: Sequence[Moment]
    """Of each of the values."""


@dataclass(frozen=True)
class ToldMetric:
    """All values of one metric, in any order."""

    name: str
    values_N: NDArray[np.float64]
    sequences_N: NDArray[np.int64]
    """The sequence of the event that told each."""

    def reduced(self, points: int) -> "ToldMetric":
        """At most `points` of the values, oldest first."""
        order_N = np.argsort(self.sequences_N)
        kept_P = order_N[extremes(self.values_N[order_N], points)]
        return ToldMetric(self.name, self.values_N[kept_P], self.sequences_N[kept_P])


def extremes(values_N: NDArray[np.float64], points: int) -> NDArray[np.int64]:
    """Places, ascending, of at most `points` (from FEWEST_POINTS) values that draw the same line: all where they are
    few, else the first, the last, and the lowest and the highest of each of equal stretches between them.

    So no outlier is lost, as it would be by averaging or by taking every n-th value. This is the reduction MinMax; with
    one stretch for a column of pixels a line's lowest and highest point in it stay where they are. (Jugel and others,
    "M4: A Visualization-Oriented Time Series Data Aggregation", VLDB 2014, compares it with others.)
    """
    count = len(values_N)
    if count <= points:
        return np.arange(count)
    kept = {0, count - 1}
    for stretch_S in np.array_split(np.arange(1, count - 1), (points - 2) // 2):
        kept |= {int(stretch_S[values_N[stretch_S].argmin()]), int(stretch_S[values_N[stretch_S].argmax()])}
    return np.array(sorted(kept))


def drawn(
    told: Sequence[ToldMetric], points: int, moments: Callable[[Collection[int]], Mapping[int, Moment]]
) -> Sequence[Curve]:
    """The curves of these metrics, by name, of at most `points` values each; `moments` are looked up, by the sequences
    of their events, for those alone that are left."""
    reduced = sorted((metric.reduced(points) for metric in told), key=lambda metric: metric.name)
    totals = {metric.name: len(metric.values_N) for metric in told}
    known = moments({sequence for metric in reduced for sequence in metric.sequences_N.tolist()})
    return [
        Curve(
            name=metric.name,
            total=totals[metric.name],
            values=metric.values_N.tolist(),
            moments=[known[sequence] for sequence in metric.sequences_N.tolist()],
        )
        for metric in reduced
    ]
