"""The weights with the fewest word errors on given lists: exact along one weight, coordinate descent over all.

Along one weight each hypothesis' total is a line, and a list's choice is whatever line lies on top: the errors of the
set are piecewise constant, and all their steps are found by walking the upper envelopes of all lists (F. J. Och 2003,
"Minimum error rate training in statistical machine translation", ACL; for n-best lists of a recogniser SRILM's
`nbest-optimize` searches the same function). The envelopes of all lists are walked side by side, so that a step costs a
few passes over one array.

At a step itself totals are equal and the order of the list decides. Such a weight is never chosen: the middle of the
interval lies between steps, and what was found holds for weights near it too.

Shapes: U lists (one for each utterance), N hypotheses of all lists one after the other, F features, I intervals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]

_NARROWEST = 1e-12
"""Of a range: less is taken for a point."""
_DECADES = 4
"""Of sizes that restarts are spread over: recognisers' scores differ that much in scale."""


@dataclass(frozen=True)
class Weight:
    """Of one feature: where it may lie. A range of a single point fixes it, as one must be to set the scale."""

    name: str
    start: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite([self.low, self.high]).all() and self.low <= self.start <= self.high):
            raise InvalidInput.field(f"weights.{self.name}", "must have finite bounds, low ≤ start ≤ high")

    @classmethod
    def fixed(cls, name: str, value: float) -> Self:
        """One that isn't searched."""
        return cls(name, value, value, value)

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to search."""
        return self.low == self.high


@dataclass(frozen=True)
class Candidates:
    """All hypotheses of a set, list after list, each list in its own order."""

    features_NF: Reals
    errors_N: Integers
    starts_U: Integers
    """Where each list begins."""

    @classmethod
    def of(cls, features: Sequence[Reals], errors: Sequence[Integers]) -> Self:
        """From [H, F] and [H] of each list; no list may be empty."""
        lengths_U = np.array([len(features_HF) for features_HF in features], dtype=np.int64)
        if not lengths_U.size or not lengths_U.all() or lengths_U.tolist() != [len(each) for each in errors]:
            raise ValueError("as many errors as hypotheses, at least one for each list")
        features_NF = np.concatenate(features).astype(np.float64)
        return cls(features_NF, np.concatenate(errors).astype(np.int64), lengths_U.cumsum() - lengths_U)

    @cached_property
    def lengths(self) -> Integers:
        """[U] Hypotheses of each list."""
        return np.diff(self.starts_U, append=len(self.errors_N))

    def highest(self, values_N: Reals) -> Reals:
        """[N] Of each hypothesis' list, the highest value."""
        return self.spread(np.maximum.reduceat(values_N, self.starts_U))

    def first(self, true_N: Booleans) -> Integers:
        """[U] The earliest hypothesis of each list that is true; each list must have one."""
        places_K = np.flatnonzero(true_N)
        earliest_U: Integers = places_K[np.searchsorted(places_K, self.starts_U)]
        return earliest_U

    def spread(self, values_U: Reals) -> Reals:
        """[N] Each list's value, for each of its hypotheses."""
        return np.repeat(values_U, self.lengths)


@dataclass(frozen=True)
class Best:
    """The best interval of one weight."""

    weight: float
    """In the middle of it, as near as no step lies."""
    errors: int
    low: float
    high: float


def totals(features_NF: Reals, weights_F: Sequence[float] | Reals) -> Reals:
    """[N] What hypotheses are ordered by: weight · feature, summed in the order of the features.

    A matrix product would be free to round equal rows differently, and a tie would no longer be one.
    """
    total_N: Reals = np.zeros(len(features_NF))
    for weight, feature_N in zip(weights_F, features_NF.T, strict=True):
        total_N = total_N + weight * feature_N
    return total_N


def chosen(candidates: Candidates, weights_F: Sequence[float] | Reals) -> Integers:
    """[U] The hypothesis of each list, as its place among all, that has the highest total, the earliest if several."""
    total_N = totals(candidates.features_NF, weights_F)
    return candidates.first(total_N == candidates.highest(total_N))


def errors_at(candidates: Candidates, weights_F: Sequence[float] | Reals) -> int:
    """Word errors of the set under these weights."""
    return int(candidates.errors_N[chosen(candidates, weights_F)].sum())


def steps(candidates: Candidates, weights_F: Reals, feature: int, low: float, high: float) -> tuple[Reals, Integers]:
    """Errors as a function of one weight: [I + 1] bounds from low to high, and [I] errors between them.

    What the weights say of this feature doesn't count. No interval is empty.
    """
    others_F = weights_F.copy()
    others_F[feature] = 0.0
    lines = _Lines(candidates, totals(candidates.features_NF, others_F), candidates.features_NF[:, feature])
    top_U = lines.top_after(low)
    first = int(candidates.errors_N[top_U].sum())
    at_U = np.full(len(top_U), low)
    places, changes = [np.empty(0)], [np.empty(0, dtype=np.int64)]
    while True:
        crossing_N, crossing_U = lines.overtaken(top_U)
        going_U = crossing_U < high
        if not going_U.any():
            break
        # What is found a rounding error before the step that led here is at that step.
        at_U = np.where(going_U, np.maximum(at_U, crossing_U), at_U)
        next_U = np.where(going_U, lines.steepest(crossing_N == candidates.spread(crossing_U)), top_U)
        places.append(at_U[going_U])
        changes.append((candidates.errors_N[next_U] - candidates.errors_N[top_U])[going_U])
        top_U = next_U
    return _merged(low, high, first, np.concatenate(places), np.concatenate(changes))


