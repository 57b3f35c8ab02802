"""What a language model makes of text: perplexity, the distribution of the next word, exact ranks. Pure.

Shapes: N tokens, K predictions, V vocabulary.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput
from hindcast.lm.base import History
from hindcast.lm.bundle import Bundle
from hindcast.lm.evaluation import Scores, score, score_corpus
from hindcast.lm.reading import Reader
from hindcast.text.corpus import Text
from hindcast.text.pipeline import END, pipeline
from hindcast.text.vocabulary import END_ID, UNKNOWN_ID, Vocabulary

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

LARGEST_EXPONENT = 700.0  # exp() of more overflows a double
MOST_GUESSES = 200_000
"""Predictions that one answer tells beside its tokens: some 10 MB of JSON."""


@dataclass(frozen=True)
class Tally:
    """The sums that every perplexity of a piece of text follows from. Tallies of pieces add up to the whole's.

    An OOV is a token that the model only knows as `<unk>`; a literal `<unk>` in the text is one too.
    """

    logprob: float = 0.0
    """Sum of the natural-log probabilities of all tokens, OOVs scored as `<unk>`."""
    oov_logprob: float = 0.0
    """The part of `logprob` that OOVs have."""
    tokens: int = 0
    """Words and one `</s>` for each sentence."""
    sentences: int = 0
    oov: int = 0

    @classmethod
    def of(cls, ids_N: Integers, log_probs_N: Reals) -> Self:
        """Of tokens, given by their ids, and their natural-log probabilities."""
        oov_N = ids_N == UNKNOWN_ID
        return cls(
            logprob=float(log_probs_N.sum()),
            oov_logprob=float(log_probs_N[oov_N].sum()),
            tokens=len(ids_N),
            sentences=int((ids_N == END_ID).sum()),
            oov=int(oov_N.sum()),
        )

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            logprob=self.logprob + other.logprob,
            oov_logprob=self.oov_logprob + other.oov_logprob,
            tokens=self.tokens + other.tokens,
            sentences=self.sentences + other.sentences,
            oov=self.oov + other.oov,
        )

    @property
    def words(self) -> int:
        """Tokens without `</s>`."""
        return self.tokens - self.sentences

    @property
    def oov_rate(self) -> float | None:
        """OOVs per word; None where there are no words."""
        return self.oov / self.words if self.words else None

    @property
    def perplexity(self) -> float | None:
        """exp(-logprob / tokens): KenLM's "including OOVs"."""
        return _perplexity(self.logprob, self.tokens)

    @property
    def perplexity_excluding_oov(self) -> float | None:
        """OOVs left out of the sum and of the count: SRILM's `ppl`, KenLM's "excluding OOVs"."""
        return _perplexity(self.logprob - self.oov_logprob, self.tokens - self.oov)

    @property
    def perplexity_without_eos(self) -> float | None:
        """SRILM's `ppl1`: the sum of its `ppl` (`</s>` in, OOVs out) shared among the words that are no OOVs."""
        return _perplexity(self.logprob - self.oov_logprob, self.words - self.oov)


def _perplexity(logprob: float, count: int) -> float | None:
    return math.exp(min(-logprob / count, LARGEST_EXPONENT)) if count else None


class Guess(NamedTuple):
    """One of the most probable words, whatever the text says."""

    word: str
    logprob: float


@dataclass(frozen=True)
class TextScores:
    """A text and what each of its tokens scores."""

    tokens: Sequence[str]
    """[N] As the pipeline wrote them, `</s>` after each sentence."""
    ids_N: Integers
    log_probs_N: Reals
    ranks_N: Integers | None
    """1 + how many words were strictly more probable; None unless asked for."""
    top_N: Sequence[Sequence[Guess]] | None = None
    """[N][K] What was most probable in the place of each token; None unless asked for."""

    @property
    def tally(self) -> Tally:
        """Its sums."""
        return Tally.of(self.ids_N, self.log_probs_N)

    def sentences(self) -> Iterator[Tally]:
        """The sums of each sentence."""
        ends = np.flatnonzero(self.ids_N == END_ID) + 1
        for start, end in zip([0, *ends[:-1]], ends, strict=True):
            yield Tally.of(self.ids_N[start:end], self.log_probs_N[start:end])


def score_texts(
    bundle: Bundle, texts: Sequence[str], *, history: History | None = None, ranks: bool = False, top: int = 0
) -> list[TextScores]:
    """Score raw texts, each a document of its own, through the bundle's pipeline; `history` defaults to the bundle's.
    With `top` each token has its rank, and the `top` words that were most probable in its place.

    InvalidInput, naming `texts.3`, for a text in which the pipeline finds nothing to score, and naming `top` for one
    that is larger than the vocabulary or asks for more than MOST_GUESSES of them.
    """
    tokens = [_tokens(bundle, text) for text in texts]
    if empty := [number for number, words in enumerate(tokens) if not words]:
        raise InvalidInput.field(f"texts.{empty[0]}", "must hold at least one word")
    _check_top(top, len(bundle.vocabulary), tokens=sum(map(len, tokens)))
    ids = [bundle.vocabulary.encode(words) for words in tokens]
    scores = score(bundle.model, ids, history=history or bundle.history, ranks=ranks, top=top)
    return [
        TextScores(words, ids_N, scored.log_probs_N, scored.ranks_N, _guesses(bundle, scored) if top else None)
        for words, ids_N, scored in zip(tokens, ids, scores, strict=True)
    ]


