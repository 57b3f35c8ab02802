import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast.errors import InvalidInput
from hindcast_scorer.rescoring.line_search import (
    Candidates,
    Weight,
    best_on_grid,
    chosen,
    errors_at,
    fewest_errors,
    line_search,
    steps,
)

SMALL = st.integers(-3, 3)  # many ties, parallel and equal lines


@st.composite
def candidates(draw: Any, features: int = 2) -> Candidates:
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    rows = st.tuples(*[SMALL] * features)
    return Candidates.of(
        [np.array(draw(st.lists(rows, min_size=n, max_size=n)), dtype=float) for n in lengths],
        [np.array(draw(st.lists(st.integers(0, 3), min_size=n, max_size=n))) for n in lengths],
    )


def made(seed: int, *, lists: int = 12, length: int = 6, features: int = 3) -> Candidates:
    random = np.random.default_rng(seed)
    return Candidates.of(
        [random.normal(size=(length, features)) for _ in range(lists)],
        [random.integers(0, 5, length) for _ in range(lists)],
    )


def between_all_crossings(own: Candidates, weights_F: Any, feature: int, low: float, high: float) -> list[float]:
    """A weight in each interval in which nothing can change: between all crossings of any two lines."""
    crossings = [low, high]
    others_F = np.where(np.arange(len(weights_F)) == feature, 0, weights_F)
    for start, length in zip(own.starts_U, own.lengths, strict=True):
        rows = own.features_NF[start : start + length]
        for one, other in itertools.combinations(rows, 2):
            if one[feature] != other[feature]:
                crossings.append((other - one) @ others_F / (one[feature] - other[feature]))
    bounds = sorted({min(max(crossing, low), high) for crossing in crossings})
    return [(left + right) / 2 for left, right in itertools.pairwise(bounds) if right - left > 1e-9]


def along(own: Candidates, weights_F: Any, feature: int, weight: float) -> int:
    tried_F = np.array(weights_F, dtype=float)
    tried_F[feature] = weight
    return errors_at(own, tried_F)


def test_hand_worked_steps() -> None:
    # Totals 0, w - 1 and 2w - 4: the second is on top from 1 on, the third from 3 on.
    own = Candidates.of([np.array([[0.0, 0], [-1, 1], [-4, 2]])], [np.array([2, 0, 1])])
    bounds, errors = steps(own, np.array([1.0, 99]), 1, -2, 10)
    assert bounds.tolist() == [-2, 1, 3, 10]
    assert errors.tolist() == [2, 0, 1]
    best = line_search(own, np.array([1.0, 99]), 1, -2, 10)
    assert (best.weight, best.errors, best.low, best.high) == (2, 0, 1, 3)


def test_a_line_that_only_touches_the_envelope_is_no_interval() -> None:
    own = Candidates.of([np.array([[0.0, 1], [0, 0], [0, -1]])], [np.array([1, 0, 1])])
    bounds, errors = steps(own, np.array([1.0, 0]), 1, -1, 1)
    assert (bounds.tolist(), errors.tolist()) == ([-1, 0, 1], [1, 1])


def test_equal_totals_go_to_the_earlier_place() -> None:
    twice = np.array([[1.0, 0.3], [1, 0.3], [0, 0.3]])
    own = Candidates.of([twice, twice[::-1]], [np.array([0, 9, 9]), np.array([9, 0, 9])])
    assert chosen(own, [1.0, 0.7]).tolist() == [0, 4]
    assert errors_at(own, [1.0, 0.7]) == 0
    assert steps(own, np.array([1.0, 0]), 1, 0, 5)[1].tolist() == [0]


def test_equal_rows_tie_wherever_they_stand() -> None:
    row_F = np.random.default_rng(1).normal(size=7)
    own = Candidates.of([np.tile(row_F, (length, 1)) for length in range(1, 40)], [np.arange(n) for n in range(1, 40)])
    assert errors_at(own, np.random.default_rng(2).normal(size=7)) == 0


def test_of_intervals_as_good_the_widest_is_taken_and_a_choice_that_costs_nothing_divides_none() -> None:
    # On top: errors 1 to 1, 0 from 1 to 2, 1 from 2 to 3, 0 from 3 to 5 and (another hypothesis) from 5 to 7, then 1.
    slopes = np.arange(6.0)
    intercepts = -np.cumsum([0.0, 1, 2, 3, 5, 7])
    own = Candidates.of([np.column_stack([intercepts, slopes])], [np.array([1, 0, 1, 0, 0, 1])])
    best = line_search(own, np.array([1.0, 0]), 1, 0, 10)
    assert (best.low, best.high, best.errors) == (3, 7, 0)
    assert best.weight == 6  # the middle, 5, is where two totals are equal


def test_a_weight_that_changes_nothing_stays() -> None:
    own = Candidates.of([np.array([[1.0, 5], [0, 5]])], [np.array([0, 1])])
    assert line_search(own, np.array([1.0, 0.7]), 1, 0, 10).weight == 0.7


