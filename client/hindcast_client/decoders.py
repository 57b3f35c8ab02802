"""What decoders ask of a language model, over anything that scores words after states: `ScoreStream`, or
`hindcast_scorer.language_model.LanguageModel` in the same process."""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from io import UnsupportedOperation
from typing import Any, Generic, Protocol, TypeVar

END = "</s>"
UNKNOWN = "<unk>"
LN_10 = math.log(10)

State = TypeVar("State")


class Scorer(Protocol[State]):
    """Scores words after states, in natural logs."""

    @property
    def words(self) -> Sequence[str]:
        """All words that it knows, `<unk>` and `</s>` among them."""

    def begin_state(self) -> State:
        """Where a sentence begins."""

    def score_word(self, state: State, word: str) -> tuple[State, float]:
        """The state after a word, and its natural-log probability; `<unk>`'s where it doesn't know the word."""

    def __contains__(self, word: object) -> bool:
        """Whether it knows the word, in whatever form `score_word` would take it."""


class BeamSearchScorer(Generic[State]):
    """For a decoder that asks `start`, `score` and `finish`. Natural logs."""

    def __init__(self, scorer: Scorer[State], *, unknown_penalty: float = 0.0) -> None:
        """`unknown_penalty`: added for a word that the model doesn't know, ≤ 0."""
        self._scorer = scorer
        self._unknown_penalty = unknown_penalty

    def start(self) -> State:
        """The state before the first word."""
        return self._scorer.begin_state()

    def score(self, state: State, word: str) -> tuple[State, float]:
        """The state after a word, and the word's score."""
        after, logprob = self._scorer.score_word(state, word)
        return after, logprob if word in self._scorer else logprob + self._unknown_penalty

    def finish(self, state: State) -> float:
        """The score of ending here."""
        return self._scorer.score_word(state, END)[1]


class KenLmScorer(Generic[State]):
    """The calls of KenLM's Python module. A sentence is split at blanks; log-probabilities are base 10, as KenLM's."""

    def __init__(self, scorer: Scorer[State]) -> None:
        self._scorer = scorer

    def score(self, sentence: str, bos: bool = True, eos: bool = True) -> float:
        """log10 of the sentence's probability, unknown words as `<unk>`. See `full_scores` for `bos`."""
        return sum(log10 for log10, _, _ in self.full_scores(sentence, bos, eos))

    def full_scores(self, sentence: str, bos: bool = True, eos: bool = True) -> Iterator[tuple[float, int, bool]]:
        """For each word, and `</s>` where `eos`: log10 probability, how many words were looked at (all of the sentence
        so far, its start and the word itself), whether it is unknown. UnsupportedOperation without `bos`: a neural
        model has no state in which nothing has been read."""
        if not bos:
            raise UnsupportedOperation("must begin a sentence (bos): a neural model has no state before its start")
        state = self._scorer.begin_state()
        for place, word in enumerate([*sentence.split(), *([END] if eos else [])]):
            state, logprob = self._scorer.score_word(state, word)
            yield logprob / LN_10, place + 2, word not in self

    def __contains__(self, word: object) -> bool:
        return word != UNKNOWN and word in self._scorer

    def perplexity(self, sentence: str) -> float:
        """10 to the power of -score / (words + 1), unknown words among them."""
        return float(10.0 ** (-self.score(sentence) / (len(sentence.split()) + 1)))


class PyctcdecodeScorer(Generic[State]):
    """The interface of pyctcdecode's `AbstractLanguageModel` (0.5), whose decoder takes it as `language_model`.

    Parameters mean what they mean there: a word scores `alpha` · its natural-log probability + `beta`, one that the
    model doesn't know `alpha` · `unk_score_offset` · ln 10 more; a part of a word that no known word begins with scores
    `unk_score_offset`, and in proportion more beyond six characters.
    """

    USUAL_LENGTH = 6

    def __init__(
        self,
        scorer: Scorer[State],
        *,
        alpha: float = 0.5,
        beta: float = 1.5,
        unk_score_offset: float = -10.0,
        score_boundary: bool = True,
        order: int = 5,
    ) -> None:
        """`order`: beams that end in the same `order` - 1 words are taken for one, and only the better goes on. A
        neural model never forgets, so a larger one loses less and takes longer."""
        self._scorer = scorer
        self._sorted_words = sorted(word for word in scorer.words if word not in (END, UNKNOWN))
        self._lower = _folds_case(scorer, self._sorted_words)
        self._order = order
        self.alpha = alpha
        self.beta = beta
        self.unk_score_offset = unk_score_offset
        self.score_boundary = score_boundary

    @property
    def order(self) -> int:
        """See the constructor."""
        return self._order

    def get_start_state(self) -> State:
        """The state before the first word."""
        return self._scorer.begin_state()

    def score(self, prev_state: State, word: str, is_last_word: bool = False) -> tuple[float, State]:
        """The weighted score of a word and the state after it. With the last word `</s>` is scored too, but the state
        is the one before it, from where an utterance can go on. An empty word, which a decoder asks for at the end of
        audio that ends in a blank, is none: it scores nothing itself."""
        total, state = 0.0, prev_state
        if word:
            state, logprob = self._scorer.score_word(prev_state, word)
            known = word not in (END, UNKNOWN) and word in self._scorer
            offset = 0.0 if known else self.unk_score_offset * LN_10
            total = self.alpha * (logprob + offset) + self.beta
        if is_last_word and self.score_boundary:
            total += self.alpha * self._scorer.score_word(state, END)[1]
        return total, state

    def score_partial_token(self, partial_token: str) -> float:
        """What a part of a word costs. Its case is no matter where it is none for the model's pipeline."""
        part = partial_token.lower() if self._lower else partial_token
        place = bisect_left(self._sorted_words, part)
        if place < len(self._sorted_words) and self._sorted_words[place].startswith(part):
            return 0.0
        return self.unk_score_offset * max(1.0, len(partial_token) / self.USUAL_LENGTH)

    def reset_params(self, **params: Any) -> None:
        """Change `alpha`, `beta`, `unk_score_offset` or `score_boundary`. TypeError for others."""
        for name, value in params.items():
            if name not in ("alpha", "beta", "unk_score_offset", "score_boundary"):
                raise TypeError(f"{name} is no parameter of this language model")
            setattr(self, name, value)

    def save_to_dir(self, filepath: str) -> None:
        """io.UnsupportedOperation: the model isn't here, and is kept as a bundle."""
        raise UnsupportedOperation("Keep the model's bundle instead: GET /v1/models/{id}/bundle")


def _folds_case(scorer: Scorer[Any], words: Sequence[str]) -> bool:
    """Whether the model's pipeline takes RAIN for rain."""
    known = frozenset(words)
    shouted = (word.upper() for word in words if word.islower() and word.upper() not in known)
    first = next(shouted, None)
    return first is not None and first in scorer
