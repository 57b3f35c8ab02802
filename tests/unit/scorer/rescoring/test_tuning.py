from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hindcast.errors import InvalidInput
from hindcast_scorer.rescoring.conventions import preset
from hindcast_scorer.rescoring.line_search import Weight
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList
from hindcast_scorer.rescoring.tuning import TUNED_ON_THE_SAME, TuningSet, TuningSettings, cross_validate, divided, tune

SETTINGS = TuningSettings(
    weights=[Weight.fixed("am", 1), Weight("neural", 0, 0, 50), Weight("words", 0, -50, 50)],
    convention=preset("none"),
    before={"am": 1},
    restarts=4,
)


def made(seed: int, *, lists: int = 120, effect: float = 1.0, hypotheses: int = 5) -> TuningSet:
    """Lists whose acoustic score says something of errors, and whose neural score says as much as `effect`."""
    random = np.random.default_rng(seed)
    found, features = [], []
    for number in range(lists):
        reference = [f"w{random.integers(20)}" for _ in range(random.integers(3, 12))]
        wrong_H = random.permutation(hypotheses) % (len(reference) + 1)
        texts = [" ".join(["x"] * wrong + reference[wrong:]) for wrong in wrong_H]
        am_H = -wrong_H + random.normal(0, 4, hypotheses)
        neural_H = -effect * wrong_H + random.normal(0, 1, hypotheses)
        features.append(np.column_stack([am_H, neural_H, np.full(hypotheses, len(reference))]))
        found.append(NBestList(f"u{number}", [Hypothesis(text) for text in texts], " ".join(reference)))
    return TuningSet(found, lambda _: features)


def one_list(features: Any, texts: Sequence[str], reference: str | None = "a b c d") -> TuningSet:
    lists = [NBestList("u", [Hypothesis(text) for text in texts], reference)]
    return TuningSet(lists, lambda _: [np.array(features, dtype=float)])


def test_a_hand_worked_list() -> None:
    # The acoustic score prefers 2 errors; from a weight of 2 on the third, with 1, is on top, and 0 is never.
    data = one_list([[0, 0, 4], [-9, -9, 4], [-2, 1, 5]], ["x y c d", "a b c d", "a b c d e"])
    tuned = tune(data, replace(SETTINGS, before={"am": 1}, weights=[*SETTINGS.weights[:2], Weight.fixed("words", 0)]))
    assert tuned.weights.weights == {"am": 1, "neural": 26, "words": 0}
    development = tuned.development
    assert (development.wer_before, development.wer_after, development.wer_oracle) == (50, 25, 0)
    assert (development.after.substitutions, development.after.insertions, development.after.deletions) == (0, 1, 0)
    assert (development.after.words, development.p_value) == (4, 1)
    assert (development.ci95.low, development.ci95.high) == (-25, -25)
    assert any("few" in warning for warning in tuned.warnings)
    assert tuned.verdict == "no significant gain"  # of one utterance


def test_a_known_effect_is_found_on_lists_that_tuning_never_saw() -> None:
    tuned = tune(made(1), SETTINGS, report=made(2))
    assert tuned.verdict == "improves"
    assert tuned.report is not None
    assert tuned.report.wer_oracle <= tuned.report.wer_after < tuned.report.wer_before
    assert tuned.report.ci95.low < tuned.report.wer_after - tuned.report.wer_before < tuned.report.ci95.high < 0
    assert tuned.report.p_value < 0.001
    assert TUNED_ON_THE_SAME not in tuned.warnings


def test_where_there_is_no_effect_none_is_found() -> None:
    tuned = [tune(made(seed, effect=0), SETTINGS, report=made(100 + seed, effect=0)) for seed in range(6)]
    verdicts = [each.verdict for each in tuned]
    assert "improves" not in verdicts
    assert verdicts.count("no significant gain") >= 4  # noise that tuning fell for may do harm, and is then called so


def test_what_misleads_on_the_report_set_is_worse() -> None:
    tuned = tune(made(1), SETTINGS, report=made(2, effect=-1))
    assert tuned.development.verdict == "improves"
    assert tuned.verdict == "worse"


def test_judged_on_what_it_was_tuned_on_it_says_so() -> None:
    tuned = tune(made(1, effect=0), SETTINGS)
    assert tuned.report is None
    assert tuned.warnings[0] == TUNED_ON_THE_SAME
    assert tuned.development.after.errors <= tuned.development.before.errors


def test_equal_lists_give_equal_results() -> None:
    first, second = (tune(made(3), SETTINGS, report=made(4)) for _ in range(2))
    assert first == second


def test_before_is_the_order_that_was_asked_for() -> None:
    data = made(5)
    by_place = tune(data, replace(SETTINGS, before=None)).development
    by_neural = tune(data, replace(SETTINGS, before={"neural": 2})).development
    first = [one.hypotheses[0].text for one in data.lists]
    assert by_place.before.errors == sum(text.split().count("x") for text in first)
    assert by_neural.wer_before < by_place.wer_before


