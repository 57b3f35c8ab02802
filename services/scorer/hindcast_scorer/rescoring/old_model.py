"""The recogniser's own language model, taken out of scores that hold more than what it said.

Kaldi's graph costs do: pronunciations and transitions are in them too. Its recipes subtract the old model's cost before
a new one's is added (`lattice-lmrescore --lm-scale=-1`, which makes `lmwt.nolm`); this does the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hindcast.errors import InvalidInput
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
