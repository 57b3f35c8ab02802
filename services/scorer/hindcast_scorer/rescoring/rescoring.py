"""New scores for old hypotheses: `score = am_scale · am + lm_weight · ((1-λ) · lm_ngram ⊕ λ · lm_neural) + penalty ·
words`, where ⊕ joins probabilities word by word (linear) or their logs."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hindcast.text.pipeline import END
from hindcast.text.vocabulary import UNKNOWN_ID, Vocabulary
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score, TokenScore
from hindcast_scorer.rescoring.ngram import NgramModel
from hindcast_scorer.rescoring.options import Interpolation, RescoreOptions

Reals = npt.NDArray[np.float64]
NeuralScores = Callable[[Sequence[Sequence[int]]], Sequence[Reals]]
"""Natural-log probabilities of the tokens of sentences, each with its `</s>`."""


@dataclass(frozen=True)
class LanguageScores:
    """What language models say of one hypothesis, word by word; its `</s>` comes last."""

    words: tuple[str, ...]
    """As they were scored."""
    oov: npt.NDArray[np.bool_]
    neural: Reals
    """Natural logs, with what each unknown word is charged."""
    ngram: Reals | None
    joined: Reals
    """What counts: `neural`, or both interpolated."""


@dataclass(frozen=True)
class Rescorer:
    """Scores lists with one model and one set of options."""

    vocabulary: Vocabulary
    words_of: Callable[[str], tuple[str, ...]]
    neural: NeuralScores
    options: RescoreOptions
    ngram: NgramModel | None = None

    def rescore(self, lists: Sequence[NBestList]) -> list[RescoredList]:
        """Each list with the scores of its hypotheses. What one scores depends on no other."""
        texts = [hypothesis.text for each in lists for hypothesis in each.hypotheses]
        scored = iter(self.language_scores(texts))
        return [self._ranked(each, [next(scored) for _ in each.hypotheses]) for each in lists]

    def language_scores(self, texts: Iterable[str]) -> list[LanguageScores]:
        """What language models say of texts; equal words are scored once."""
        words = [self.words_of(text) for text in texts]
        distinct = list(dict.fromkeys(words))
        ids = [self.vocabulary.encode(each) for each in distinct]
        neural = self.neural([each.tolist() for each in ids])
        scores = {
            each: self._joined(each, np.append(ids_N == UNKNOWN_ID, False), log_probs)
            for each, ids_N, log_probs in zip(distinct, ids, neural, strict=True)
        }
        return [scores[each] for each in words]

    def _joined(self, words: tuple[str, ...], oov: npt.NDArray[np.bool_], log_probs: Reals) -> LanguageScores:
        neural = log_probs + self.options.oov_logprob * oov
        if self.ngram is None or self.options.interpolation is None:
            return LanguageScores(words, oov, neural, None, neural)
        ngram = self.ngram.log_probs(words)
        return LanguageScores(words, oov, neural, ngram, interpolate(ngram, neural, self.options.interpolation))

    def _ranked(self, each: NBestList, scores: Sequence[LanguageScores]) -> RescoredList:
        options = self.options
        totals = [
            _total(options, hypothesis, float(score.joined.sum()), len(score.words))
            for hypothesis, score in zip(each.hypotheses, scores, strict=True)
        ]
        before, after = ranks_by(self._totals_before(each, scores)), ranks_by(totals)
        return RescoredList(
            each,
            [
                Score(
                    am_score=hypothesis.am_score,
                    ngram_logprob=None if score.ngram is None else float(score.ngram.sum()),
                    neural_logprob=float(score.neural.sum()),
                    lm_logprob=float(score.joined.sum()),
                    words=len(score.words),
                    oov=int(score.oov.sum()),
                    total=total,
                    rank_before=rank_before,
                    rank_after=rank_after,
                    tokens=_tokens(score) if options.tokens else (),
                )
                for hypothesis, score, total, rank_before, rank_after in zip(
                    each.hypotheses, scores, totals, before, after, strict=True
                )
            ],
        )

    def _totals_before(self, each: NBestList, scores: Sequence[LanguageScores]) -> Sequence[float]:
        """With the recogniser's own language model in the place of ours; all equal where it told no scores."""
        if not any(_has_score(hypothesis) for hypothesis in each.hypotheses):
            return [0.0] * len(each.hypotheses)
        return [
            _total(self.options, hypothesis, hypothesis.lm_score or 0.0, len(score.words))
            for hypothesis, score in zip(each.hypotheses, scores, strict=True)
        ]


def interpolate(ngram: Reals, neural: Reals, interpolation: Interpolation) -> Reals:
    """Natural logs of both, joined word by word."""
    weight = interpolation.weight
    if interpolation.mode == "log_linear":
        return (1 - weight) * ngram + weight * neural
    if weight in (0.0, 1.0):
        return neural if weight else ngram
    return np.logaddexp(ngram + math.log(1 - weight), neural + math.log(weight))


def _has_score(hypothesis: Hypothesis) -> bool:
    return hypothesis.am_score is not None or hypothesis.lm_score is not None


def _total(options: RescoreOptions, hypothesis: Hypothesis, lm_logprob: float, words: int) -> float:
    acoustic = options.am_scale * (hypothesis.am_score or 0.0)
    graph = lm_logprob + (hypothesis.graph_score or 0.0)
    return acoustic + options.lm_weight * graph + options.word_insertion_penalty * words


def ranks_by(totals: Sequence[float]) -> list[int]:
    """From 1, the largest first; equals keep their order."""
    order = sorted(range(len(totals)), key=lambda index: -totals[index])
    ranks = [0] * len(totals)
    for rank, index in enumerate(order, start=1):
        ranks[index] = rank
    return ranks


def _tokens(score: LanguageScores) -> tuple[TokenScore, ...]:
    return tuple(
        TokenScore(token, float(neural), None if score.ngram is None else float(score.ngram[place]), bool(oov))
        for place, (token, neural, oov) in enumerate(zip((*score.words, END), score.neural, score.oov, strict=True))
    )
