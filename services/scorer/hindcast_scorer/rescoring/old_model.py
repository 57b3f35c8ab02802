"""The recogniser's own language model, taken out of scores that hold more than what it said.

Kaldi's graph costs do: pronunciations and transitions are in them too. Its recipes subtract the old model's cost before
a new one's is added (`lattice-lmrescore --lm-scale=-1`, which makes `lmwt.nolm`); this does the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hindcast.errors import InvalidInput
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList
from hindcast_scorer.rescoring.ngram import NgramModel

_SHOWN = 40


@dataclass(frozen=True)
class OldLanguageModel:
    """It reads the recogniser's own words, as they came. Each text is a sentence of its own."""

    model: NgramModel
    scale: float = 1.0
    """By which its log-probabilities were multiplied when the scores were made."""

    def logprob(self, words: Sequence[str]) -> float:
        """What scores hold of it for a sentence and its end: a natural log, scaled."""
        return self.scale * float(self.model.log_probs(words).sum())

    def check(self, words: Iterable[str], place: str) -> None:
        """InvalidInput, which names the place, for a word that it can't have scored: it isn't the old model."""
        for word in words:
            if not self.model.can_score(word):
                shown = word if len(word) <= _SHOWN else f"{word[:_SHOWN]}…"
                raise InvalidInput.field(
                    place,
                    f"has the word {shown!r}, for which old_ngram has no probability, nor has it <unk>: old_ngram must "
                    "be the model that these scores were made with",
                )

    def taken_out(self, each: NBestList) -> NBestList:
        """The list with this model's scores for `lm_score`, and what else was in it for `graph_score`. InvalidInput
        where it isn't in there, or there is nothing to take it out of."""
        return replace(each, hypotheses=[self._taken_out(hypothesis, each.place) for hypothesis in each.hypotheses])

    def _taken_out(self, hypothesis: Hypothesis, place: str) -> Hypothesis:
        if hypothesis.graph_score is not None:
            raise InvalidInput.field(
                "old_ngram", "must be absent with lmwt.nolm or lmwt.lmonly: they tell what the old model's part is"
            )
        if hypothesis.lm_score is None:
            raise InvalidInput.field("old_ngram", "must come with an archive that has lmwt: it is taken out of that")
        words = hypothesis.text.split()
        self.check(words, place)
        old = self.logprob(words)
        return replace(hypothesis, lm_score=old, graph_score=hypothesis.lm_score - old)
