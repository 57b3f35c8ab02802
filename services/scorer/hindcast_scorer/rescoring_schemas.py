"""What rescoring is sent and what it answers, as JSON. Log values are natural logs, and `log_base` says so."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from hindcast.errors import FieldError, InvalidInput
from hindcast.web.schemas import RequestSchema, Schema, Timestamp
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score, without_am_score
from hindcast_scorer.rescoring.options import RescoreOptions

MAX_LISTS = 10_000
MAX_HYPOTHESES = 10_000
MAX_TEXT = 100_000

Text = Annotated[str, Field(max_length=MAX_TEXT)]
Logprob = Annotated[float, Field(ge=-1e30, le=1e30)]


class HypothesisIn(RequestSchema):
    """One guess at what was said. Fields that aren't named here are kept and come back."""

    model_config = ConfigDict(extra="allow")

    text: Text
    am_score: Logprob | None = None
    """Of the audio given the words: a natural log, higher is better. 0 where a list has none; where it has some, each
    hypothesis must have one."""
    lm_score: Logprob | None = None
    """Of the recogniser's own language model; it tells `rank_before`, and is replaced."""


class ListIn(RequestSchema):
    """All guesses at one utterance. Fields that aren't named here are kept and come back."""

    model_config = ConfigDict(extra="allow")

    utterance: Annotated[str, Field(max_length=1_000)]
    """Its id; it is never scored."""
    hypotheses: Annotated[list[HypothesisIn], Field(min_length=1, max_length=MAX_HYPOTHESES)]
    reference: Text | None = None
    """What was really said."""

    def as_list(self) -> NBestList:
        """For the code that scores it."""
        hypotheses = [
            Hypothesis(each.text, each.am_score, each.lm_score, each.model_extra or {}) for each in self.hypotheses
        ]
        return NBestList(self.utterance, hypotheses, self.reference, self.model_extra or {})


def as_lists(sent: Sequence[ListIn], *, field: str) -> list[NBestList]:
    """For the code that scores them. InvalidInput, naming `lists.3.hypotheses.1.am_score`, where an acoustic score is
    missing beside others."""
    lists = [each.as_list() for each in sent]
    wrong = [
        FieldError(
            f"{field}.{number}.hypotheses.{index}.am_score", "must be there, for other hypotheses of the list have one"
        )
        for number, each in enumerate(lists)
        if (index := without_am_score(each.hypotheses)) is not None
    ]
    if wrong:
        raise InvalidInput.fields(wrong)
    return lists


class RescoreRequest(RequestSchema):
    """Lists to score, and how."""

    lists: Annotated[list[ListIn], Field(min_length=1, max_length=MAX_LISTS)]
    options: RescoreOptions = RescoreOptions()


class TokenOut(Schema):
    """One word of a hypothesis, or the `</s>` after the last."""

    token: str
    neural_logprob: float
    ngram_logprob: float | None
    oov: bool


class HypothesisOut(Schema):
    """A hypothesis and what it got. `total` = am_scale · am_score + lm_weight · lm_logprob + word_insertion_penalty ·
    words."""

    model_config = ConfigDict(extra="allow")

    text: str
    am_score: float | None
    lm_score: float | None
    ngram_logprob: float | None
    """Null where no n-gram model was asked for."""
    neural_logprob: float
    """Sum over its words and `</s>`."""
    lm_logprob: float
    """What counts of the two: the neural model's, or both interpolated word by word."""
    words: int
    oov: int
    total: float
    rank_before: int
    """From 1: with the recogniser's own language model in the place of ours; its place in the list where no scores
    came."""
    rank_after: int
    """From 1: by `total`; equal ones keep their order."""
    tokens: list[TokenOut] | None = None
    """With the option `tokens`."""

    @classmethod
    def of(cls, hypothesis: Hypothesis, score: Score) -> "HypothesisOut":
        """What is told of one."""
        known: dict[str, Any] = {
            name: getattr(score, name) for name in cls.model_fields if name not in ("text", "lm_score", "tokens")
        }
        tokens = [TokenOut(**vars(token)) for token in score.tokens] or None
        known |= {"text": hypothesis.text, "lm_score": hypothesis.lm_score, "tokens": tokens}
        return cls.model_validate({**hypothesis.source, **known})


class ListOut(Schema):
    """A list and what its hypotheses got."""

    model_config = ConfigDict(extra="allow")

    utterance: str
    best: int
    """Index of the hypothesis with `rank_after` 1, in `hypotheses` as they stand here."""
    hypotheses: list[HypothesisOut]
    reference: str | None = None

    @classmethod
    def of(cls, rescored: RescoredList, *, sort: bool) -> "ListOut":
        """Hypotheses as they came, or best first."""
        came = rescored.list
        order = rescored.order if sort else range(len(came.hypotheses))
        hypotheses = [HypothesisOut.of(came.hypotheses[index], rescored.scores[index]) for index in order]
        known = {
            "utterance": came.utterance,
            "best": 0 if sort else rescored.best,
            "hypotheses": hypotheses,
            "reference": came.reference,
        }
        return cls.model_validate({**came.source, **known})


class RescoreAnswer(Schema):
    """In the order of the lists sent."""

    lists: list[ListOut]
    log_base: Literal["e"] = "e"
    warnings: list[str] = Field(default_factory=list)
    """What to mind when the scores are read."""


class SessionRequest(RequestSchema):
    """Begin a conversation."""

    context: Annotated[str, Field(max_length=1_000_000)] = ""
    """Text that came before its first utterance."""


class CommitRequest(RequestSchema):
    """What was really said, or what the client has chosen."""

    text: Text


class SessionAnswer(Schema):
    """A conversation with a model."""

    id: str
    model: str
    utterances: int
    """Heard so far."""
    words: int
    expires_at: Timestamp
    """When it ends if nobody uses it before."""
    warnings: list[str] = Field(default_factory=list)
