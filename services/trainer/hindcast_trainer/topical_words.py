"""Words that tell what a document is about, each at one place in it: what a model should expect there if it knows.

N tokens, V words of the vocabulary, S sentences, D documents, P chosen words.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hindcast.text.corpus import EncodedText
from hindcast.text.vocabulary import Vocabulary
from hindcast_trainer.lsa import term

Integers = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]

FREQUENT = 1_000
"""Frequent words are no topic: these first ones of the vocabulary, whose order is by falling frequency unless its words
were listed, or the first tenth of a vocabulary of less than ten times as many."""
MOST_TOKENS = 2_000_000
"""Only so much of the beginning of a text is looked at."""
SEED = 1867


@dataclass(frozen=True)
class TopicalWords:
    """Places of words in a text, rising. A place is that of the word itself: what precedes it is its context."""

    positions_P: Integers
    sentence_starts_P: Integers
    document_starts_P: Integers

    def __len__(self) -> int:
        return len(self.positions_P)


@dataclass(frozen=True)
class _Tokens:
    """A text with the sentence and the document of each of its tokens."""

    ids_N: Integers
    sentence_starts_N: Integers
    document_N: Integers
    document_starts_N: Integers
    documents: int

    @classmethod
    def of(cls, text: EncodedText) -> "_Tokens":
        stop = min(len(text), MOST_TOKENS)
        sentence_starts_N, _ = _spread(*text.unit_bounds("sentence"), stop)
        document_starts_N, document_N = _spread(*text.unit_bounds("document"), stop)
        return cls(text.tokens(0, stop), sentence_starts_N, document_N, document_starts_N, int(document_N[-1]) + 1)


def choose(text: EncodedText, vocabulary: Vocabulary, *, count: int, seed: int = SEED) -> TopicalWords:
    """Up to `count` words: the same ones for all models of that vocabulary, whatever they were trained on.

    Documents take turns until there are enough: of each the words of the highest tf-idf,
    (1 + log tf) · (1 + log((1 + D) / (1 + df))), over the documents of this text; each once, at a random one of its
    places. A place lies behind the document's first sentence, and its own sentence hasn't said the word before.
    """
    random = np.random.default_rng(seed)
    tokens = _Tokens.of(text)
    topical_N = np.flatnonzero(_topical(vocabulary)[tokens.ids_N])
    pairs, counts = np.unique(_pair(tokens, topical_N, len(vocabulary)), return_counts=True)
    scores = _tf_idf(pairs % len(vocabulary), counts, tokens.documents, len(vocabulary))

    places_N = random.permutation(_first_of_sentence(tokens, topical_N, len(vocabulary)))
    chosen_pairs, first = np.unique(_pair(tokens, places_N, len(vocabulary)), return_index=True)
    places_P, scores_P = places_N[first], scores[np.searchsorted(pairs, chosen_pairs)]
    order = _in_turn(tokens.document_N[places_P], scores_P, random)
    places = np.sort(places_P[order[:count]])
    return TopicalWords(places, tokens.sentence_starts_N[places], tokens.document_starts_N[places])


def _spread(starts: Integers, ends: Integers, stop: int) -> tuple[Integers, Integers]:
    """For each of the first `stop` tokens where its unit starts, and which unit that is."""
    unit_N = np.searchsorted(ends, np.arange(stop), side="right")
    return starts[unit_N], unit_N


def _topical(vocabulary: Vocabulary) -> npt.NDArray[np.bool_]:
    """[V] whether a word can be a topic's: made of letters, not a function word, not among the frequent ones."""
    frequent = 2 + min(FREQUENT, len(vocabulary) // 10)
    return np.array([id >= frequent and term(word) is not None for id, word in enumerate(vocabulary.words)])


def _pair(tokens: _Tokens, places: Integers, size: int) -> Integers:
    """One number for document and word of each place."""
    return tokens.document_N[places] * size + tokens.ids_N[places]


def _tf_idf(words: Integers, counts: Integers, documents: int, size: int) -> Reals:
    """Of each pair of a document and a word, from how often it occurs there."""
    df_V = np.bincount(words, minlength=size)
    scores: Reals = (1 + np.log(counts)) * (1 + np.log((1 + documents) / (1 + df_V[words])))
    return scores


def _first_of_sentence(tokens: _Tokens, places: Integers, size: int) -> Integers:
    """Those that lie behind their document's first sentence and are their sentence's first of the word."""
    places = places[tokens.sentence_starts_N[places] > tokens.document_starts_N[places]]
    _, first = np.unique(tokens.sentence_starts_N[places] * size + tokens.ids_N[places], return_index=True)
    return places[first]


def _in_turn(document_P: Integers, scores_P: Reals, random: np.random.Generator) -> Integers:
    """[P] indices: of each document's best word, in a random order of the documents, then of each one's second."""
    shuffled_D = random.permutation(int(document_P.max(initial=0)) + 1)
    by_score = np.lexsort((-scores_P, document_P))
    sorted_P = document_P[by_score]
    turns = np.arange(len(by_score)) - np.searchsorted(sorted_P, sorted_P)
    in_turn: Integers = by_score[np.lexsort((shuffled_D[sorted_P], turns))]
    return in_turn