def test_a_baseline_of_an_unknown_feature_is_refused() -> None:
    assert _field(made(1), replace(SETTINGS, before={"lm": 1})) == "before.lm"


def test_interpolation_is_searched_on_its_grid() -> None:
    good, asked = made(6), []

    def features(share: float) -> list[Any]:
        asked.append(share)
        noise = np.random.default_rng(0)
        scale_F = np.array([1, share == 0.5, 1])
        return [each * scale_F + noise.normal(0, 1e-3, each.shape) for each in good.features(0)]

    tuned = tune(TuningSet(good.lists, features), replace(SETTINGS, interpolations=(0.0, 0.5, 1.0)))
    assert tuned.weights.interpolation == 0.5
    assert asked == [0.0, 0.5, 1.0]  # once each


def test_groups_are_held_back_whole_and_each_list_is_predicted_once() -> None:
    data = made(7, lists=60)
    groups = [f"conversation {number % 7}" for number in range(60)]
    found = cross_validate(data, groups, SETTINGS, folds=3)
    assert sorted(name for fold in found.folds for name in fold.groups) == sorted(set(groups))
    assert found.verdict == "improves"
    assert found.report.after.words == tune(data, SETTINGS).development.after.words
    assert found == cross_validate(data, groups, SETTINGS, folds=3)
    assert len(cross_validate(data, groups, SETTINGS).folds) == 7
    by_group = cross_validate(data, groups, SETTINGS, unit="group")
    assert by_group.report.units == 7
    assert any("few" in warning for warning in by_group.warnings)


def test_a_fold_is_predicted_by_weights_that_never_saw_it() -> None:
    good, bad = made(8, lists=40), made(9, lists=40, effect=-1)
    lists, features = [*good.lists, *bad.lists], [*good.features(0), *bad.features(0)]
    found = cross_validate(TuningSet(lists, lambda _: features), ["a"] * 40 + ["b"] * 40, SETTINGS)
    weights = {fold.groups[0]: fold.weights for fold in found.folds}
    assert weights["b"] == tune(good, SETTINGS).weights
    assert weights["a"] == tune(bad, SETTINGS).weights


def test_folds_are_of_about_as_many_lists() -> None:
    groups = [name for name, size in {"a": 9, "b": 5, "c": 4, "d": 1}.items() for _ in range(size)]
    assert divided(groups, 2) == [frozenset({"a", "d"}), frozenset({"b", "c"})]
    assert divided(groups[::-1], 2) == divided(groups, 2)


@pytest.mark.parametrize(("groups", "folds", "field"), [(3, 4, "folds"), (1, None, "folds"), (3, 1, "folds")])
def test_folds_must_suit_the_groups(groups: int, folds: int | None, field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        divided([str(number % groups) for number in range(12)], folds)
    assert caught.value.errors[0].field == field


def test_each_list_needs_a_group() -> None:
    with pytest.raises(InvalidInput) as caught:
        cross_validate(made(1, lists=4), ["a", "b"], SETTINGS)
    assert caught.value.errors[0].field == "groups"


def test_what_is_missing_is_named() -> None:
    data = made(1, lists=5)
    without = [replace(one, reference=None) if number == 3 else one for number, one in enumerate(data.lists)]
    empty = [replace(one, hypotheses=()) if number == 2 else one for number, one in enumerate(data.lists)]
    assert _field(TuningSet(without, data.features), SETTINGS) == "development.3.reference"
    assert _field(TuningSet(empty, data.features), SETTINGS) == "development.2.hypotheses"
    assert _field(TuningSet([], data.features), SETTINGS) == "development"
    assert _field(one_list([[0, 0, 0]], ["a"], ""), SETTINGS) == "development"
    assert _field(one_list([[0, -np.inf, 0]], ["a"]), SETTINGS) == "development.0.hypotheses"
    with pytest.raises(InvalidInput, match=r"report\.3\.reference"):
        tune(data, SETTINGS, report=TuningSet(without, data.features))


def test_features_of_the_wrong_shape_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="a column for each weight"):
        tune(one_list([[0, 0]], ["a"]), SETTINGS)


def test_a_weight_at_the_end_of_its_range_is_reported() -> None:
    narrow = replace(SETTINGS, weights=[Weight.fixed("am", 1), Weight("neural", 0, 0, 1e-3), Weight.fixed("words", 0)])
    data = one_list([[0, 0, 0], [-0.000995, 1, 0]], ["x b c d", "a b c d"])
    assert any("weight neural" in warning for warning in tune(data, narrow).warnings)


def _field(data: TuningSet, settings: TuningSettings) -> str:
    with pytest.raises(InvalidInput) as caught:
        tune(data, settings)
    return caught.value.errors[0].field
