"""Weights from lists whose references are known, and an honest account of what they are worth.

Weights are tuned on development lists and judged on others: a second set, or, by cross-validation, groups that the
weights haven't seen. On the lists that they were tuned on they look better than they are, and the result says so.

"Before" is explicit, for a gain is one over something: an order by given weights of the same features (the acoustic
score alone: `{"am": 1.0}`), or the order in which hypotheses came.

Shapes: U utterances (lists), H hypotheses of a list, F features.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from hindcast.bootstrap import Interval
from hindcast.errors import InvalidInput
from hindcast_scorer.rescoring.conventions import Convention
from hindcast_scorer.rescoring.line_search import Candidates, Weight, best_on_grid, chosen, fewest_errors
from hindcast_scorer.rescoring.lists import NBestList
from hindcast_scorer.rescoring.significance import by_group, interval, matched_pairs
from hindcast_scorer.rescoring.word_errors import ListErrors, WordErrors, list_errors, oracle, summed

Reals = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

Verdict = Literal["improves", "no significant gain", "worse"]
Unit = Literal["utterance", "group"]
Features = Callable[[float], Sequence[Reals]]
"""[H, F] natural logs and counts for each list, given λ: the neural model's share where it is interpolated linearly."""

SIGNIFICANT = 0.05
FEW_UNITS = 30

TUNED_ON_THE_SAME = (
    "weights were tuned and judged on the same lists: the gain is optimistic. Report on lists that tuning didn't see."
)


@dataclass(frozen=True)
class TuningSettings:
    """What is searched, from where, and what counts as an error."""

    weights: Sequence[Weight]
    """One for each feature, in the order of the columns; fix one of them, such as the acoustic scale."""
    convention: Convention
    before: Mapping[str, float] | None
    """Weights of the order to improve on, by name; features left out weigh 0. None: the order in which they came."""
    interpolations: Sequence[float] = (1.0,)
    """λ to try; of several with as few errors the first is taken."""
    restarts: int = 20
    seed: int = 0


@dataclass(frozen=True)
class TuningSet:
    """Lists with references, and the features of their hypotheses."""

    lists: Sequence[NBestList]
    features: Features


@dataclass(frozen=True)
class Weights:
    """What hypotheses are ordered by."""

    weights: Mapping[str, float]
    """By the feature's name."""
    interpolation: float
    """λ."""


@dataclass(frozen=True)
class SetReport:
    """What weights are worth on a set. WERs in percent."""

    before: WordErrors
    after: WordErrors
    oracle: WordErrors
    """Of the hypotheses with the fewest errors."""
    ci95: Interval
    """Of `wer_after - wer_before`, in percentage points, by the bootstrap over units."""
    p_value: float
    """Two-sided, of the matched-pairs test over units."""
    units: int
    """Utterances, or groups of them."""

    @property
    def wer_before(self) -> float:
        """In percent."""
        return _rate(self.before)

    @property
    def wer_after(self) -> float:
        """In percent."""
        return _rate(self.after)

    @property
    def wer_oracle(self) -> float:
        """In percent."""
        return _rate(self.oracle)

    @property
    def verdict(self) -> Verdict:
        """A difference counts where test and interval both see it."""
        leaves_out_0 = self.ci95.high < 0 or self.ci95.low > 0
        if self.p_value > SIGNIFICANT or not leaves_out_0:
            return "no significant gain"
        return "improves" if self.after.errors < self.before.errors else "worse"


@dataclass(frozen=True)
class Tuned:
    """Weights, and what they are worth."""

    weights: Weights
    development: SetReport
    report: SetReport | None
    warnings: Sequence[str]

    @property
    def verdict(self) -> Verdict:
        """On the set to report on; on the development lists where there is none, with a warning."""
        return (self.report or self.development).verdict


@dataclass(frozen=True)
class Fold:
    """Groups that were held back, and the weights that the others gave."""

    groups: Sequence[str]
    weights: Weights


@dataclass(frozen=True)
class CrossValidated:
    """What tuning is worth: each list was ordered by weights that lists of other groups gave."""

    folds: Sequence[Fold]
    report: SetReport
    """Over all lists, each as it was predicted when held back."""
    warnings: Sequence[str]

    @property
    def verdict(self) -> Verdict:
        """On all predictions."""
        return self.report.verdict