def _check_top(top: int, vocabulary_size: int, *, tokens: int) -> None:
    if top > vocabulary_size:
        raise InvalidInput.field("top", f"must be at most {vocabulary_size}, the size of the vocabulary")
    if top * tokens > MOST_GUESSES:
        raise InvalidInput.field(
            "top",
            f"must be at most {MOST_GUESSES // tokens} for {tokens:,} tokens: one answer tells no more than "
            f"{MOST_GUESSES:,} predictions; send fewer texts",
        )


def _guesses(bundle: Bundle, scored: Scores) -> list[list[Guess]]:
    words = bundle.vocabulary.words
    rows = zip(scored.top_NK.tolist(), scored.top_log_probs_NK.tolist(), strict=True)
    return [
        [Guess(words[id], logprob) for id, logprob in zip(ids_K, log_probs_K, strict=True)]
        for ids_K, log_probs_K in rows
    ]


def score_stored(bundle: Bundle, text: Text, *, history: History | None = None) -> Tally:
    """The sums of a stored text, a few sentences or documents in memory at a time."""
    if text.pipeline != bundle.pipeline:
        raise InvalidInput.field(
            "corpus", f"must have the model's pipeline, {bundle.pipeline}: this one was read by {text.pipeline}"
        )
    scored = score_corpus(bundle.model, text.encoded(bundle.vocabulary), history=history or bundle.history)
    return sum((Tally.of(ids_N, scores.log_probs_N) for ids_N, scores in scored), Tally())


def _tokens(bundle: Bundle, text: str) -> list[str]:
    sentences = pipeline(bundle.pipeline).document(text)
    return [word for sentence in sentences for word in (*sentence, END)]


def token_of(bundle: Bundle, word: str) -> str:
    """`word` as the model's pipeline writes it: itself if it is in the vocabulary, else what the pipeline makes of it.

    InvalidInput if that isn't one word.
    """
    if word in bundle.vocabulary:
        return word
    tokens = [token for sentence in pipeline(bundle.pipeline).document(word) for token in sentence]
    if len(tokens) != 1:
        found = f"{len(tokens)} ({', '.join(tokens[:5])})" if tokens else "none"
        raise InvalidInput(f"must be one word, but the pipeline {bundle.pipeline} makes {found} of {word!r}")
    return tokens[0]


@dataclass(frozen=True)
class Place:
    """A word among all words that could come next."""

    word: str
    rank: int
    """1 + the number of words strictly more probable."""
    logprob: float

    @property
    def probability(self) -> float:
        """exp(logprob)."""
        return math.exp(self.logprob)


@dataclass(frozen=True)
class NextWord:
    """The distribution of the word that follows a context."""

    vocabulary: Vocabulary
    log_probs_V: Reals

    @classmethod
    def after(
        cls, bundle: Bundle, context: str, *, reader: Reader, history: History | None = None, complete: bool = False
    ) -> Self:
        """What `bundle`, by whose model `reader` reads, expects after raw text; `history` defaults to its own.

        "sentence" looks at the last, open sentence alone. An empty context is the start of a sentence: `</s>` has just
        been read, in a zero state.
        """
        before = pipeline(bundle.pipeline).context(context, complete=complete)
        closed = before.closed if (history or bundle.history) == "document" else []
        words = [*(word for sentence in closed for word in (*sentence, END)), *before.open]
        hidden_1H = reader.read(bundle.vocabulary.encode(words))
        return cls(bundle.vocabulary, bundle.model.log_probs(hidden_1H)[0].numpy())

    def most_probable(self, k: int) -> list[Place]:
        """The k most probable words, most probable first, equals in the vocabulary's order."""
        order_K = np.argsort(-self.log_probs_V, kind="stable")[:k]
        sorted_K = self.log_probs_V[order_K]
        ranks_K = np.searchsorted(-sorted_K, -sorted_K, side="left") + 1
        return [
            Place(self.vocabulary.words[id], int(rank), float(logprob))
            for id, rank, logprob in zip(order_K, ranks_K, sorted_K, strict=True)
        ]

    def place(self, word: str) -> Place | None:
        """Where `word` stands; None if it is not in the vocabulary. Counts, never sorts."""
        if word not in self.vocabulary:
            return None
        logprob = self.log_probs_V[self.vocabulary.id(word)]
        return Place(word, 1 + int(np.count_nonzero(self.log_probs_V > logprob)), float(logprob))