def test_a_weight_on_a_step_moves_off_it_where_the_tie_does_harm() -> None:
    own = Candidates.of([np.array([[0.0], [1], [-1]])], [np.array([1, 0, 0])])  # at 0 all are equal, the first is wrong
    best = line_search(own, np.array([0.0]), 0, -4, 4)
    assert best.errors == errors_at(own, [best.weight]) == 0


def test_lines_that_meet_in_a_point_but_for_rounding_leave_no_interval_there() -> None:
    own = Candidates.of(
        [np.array([[0.0, 0], [-0.1, 1], [-0.3, 3]]), np.array([[0.0, 0], [-0.3, 3]])],
        [np.array([1, 0, 1]), np.array([1, 1])],
    )
    bounds, errors = steps(own, np.array([1.0, 0]), 1, -1, 1)
    assert errors.tolist() == [2, 2]
    assert bounds.tolist() == pytest.approx([-1, 0.1, 1])


@given(candidates(), st.integers(0, 1), SMALL)
def test_no_weight_has_fewer_errors_than_the_line_search_finds(own: Candidates, feature: int, other: int) -> None:
    weights_F = np.array([float(other)] * 2)
    best = line_search(own, weights_F, feature, -4, 4)
    tried = between_all_crossings(own, weights_F, feature, -4, 4)
    assert best.errors == min(along(own, weights_F, feature, weight) for weight in tried)
    assert along(own, weights_F, feature, best.weight) == best.errors
    assert best.low <= best.weight <= best.high


@given(candidates(), SMALL)
def test_steps_are_the_errors_of_every_interval(own: Candidates, other: int) -> None:
    weights_F = np.array([float(other), 0.0])
    bounds, errors = steps(own, weights_F, 1, -4, 4)
    assert (bounds[0], bounds[-1]) == (-4, 4)
    assert (np.diff(bounds) > 0).all()
    for weight in between_all_crossings(own, weights_F, 1, -4, 4):
        found = errors[min(np.searchsorted(bounds, weight, side="right") - 1, len(errors) - 1)]
        assert found == along(own, weights_F, 1, weight)


@pytest.mark.parametrize("seed", range(10))
def test_a_dense_grid_never_finds_better_along_one_weight(seed: int) -> None:
    own = made(seed)
    weights_F = np.array([1.0, 0.4, -0.2])
    best = line_search(own, weights_F, 1, -5, 5)
    assert best.errors == min(along(own, weights_F, 1, weight) for weight in np.linspace(-5, 5, 4_001))


@pytest.mark.parametrize("seed", range(5))
def test_a_dense_grid_never_finds_better_over_two_weights(seed: int) -> None:
    own = made(seed, lists=8, length=5)
    ranges = [Weight.fixed("am", 1), Weight("lm", 0, -4, 4), Weight("words", 0, -4, 4)]
    weights_F, fewest = fewest_errors(own, ranges, restarts=40)
    grid = np.linspace(-4, 4, 41)
    assert fewest <= min(errors_at(own, [1.0, lm, words]) for lm in grid for words in grid)
    assert errors_at(own, weights_F) == fewest
    assert weights_F[0] == 1


@settings(max_examples=30)
@given(candidates(features=3), st.integers(0, 5))
def test_descent_never_ends_worse_than_it_starts(own: Candidates, seed: int) -> None:
    ranges = [Weight.fixed("am", 1), Weight("lm", 1, 0, 3), Weight("words", 0, -3, 3)]
    weights_F, fewest = fewest_errors(own, ranges, starts=[[1, 0, 0]], restarts=2, seed=seed)
    assert fewest == errors_at(own, weights_F) <= min(errors_at(own, [1.0, 1, 0]), errors_at(own, [1.0, 0, 0]))
    assert all(each.low <= weight <= each.high for each, weight in zip(ranges, weights_F, strict=True))


def test_equal_seeds_find_equal_weights() -> None:
    ranges = [Weight.fixed("am", 1), Weight("lm", 0, 0, 100), Weight("words", 0, -100, 100)]
    first, second = (fewest_errors(made(3), ranges, seed=7)[0] for _ in range(2))
    assert first.tolist() == second.tolist()


def test_the_grid_takes_the_first_of_the_best() -> None:
    found = best_on_grid([0.0, 0.5, 1.0], lambda value: (np.array([value]), {0.0: 3, 0.5: 2, 1.0: 2}[value]))
    assert (found[0], found[1].tolist(), found[2]) == (0.5, [0.5], 2)


@pytest.mark.parametrize(("start", "low", "high"), [(0, 1, 2), (3, 1, 2), (0, -np.inf, 1), (np.nan, 0, 1)])
def test_bounds_must_be_finite_and_hold_the_start(start: float, low: float, high: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        Weight("lm", start, low, high)
    assert caught.value.errors[0].field == "weights.lm"


def test_a_list_without_hypotheses_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Candidates.of([np.empty((0, 2))], [np.empty(0, dtype=np.int64)])