def tune(development: TuningSet, settings: TuningSettings, *, report: TuningSet | None = None) -> Tuned:
    """Weights with the fewest word errors on the development lists, judged there and on a second set.

    InvalidInput that names `development.3.reference`, `report.0.hypotheses` or `weights`, and what is wrong with it.
    """
    tuned_on = _Measured(development, settings, "development")
    judged_on = _Measured(report, settings, "report") if report else None
    weights = tuned_on.search(range(len(development.lists)))
    on_development = tuned_on.judge(tuned_on.chosen(weights))
    on_report = judged_on.judge(judged_on.chosen(weights)) if judged_on else None
    warnings = [*_at_bounds(weights, settings), *_few(on_report or on_development)]
    if on_report is None:
        warnings.insert(0, TUNED_ON_THE_SAME)
    return Tuned(weights, on_development, on_report, warnings)


def cross_validate(
    data: TuningSet,
    groups: Sequence[str],
    settings: TuningSettings,
    *,
    folds: int | None = None,
    unit: Unit = "utterance",
) -> CrossValidated:
    """Tune on all groups but those of a fold, choose in the fold, and judge all choices together.

    `groups` names each list's group, such as its conversation; groups are never divided. `folds` defaults to one for
    each group. `unit` is what interval and test take for independent: utterances, or, more cautiously, whole groups.
    InvalidInput as `tune`, with `groups` or `folds`.
    """
    if len(groups) != len(data.lists):
        raise InvalidInput.field("groups", "must name a group for each list")
    measured = _Measured(data, settings, "development")
    chosen_U = np.zeros(len(groups), dtype=np.int64)
    done = []
    for held_back in divided(groups, folds):
        inside_U = np.array([group in held_back for group in groups])
        weights = measured.search(np.flatnonzero(~inside_U).tolist())
        chosen_U[inside_U] = measured.chosen(weights)[inside_U]
        done.append(Fold(sorted(held_back), weights))
    report = measured.judge(chosen_U, groups if unit == "group" else None)
    at_bounds = [warning for fold in done for warning in _at_bounds(fold.weights, settings)]
    return CrossValidated(done, report, [*dict.fromkeys(at_bounds), *_few(report)])


def divided(groups: Sequence[str], folds: int | None) -> list[frozenset[str]]:
    """Whole groups in folds of about as many lists: the largest first, each to the fold that has the fewest so far."""
    sizes = Counter(groups)
    wanted = len(sizes) if folds is None else folds
    if not 2 <= wanted <= len(sizes):
        raise InvalidInput.field("folds", f"must be from 2 to the number of groups, {len(sizes)}")
    parts: list[set[str]] = [set() for _ in range(wanted)]
    filled = [0] * wanted
    for group in sorted(sizes, key=lambda name: (-sizes[name], name)):
        emptiest = filled.index(min(filled))
        parts[emptiest].add(group)
        filled[emptiest] += sizes[group]
    return [frozenset(part) for part in parts]


