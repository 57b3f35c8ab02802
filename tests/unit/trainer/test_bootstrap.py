from typing import Any

import numpy as np
import pytest
from drive import finish
from scipy import stats

from hindcast_trainer.bootstrap import Difference, difference, perplexity_interval, resample


def made(seed: int, *, sentences: int = 300, effect: float = 0.0, models: int = 1) -> tuple[Any, Any]:
    """[S, 2 · models] nats of a row's models and a baseline's, whose log perplexities differ by `effect` in truth."""
    random = np.random.default_rng(seed)
    tokens_S = random.integers(4, 40, sentences)
    hard_S = random.gamma(20, 0.25, sentences)  # what all models have in common
    own_SM = random.normal(0, 0.15, (sentences, 2 * models))
    shift_M = np.repeat([effect, 0.0], models)
    return tokens_S[:, None] * (hard_S[:, None] + own_SM + shift_M), tokens_S


def compare(nats_SM: Any, tokens_S: Any, *, resamples: int = 1000) -> Difference:
    drawn_BM = finish(resample(nats_SM, tokens_S, resamples=resamples))
    seen_M = nats_SM.sum(axis=0) / tokens_S.sum()
    half = len(seen_M) // 2
    return difference(drawn_BM[:, :half], drawn_BM[:, half:], seen_M[:half], seen_M[half:])


def test_a_known_effect_is_found() -> None:
    found = compare(*made(1, effect=np.log(0.93)))
    assert found.interval.low < -0.07 < found.interval.high < 0
    assert found.interval.high - found.interval.low < 0.07
    assert found.p_value < 0.01


def test_where_there_is_no_effect_none_is_found() -> None:
    found = compare(*made(2))
    assert found.interval.low < 0 < found.interval.high
    assert found.p_value > 0.05


def test_equal_models_differ_by_nothing() -> None:
    nats_SM, tokens_S = made(3)
    nats_SM[:, 0] = nats_SM[:, 1]
    found = compare(nats_SM, tokens_S)
    assert (found.change, found.interval.low, found.interval.high, found.p_value) == (0, 0, 0, 1)


def test_intervals_hold_the_truth_as_often_as_they_say_and_p_values_are_as_rare() -> None:
    runs = 150
    effect = np.log(0.98)
    found = [compare(*made(seed, sentences=120, effect=effect), resamples=300) for seed in range(runs)]
    covered = sum(each.interval.low <= np.expm1(effect) <= each.interval.high for each in found)
    assert 0.88 <= covered / runs <= 0.99
    none = [compare(*made(seed, sentences=120), resamples=300) for seed in range(1000, 1000 + runs)]
    assert 0.01 <= sum(each.p_value <= 0.05 for each in none) / runs <= 0.12


def test_the_percentiles_are_scipys() -> None:
    nats_SM, tokens_S = made(4, effect=0.02)

    def change(ours: Any, theirs: Any, tokens: Any, axis: int = -1) -> Any:
        return np.exp((ours.sum(axis) - theirs.sum(axis)) / tokens.sum(axis)) - 1

    reference = stats.bootstrap(
        (*nats_SM.T, tokens_S), change, paired=True, n_resamples=4000, method="percentile", rng=np.random.default_rng(1)
    ).confidence_interval
    found = compare(nats_SM, tokens_S, resamples=4000).interval
    width = reference.high - reference.low
    assert (found.low, found.high) == pytest.approx((reference.low, reference.high), abs=0.06 * width)


def test_pairing_leaves_out_what_both_find_hard() -> None:
    nats_SM, tokens_S = made(5)
    found = compare(nats_SM, tokens_S)
    drawn_BM = finish(resample(nats_SM, tokens_S, resamples=1000))
    alone = perplexity_interval(drawn_BM[:, :1], nats_SM[:, 0].sum(keepdims=True) / tokens_S.sum())
    middle = np.exp(nats_SM[:, 0].sum() / tokens_S.sum())
    assert alone.low < middle < alone.high
    assert (alone.high - alone.low) / middle > 3 * (found.interval.high - found.interval.low)


def test_seeds_that_scatter_widen_the_interval_as_students_t_says() -> None:
    resampled_BR, seen_R = np.zeros((40_000, 3)), np.array([-0.02, 0.0, 0.02])  # a text without any doubt of its own
    interval = perplexity_interval(resampled_BR, seen_R)
    low, high = stats.t.interval(0.95, 2, loc=0, scale=0.02 / np.sqrt(3))
    assert np.log([interval.low, interval.high]) == pytest.approx([low, high], rel=0.05)
    found = difference(resampled_BR, resampled_BR, seen_R, seen_R)
    low, high = stats.t.interval(0.95, 4, loc=0, scale=0.02 * np.sqrt(2 / 3))
    assert np.log1p([found.interval.low, found.interval.high]) == pytest.approx([low, high], rel=0.05)


def test_the_change_is_that_of_the_mean_perplexities() -> None:
    nats_SM, tokens_S = made(6, effect=-0.1, models=3)
    perplexities_M = np.exp(nats_SM.sum(axis=0) / tokens_S.sum())
    expected = perplexities_M[:3].mean() / perplexities_M[3:].mean() - 1
    assert compare(nats_SM, tokens_S, resamples=200).change == pytest.approx(expected, rel=1e-12)


def test_equal_scores_have_equal_intervals_however_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    nats_SM, tokens_S = made(7)
    whole = finish(resample(nats_SM, tokens_S, resamples=50))
    monkeypatch.setattr("hindcast_trainer.bootstrap._BLOCK_CELLS", 1000)
    np.testing.assert_allclose(finish(resample(nats_SM, tokens_S, resamples=50)), whole, rtol=1e-12)
