"""What tuning and checking are sent and what they answer, as JSON."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from hindcast.web.schemas import RequestSchema, Schema
from hindcast_scorer.rescoring.conventions import Convention
from hindcast_scorer.rescoring.doctor import CheckName, Severity
from hindcast_scorer.rescoring.options import Interpolation, RescoreOptions
from hindcast_scorer.rescoring.tuning import SetReport, Verdict
from hindcast_scorer.rescoring_schemas import MAX_HYPOTHESES, MAX_LISTS, HypothesisIn, ListIn

Lists = Annotated[list[ListIn], Field(min_length=1, max_length=MAX_LISTS)]
Bound = Annotated[float, Field(ge=-1e6, le=1e6)]
WeightName = Literal["am_scale", "lm_weight", "word_insertion_penalty"]


class TuneRequest(RequestSchema):
    """Lists with references to tune weights on, and others to judge them on."""

    development: Lists
    """Weights are tuned on these; each list needs a reference."""
    report: Lists | None = None
    """They are judged on these, which tuning doesn't see. Without them the verdict is of the development lists, and
    optimistic."""
    groups: list[str] | None = None
    """One for each development list, such as its conversation: weights are judged by cross-validation over them as
    well."""
    folds: Annotated[int, Field(ge=2, le=1_000)] | None = None
    """Of that cross-validation; default: one for each group."""
    options: RescoreOptions = RescoreOptions()
    """As for rescoring; `am_scale`, `lm_weight` and `word_insertion_penalty` are where the search starts."""
    ranges: Mapping[WeightName, tuple[Bound, Bound]] = Field(default_factory=dict)
    """Lowest and highest value of each weight; equal ones fix it. Default: `am_scale` fixed (`lm_weight` where no list
    has acoustic scores), `lm_weight` from 0 to 100, `word_insertion_penalty` from -50 to 50."""
    interpolations: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=1, max_length=50)] | None = (
        None
    )
    """Weights of the neural model to try beside `options.interpolation`; default: 0, 0.1 … 1."""
    convention: Literal["none", "switchboard"] | Convention = "none"
    """What counts as a word when errors are counted."""
    before: Literal["am", "order"] | None = None
    """What weights are to better: the best acoustic score, or the order in which hypotheses came. Default: am where the
    lists have acoustic scores."""
    restarts: Annotated[int, Field(ge=0, le=1_000)] = 20
    """Random starts of the search, besides the given one."""
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0


class SetFigures(Schema):
    """What weights are worth on a set of lists."""

    wer_before: float
    """In percent."""
    wer_after: float
    wer_oracle: float
    """Of the hypotheses with the fewest errors."""
    substitutions: int
    insertions: int
    deletions: int
    """After."""
    substitutions_before: int
    insertions_before: int
    deletions_before: int
    words: int
    """Of the references."""
    ci95: tuple[float, float]
    """Of `wer_after - wer_before`, in percentage points: bootstrap over utterances (Bisani and Ney, 2004)."""
    p_value: float
    """Two-sided, matched pairs of utterances (Gillick and Cox, 1989)."""
    verdict: Verdict

    @classmethod
    def of(cls, report: SetReport) -> "SetFigures":
        """What is told of one."""
        return cls(
            wer_before=report.wer_before,
            wer_after=report.wer_after,
            wer_oracle=report.wer_oracle,
            substitutions=report.after.substitutions,
            insertions=report.after.insertions,
            deletions=report.after.deletions,
            substitutions_before=report.before.substitutions,
            insertions_before=report.before.insertions,
            deletions_before=report.before.deletions,
            words=report.after.words,
            ci95=(report.ci95.low, report.ci95.high),
            p_value=report.p_value,
            verdict=report.verdict,
        )


class TunedWeights(Schema):
    """To be sent as options of a rescoring."""

    am_scale: float
    lm_weight: float
    word_insertion_penalty: float
    interpolation: Interpolation | None = None
    """With the weight that was found for the neural model; null where there is no n-gram model."""


class FoldWeights(TunedWeights):
    """What the lists of some groups were ordered by."""

    groups: list[str]
    """Whose lists these weights haven't seen."""


class CrossValidation(SetFigures):
    """Over all development lists, each ordered by weights that the lists of other groups gave."""

    folds: list[FoldWeights]


class TuneAnswer(Schema):
    """Weights and an honest account of what they are worth."""

    weights: TunedWeights
    development: SetFigures
    report: SetFigures | None
    cross_validation: CrossValidation | None
    verdict: Verdict
    """On the report lists; else by cross-validation; else on the development lists."""
    warnings: list[str]
    log_base: Literal["e"] = "e"


class CheckedListIn(ListIn):
    """A list that may lack hypotheses, which is found then."""

    hypotheses: Annotated[list[HypothesisIn], Field(max_length=MAX_HYPOTHESES)]


class CheckRequest(RequestSchema):
    """Lists to look at before they are scored."""

    lists: Annotated[list[CheckedListIn], Field(min_length=1, max_length=MAX_LISTS)]
    model: str | None = None
    """By whose vocabulary words are looked up; without it, that isn't checked."""
    options: RescoreOptions = RescoreOptions()
    """`text` alone counts here."""
    most_oov: Annotated[float, Field(ge=0, le=100)] = 10.0
    """Percent of the words that may be unknown before it is told of."""


class Finding(Schema):
    """Something that is likely wrong with lists."""

    check: CheckName
    severity: Severity
    message: str
    """What was seen, and what would be right."""
    utterances: list[str]
    """Some of those where it was seen."""
    share: float
    """Of the lists, from 0 to 1."""


class CheckAnswer(Schema):
    """The gravest first; none where all looks well."""

    findings: list[Finding]
    lists: int
    hypotheses: int
    words: int | None
    """That were looked up."""
    oov_rate: float | None