@dataclass
class _Measured:
    """A set, checked, with its errors counted and its features taken as they are asked for."""

    data: TuningSet
    settings: TuningSettings
    name: str
    errors: Sequence[ListErrors] = field(init=False)
    _features: dict[float, Sequence[Reals]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        lists = self.data.lists
        for number, one in enumerate(lists):
            if one.reference is None:
                raise InvalidInput.field(
                    f"{self.name}.{number}.reference", "must be there: errors are counted against it"
                )
            if not one.hypotheses:
                raise InvalidInput.field(f"{self.name}.{number}.hypotheses", "must hold at least one")
        self.errors = [
            list_errors(one.reference or "", [each.text for each in one.hypotheses], self.settings.convention)
            for one in lists
        ]
        if not any(of_list.words for of_list in self.errors):
            raise InvalidInput.field(self.name, "must hold at least one reference with a word that counts")

    @property
    def names(self) -> Sequence[str]:
        return [weight.name for weight in self.settings.weights]

    def search(self, numbers: Sequence[int]) -> Weights:
        """The weights, and λ, with the fewest errors on the lists with these numbers."""

        def search(interpolation: float) -> tuple[Reals, int]:
            candidates = self._candidates(interpolation, numbers)
            settings = self.settings
            return fewest_errors(
                candidates, settings.weights, starts=self._starts(), restarts=settings.restarts, seed=settings.seed
            )

        interpolation, weights_F, _ = best_on_grid(self.settings.interpolations, search)
        return Weights(dict(zip(self.names, weights_F.tolist(), strict=True)), interpolation)

    def chosen(self, weights: Weights) -> Integers:
        """[U] Index within its list of the hypothesis that each list's weights choose."""
        candidates = self._candidates(weights.interpolation, range(len(self.errors)))
        return chosen(candidates, [weights.weights[name] for name in self.names]) - candidates.starts_U

    def judge(self, after_U: Integers, groups: Sequence[str] | None = None) -> SetReport:
        """A choice beside the one before; units are utterances, or groups where they are given."""
        before_U = self._before()
        difference_U = np.array(
            [
                of.errors[after] - of.errors[before]
                for of, after, before in zip(self.errors, after_U, before_U, strict=True)
            ]
        )
        words_U = np.array([of.words for of in self.errors])
        if groups is not None:
            difference_U, words_U = by_group(difference_U, groups), by_group(words_U, groups)
        return SetReport(
            before=summed(self.errors, before_U.tolist()),
            after=summed(self.errors, after_U.tolist()),
            oracle=oracle(self.errors),
            ci95=interval(difference_U, words_U),
            p_value=matched_pairs(difference_U),
            units=len(words_U),
        )

    def _before(self) -> Integers:
        before = self.settings.before
        if before is None:
            return np.zeros(len(self.errors), dtype=np.int64)
        if unknown := sorted(set(before) - set(self.names)):
            raise InvalidInput.field(f"before.{unknown[0]}", f"must be one of {', '.join(self.names)}")
        # Any λ does: a baseline that weighs the interpolated model is one at the first.
        weights = {name: before.get(name, 0.0) for name in self.names}
        return self.chosen(Weights(weights, self.settings.interpolations[0]))

    def _starts(self) -> Sequence[Sequence[float]]:
        """The weights before, as far as bounds allow: from there, tuning never ends with more errors."""
        before = self.settings.before
        if before is None:
            return []
        return [[min(max(before.get(each.name, 0.0), each.low), each.high) for each in self.settings.weights]]

    def _candidates(self, interpolation: float, numbers: Sequence[int]) -> Candidates:
        features = self._checked(interpolation)
        return Candidates.of(
            [features[number] for number in numbers], [self.errors[number].errors for number in numbers]
        )

    def _checked(self, interpolation: float) -> Sequence[Reals]:
        if interpolation not in self._features:
            features = self.data.features(interpolation)
            expected = [(len(one.hypotheses), len(self.names)) for one in self.data.lists]
            if [features_HF.shape for features_HF in features] != expected:
                raise ValueError(f"features of {self.name}: a row for each hypothesis, a column for each weight")
            for number, features_HF in enumerate(features):
                if not np.isfinite(features_HF).all():
                    raise InvalidInput.field(f"{self.name}.{number}.hypotheses", "must have finite scores")
            self._features[interpolation] = features
        return self._features[interpolation]


def _rate(errors: WordErrors) -> float:
    if errors.wer is None:
        raise ValueError("a set without reference words is refused")
    return errors.wer


def _few(report: SetReport) -> list[str]:
    if report.units >= FEW_UNITS:
        return []
    return [f"{report.units} independent units are few: the bootstrap's interval is too narrow. Take it for a hint."]


def _at_bounds(weights: Weights, settings: TuningSettings) -> list[str]:
    """An interval that ends at a bound may go on behind it; a weight in its middle is never the bound itself, so what
    is named is any in the outermost hundredth."""
    found = []
    for weight in settings.weights:
        edge = (weight.high - weight.low) / 100
        value = weights.weights[weight.name]
        near_low = value < weight.low + edge and weight.low != 0  # 0 is no bound but what a useless feature weighs
        if not weight.is_fixed and (near_low or value > weight.high - edge):
            found.append(f"weight {weight.name} lies at the end of its range: widen it")
    return found
