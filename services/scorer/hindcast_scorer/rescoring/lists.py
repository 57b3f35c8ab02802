"""N-best lists, whatever format they came in. All scores are natural logs, higher is better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Hypothesis:
    """One guess at what was said."""

    text: str
    """As it came, but for what its format adds to words (times, `<eos>`)."""
    am_score: float | None = None
    """Of the audio given the words; in formats that have one combined score, that one."""
    lm_score: float | None = None
    """Of the recogniser's own language model; in Kaldi's lists with pronunciations and transitions, where nothing tells
    them apart."""
    source: Mapping[str, Any] = field(default_factory=lambda: NOTHING, compare=False)
    """Whatever else its format needs to write it again without loss."""
    graph_score: float | None = None
    """Of pronunciations and transitions, where it is told apart. It weighs as much as the language model's: Kaldi
    writes both as one number."""
    place: str = field(default="", compare=False)
    """Where it stood in what was sent, for messages, in formats that may lack scores of some."""


@dataclass(frozen=True)
class NBestList:
    """All guesses at one utterance, in the order in which they came."""

    utterance: str
    hypotheses: Sequence[Hypothesis]
    reference: str | None = None
    """What was really said, where that is known."""
    source: Mapping[str, Any] = field(default_factory=lambda: NOTHING, compare=False)
    """Whatever else its format needs to write it again without loss."""
    place: str = field(default="", compare=False)
    """Where it began in what was sent, for messages: `line 17`."""


def without_am_score(hypotheses: Sequence[Hypothesis]) -> int | None:
    """The first that has words and no acoustic score where others have one, by its index: counted as 0, it would beat
    them all. None where all have one, or none. (Formats that write scores word by word have none for no words.)"""
    without = [index for index, each in enumerate(hypotheses) if each.am_score is None and each.text.strip()]
    return without[0] if without and any(each.am_score is not None for each in hypotheses) else None


@dataclass(frozen=True)
class TokenScore:
    """What one word, or the `</s>` after the last, got. Natural logs."""

    token: str
    neural_logprob: float
    ngram_logprob: float | None
    oov: bool


@dataclass(frozen=True)
class Score:
    """What one hypothesis got."""

    am_score: float | None
    ngram_logprob: float | None
    """None where there is no n-gram model."""
    neural_logprob: float
    """Sum over its words and `</s>`."""
    lm_logprob: float
    """What counts of the two: `neural_logprob`, or both interpolated word by word."""
    words: int
    """That were scored, `</s>` not among them."""
    oov: int
    """Of them, how many the model doesn't know."""
    total: float
    """What hypotheses are ordered by."""
    rank_before: int
    """From 1: with the recogniser's own language model in the place of ours; its place in the list where no scores
    came."""
    rank_after: int
    """From 1: by total; equal totals keep the order in which they came."""
    tokens: Sequence[TokenScore] = ()
    """Where they were asked for."""


@dataclass(frozen=True)
class RescoredList:
    """A list and what its hypotheses got."""

    list: NBestList
    scores: Sequence[Score]
    """One for each hypothesis, in the list's order."""

    @property
    def best(self) -> int:
        """Index of the hypothesis with rank 1."""
        return next(index for index, score in enumerate(self.scores) if score.rank_after == 1)

    @property
    def order(self) -> Sequence[int]:
        """Indices of the hypotheses, best first."""
        return sorted(range(len(self.scores)), key=lambda index: self.scores[index].rank_after)
