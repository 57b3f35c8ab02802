import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from hindcast.bootstrap import Interval
from hindcast_scorer.rescoring.significance import by_group, interval, matched_pairs


def test_hand_worked_matched_pairs() -> None:
    # Of the 16 ways to sign 1, 1, 1, 2 four sums lie as far from 0 as 3 or further: 5, -5, and thrice 3, thrice -3.
    assert matched_pairs(np.array([-1, -1, 1, -2, 0, 0])) == pytest.approx(8 / 16)
    assert matched_pairs(np.array([-1, -1, -1, -1, -1])) == pytest.approx(2 / 32)


def test_where_nothing_differs_there_is_nothing_to_find() -> None:
    assert matched_pairs(np.zeros(50, dtype=np.int64)) == 1
    assert interval(np.zeros(50, dtype=np.int64), np.full(50, 7)) == Interval(0, 0)


@given(st.lists(st.integers(-4, 4), min_size=1, max_size=9))
def test_p_counts_all_ways_to_sign_the_differences(differences: list[int]) -> None:
    ways = list(itertools.product([-1, 1], repeat=len(differences)))
    far = sum(abs(np.dot(signs, differences)) >= abs(sum(differences)) for signs in ways)
    assert matched_pairs(np.array(differences)) == pytest.approx(far / len(ways))


def test_with_many_utterances_it_is_gillicks_and_coxs_normal_test() -> None:
    differences_U = np.random.default_rng(1).choice([-2, -1, 0, 0, 1, 2], 2000, p=[0.06, 0.16, 0.3, 0.3, 0.13, 0.05])
    z = differences_U.mean() / (differences_U.std(ddof=1) / math.sqrt(len(differences_U)))
    normal = math.erfc(abs(z) / math.sqrt(2))
    assert 0.001 < normal < 0.1
    assert matched_pairs(differences_U) == pytest.approx(normal, rel=0.1)


def test_a_huge_effect_is_never_quite_certain() -> None:
    assert 0 < matched_pairs(np.full(3000, -5)) < 1e-12


def test_the_interval_is_scipys() -> None:
    random = np.random.default_rng(2)
    differences_U, words_U = random.integers(-2, 2, 200), random.integers(1, 30, 200)

    def rate(errors: Any, words: Any, axis: int = -1) -> Any:
        return 100 * errors.sum(axis) / words.sum(axis)

    reference = stats.bootstrap(
        (differences_U, words_U), rate, paired=True, n_resamples=5000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    found = interval(differences_U, words_U)
    width = reference.high - reference.low
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.06 * width)


def test_intervals_and_p_values_keep_their_word() -> None:
    runs = 200
    covered = rare = 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        words_U = random.integers(1, 20, 100)
        gain_U = random.binomial(words_U, 0.12) - random.binomial(words_U, 0.10)  # 2 points in truth
        found = interval(gain_U, words_U, resamples=400, seed=seed)
        covered += found.low <= 2 <= found.high
        rare += matched_pairs(random.binomial(words_U, 0.1) - random.binomial(words_U, 0.1)) <= 0.05
    assert 0.88 <= covered / runs <= 0.99
    assert rare / runs <= 0.10


def test_resamples_without_words_are_left_out() -> None:
    found = interval(np.array([1, -1]), np.array([0, 4]))
    assert np.isfinite([found.low, found.high]).all()


def test_groups_are_summed() -> None:
    assert by_group(np.array([1, 2, 3, 4]), ["b", "a", "b", "a"]).tolist() == [4, 6]