def line_search(candidates: Candidates, weights_F: Reals, feature: int, low: float, high: float) -> Best:
    """The interval of one weight with the fewest errors: the widest of those with as few, the lowest of those as wide.

    A weight that makes no difference stays what it is, unless it lies on a step where the order of a list does harm.
    """
    bounds, errors_I = steps(candidates, weights_F, feature, low, high)
    starts = np.flatnonzero(np.diff(errors_I, prepend=-1))
    edges = np.append(bounds[starts], high)
    if len(starts) == 1 and low <= weights_F[feature] <= high and errors_at(candidates, weights_F) == errors_I[0]:
        return Best(float(weights_F[feature]), int(errors_I[0]), low, high)
    widths = np.where(errors_I[starts] == errors_I.min(), np.diff(edges), -1.0)
    best = int(widths.argmax())
    middle = (edges[best] + edges[best + 1]) / 2
    # Inside, choices may change without the number of errors: the middle may fall on such a step, so keep off it.
    within = int(np.clip(np.searchsorted(bounds, middle, side="right") - 1, 0, len(errors_I) - 1))
    weight = (bounds[within] + bounds[within + 1]) / 2
    return Best(float(weight), int(errors_I[starts[best]]), float(edges[best]), float(edges[best + 1]))


def fewest_errors(
    candidates: Candidates,
    weights: Sequence[Weight],
    *,
    starts: Sequence[Sequence[float]] = (),
    restarts: int = 20,
    seed: int = 0,
) -> tuple[Reals, int]:
    """[F] weights with the fewest errors found, and the errors; never more than at any of the starts.

    Coordinate descent from the weights' own start, from `starts`, and from as many random ones as asked; the first of
    those with as few errors counts. Equal seeds find equal weights.
    """
    random = np.random.default_rng(seed)
    own = [weight.start for weight in weights]
    drawn = [[_drawn(weight, random) for weight in weights] for _ in range(restarts)]
    best_F, fewest = np.array(own), -1
    for start in [own, *starts, *drawn]:
        found_F, errors = _descend(candidates, weights, np.array(start, dtype=np.float64))
        if fewest < 0 or errors < fewest:
            best_F, fewest = found_F, errors
    return best_F, fewest


def best_on_grid(grid: Sequence[float], search: Callable[[float], tuple[Reals, int]]) -> tuple[float, Reals, int]:
    """The value of something that totals aren't linear in, with the weights and errors that a search finds there.

    Linear interpolation is such: the logarithm of a mixture isn't linear in its share. The first of those with as few
    errors counts.
    """
    found = [(value, *search(value)) for value in grid]
    return min(found, key=lambda each: each[2])


@dataclass(frozen=True)
class _Lines:
    """Each hypothesis' total as a line over one weight."""

    candidates: Candidates
    intercepts_N: Reals
    slopes_N: Reals

    def top_after(self, weight: float) -> Integers:
        """[U] The lines on top just after a weight."""
        total_N = self.intercepts_N + weight * self.slopes_N
        return self.steepest(total_N == self.candidates.highest(total_N))

    def steepest(self, true_N: Booleans) -> Integers:
        """[U] Of the lines that are true and meet in a point: what is on top after it. The same line twice: the first.

        Lists in which none is true give any of theirs.
        """
        slopes_N = np.where(true_N, self.slopes_N, -np.inf)
        return self.candidates.first(slopes_N == self.candidates.highest(slopes_N))

    def overtaken(self, top_U: Integers) -> tuple[Reals, Reals]:
        """[N] where each line rises above the top one of its list (infinity: nowhere after), and [U] the first."""
        rise_N = self.slopes_N - self.candidates.spread(self.slopes_N[top_U])
        gap_N = self.candidates.spread(self.intercepts_N[top_U]) - self.intercepts_N
        crossing_N = np.full(len(rise_N), np.inf)
        with np.errstate(over="ignore"):
            np.divide(gap_N, rise_N, out=crossing_N, where=rise_N > 0)
        return crossing_N, np.minimum.reduceat(crossing_N, self.candidates.starts_U)


def _merged(low: float, high: float, first: int, places: Reals, changes: Integers) -> tuple[Reals, Integers]:
    order = np.argsort(places, kind="stable")
    lefts = np.append(low, np.clip(places[order], low, high))
    errors = first + np.append(0, changes[order].cumsum())
    # What meets in a point is worked out a rounding error apart: no interval, and nothing that a weight can lie in.
    wide = np.diff(lefts, append=high) > _NARROWEST * (high - low)
    return np.append(lefts[wide], high), errors[wide]


def _descend(candidates: Candidates, weights: Sequence[Weight], weights_F: Reals) -> tuple[Reals, int]:
    """One weight after the other, until a round gains nothing."""
    errors, last = errors_at(candidates, weights_F), -1
    while errors != last:
        last = errors
        for feature, weight in enumerate(weights):
            if weight.is_fixed:
                continue
            tried_F = weights_F.copy()
            tried_F[feature] = line_search(candidates, weights_F, feature, weight.low, weight.high).weight
            # Counted again: in an interval as narrow as rounding the search may promise too much.
            if (counted := errors_at(candidates, tried_F)) <= errors:
                weights_F, errors = tried_F, counted
    return weights_F, errors


def _drawn(weight: Weight, random: np.random.Generator) -> float:
    """Evenly over orders of magnitude, to both sides of 0 in proportion to the bounds."""
    span = weight.high - weight.low
    edge = weight.low + span * random.random()
    bound = weight.high if edge >= 0 else weight.low
    size = bound * 10.0 ** (-_DECADES * random.random())
    return float(np.clip(size, weight.low, weight.high))
