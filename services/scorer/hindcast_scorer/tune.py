"""Weights for rescoring, from lists whose references are known. Free of HTTP."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput
from hindcast_scorer.rescore import Rescoring
from hindcast_scorer.rescoring.conventions import Convention, preset
from hindcast_scorer.rescoring.line_search import Weight
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList
from hindcast_scorer.rescoring.options import RescoreOptions
from hindcast_scorer.rescoring.rescoring import LanguageScores, interpolate
from hindcast_scorer.rescoring.tuning import (
    TUNED_ON_THE_SAME,
    CrossValidated,
    TuningSet,
    TuningSettings,
    Weights,
    cross_validate,
    tune,
)
from hindcast_scorer.rescoring_schemas import as_lists
from hindcast_scorer.tuning_schemas import (
    CrossValidation,
    FoldWeights,
    SetFigures,
    TuneAnswer,
    TunedWeights,
    TuneRequest,
    WeightName,
)

Reals = npt.NDArray[np.float64]

NAMES: tuple[WeightName, ...] = ("am_scale", "lm_weight", "word_insertion_penalty")
"""Of the weights, in the order of the features."""
RANGES: Mapping[WeightName, tuple[float, float]] = {"lm_weight": (0.0, 100.0), "word_insertion_penalty": (-50.0, 50.0)}
INTERPOLATIONS = tuple(tenth / 10 for tenth in range(11))


def tune_weights(rescoring: Rescoring, reference: str, asked: TuneRequest) -> TuneAnswer:
    """Weights for a model, and what they are worth."""
    _check(asked)
    development = _scored(rescoring, reference, asked, "development")
    report = _scored(rescoring, reference, asked, "report") if asked.report else None
    settings = _settings(asked, development)
    tuned = tune(development, settings, report=report)
    validated = None
    if asked.groups is not None:
        validated = cross_validate(development, asked.groups, settings, folds=asked.folds)
    warnings = list(tuned.warnings)
    if asked.report == asked.development:
        warnings.insert(0, TUNED_ON_THE_SAME)
    verdict = tuned.verdict
    if validated is not None:
        warnings += validated.warnings
        if report is None:
            verdict = validated.verdict
            warnings = [warning for warning in warnings if warning != TUNED_ON_THE_SAME]
    return TuneAnswer(
        weights=_told(tuned.weights, asked),
        development=SetFigures.of(tuned.development),
        report=SetFigures.of(tuned.report) if tuned.report else None,
        cross_validation=_cross_validation(validated, asked) if validated else None,
        verdict=verdict,
        warnings=list(dict.fromkeys(warnings)),
    )


def _check(asked: TuneRequest) -> None:
    if asked.groups is not None and len(asked.groups) != len(asked.development):
        raise InvalidInput.field("groups", f"must be {len(asked.development)}, one for each development list")
    if asked.folds is not None and asked.groups is None:
        raise InvalidInput.field("folds", "must come with groups: lists of one conversation aren't divided")
    if asked.options.session is not None:
        raise InvalidInput.field("options.session", "must be null: what is chosen depends on the weights")
    if asked.interpolations is not None and asked.options.interpolation is None:
        raise InvalidInput.field("interpolations", "must come with options.interpolation, which names the n-gram model")


def _settings(asked: TuneRequest, development: TuningSet) -> TuningSettings:
    acoustic = any(each.am_score is not None for one in development.lists for each in one.hypotheses)
    before = asked.before or ("am" if acoustic else "order")
    if before == "am" and not acoustic:
        raise InvalidInput.field("before", "must be order: no hypothesis has an am_score")
    scale = "am_scale" if acoustic else "lm_weight"
    weights = []
    for name in NAMES:
        start = getattr(asked.options, name)
        low, high = asked.ranges.get(name, (start, start) if name == scale else RANGES.get(name, (start, start)))
        if low > high:
            raise InvalidInput.field(f"ranges.{name}", "must be the lowest value, then the highest")
        weights.append(Weight(name, min(max(start, low), high), low, high))
    interpolations: Sequence[float] = (1.0,)
    if asked.options.interpolation is not None:
        interpolations = asked.interpolations or INTERPOLATIONS
    return TuningSettings(
        weights=weights,
        convention=asked.convention if isinstance(asked.convention, Convention) else preset(asked.convention),
        before={"am_scale": 1.0} if before == "am" else None,
        interpolations=interpolations,
        restarts=asked.restarts,
        seed=asked.seed,
    )


def _scored(
    rescoring: Rescoring, reference: str, asked: TuneRequest, role: Literal["development", "report"]
) -> TuningSet:
    lists = as_lists(getattr(asked, role), field=role)
    options = asked.options
    scores = rescoring.language_scores(reference, lists, options)

    def features(interpolation: float) -> list[Reals]:
        """Columns in the order of NAMES."""
        return [
            np.array([_features(each.am_score, score, interpolation, options) for each, score in rows], dtype=float)
            for rows in _rows(lists, scores)
        ]

    return TuningSet(lists, features)


def _rows(
    lists: Sequence[NBestList], scores: Sequence[Sequence[LanguageScores]]
) -> list[list[tuple[Hypothesis, LanguageScores]]]:
    return [list(zip(one.hypotheses, of_one, strict=True)) for one, of_one in zip(lists, scores, strict=True)]


def _features(
    am_score: float | None, score: LanguageScores, interpolation: float, options: RescoreOptions
) -> tuple[float, float, int]:
    joined = score.joined
    if score.ngram is not None and options.interpolation is not None:
        asked = options.interpolation.model_copy(update={"weight": interpolation})
        joined = interpolate(score.ngram, score.neural, asked)
    return (am_score or 0.0, float(joined.sum()), len(score.words))


def _told(weights: Weights, asked: TuneRequest) -> TunedWeights:
    interpolation = asked.options.interpolation
    if interpolation is not None:
        interpolation = interpolation.model_copy(update={"weight": weights.interpolation})
    return TunedWeights(**weights.weights, interpolation=interpolation)


def _cross_validation(validated: CrossValidated, asked: TuneRequest) -> CrossValidation:
    figures = SetFigures.of(validated.report)
    folds = [FoldWeights(**dict(_told(fold.weights, asked)), groups=list(fold.groups)) for fold in validated.folds]
    return CrossValidation(**figures.model_dump(), folds=folds)
