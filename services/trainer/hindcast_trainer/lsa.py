"""Latent semantic analysis [18, 19]: which words make up each unit of a text, and the few dimensions that explain them.

Shapes: U units (sentences, paragraphs or documents), M terms, D latent dimensions, C tokens of one chunk.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
from scipy import sparse

from hindcast.text.corpus import EncodedText, Text, Unit
from hindcast.text.vocabulary import Vocabulary

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

LEAST_UNITS = 2
"""A term of a single unit relates it to no other."""
LARGEST_SHARE = 0.5
"""A term in a larger share of the units does not tell one from another. Function words of English are left out by name:
sentences are so short that most of these are below any such share. It doubled the agreement with gold labels there."""
_CHUNK_TOKENS = 1_000_000
_CHUNK_UNITS = 50_000


@dataclass(frozen=True)
class TermCounts:
    """How often each term occurs in each unit."""

    terms: tuple[str, ...]
    counts_UM: sparse.csr_matrix
    """float32; a unit without any term is an empty row."""

    @property
    def described(self) -> npt.NDArray[np.bool_]:
        """[U] whether the unit has any term."""
        described: npt.NDArray[np.bool_] = np.diff(self.counts_UM.indptr) > 0
        return described


def term(word: str) -> str | None:
    """What a word counts as: itself in lower case; None for numbers, punctuation, single letters and stop words."""
    lower = word.lower()
    letters = lower.replace("'", "").replace("’", "").replace("-", "")
    return (
        lower if len(letters) > 1 and letters.isalpha() and lower[0].isalpha() and lower not in _stop_words() else None
    )


@cache
def _stop_words() -> frozenset[str]:
    # A second: for those who count terms, not for every process that knows what a domain is.
    from spacy.lang.en.stop_words import STOP_WORDS

    return frozenset(STOP_WORDS)


def count_terms(text: Text, unit: Unit) -> Generator[float, None, TermCounts]:
    """Count the terms that occur in at least two units, and in at most half of them. Yields the share done."""
    word_counts = text.counts()
    vocabulary = Vocabulary.build(word_counts)
    terms, term_of_word = _candidates(vocabulary, word_counts)
    counts_UM = yield from count_columns(text.encoded(vocabulary), unit, term_of_word, columns=len(terms))
    units_M = np.bincount(counts_UM.indices, minlength=len(terms))
    most = max(LEAST_UNITS, LARGEST_SHARE * counts_UM.shape[0])
    chosen = np.flatnonzero((units_M >= LEAST_UNITS) & (units_M <= most))
    return TermCounts(tuple(terms[index] for index in chosen), counts_UM[:, chosen])


def count_columns(
    encoded: EncodedText, unit: Unit, column_of_word: Integers, *, columns: int
) -> Generator[float, None, sparse.csr_matrix]:
    """[U, columns] how often the words of each column occur in each unit; those of a column below 0 are left out.
    Yields the share done."""
    ends = encoded.unit_bounds(unit)[1]
    rows: list[sparse.csr_matrix] = []
    for first, last in _chunks(ends):
        rows.append(_count_chunk(encoded, ends, first, last, column_of_word, columns))
        yield last / len(ends)
    return sparse.vstack(rows, format="csr")


def _candidates(vocabulary: Vocabulary, word_counts: Mapping[str, int]) -> tuple[list[str], Integers]:
    """Terms that occur more than once, and the number of each word's term, -1 where it has none: int64 [V]."""
    term_of = [term(word) for word in vocabulary.words]
    totals: Counter[str] = Counter()
    for word, its_term in zip(vocabulary.words, term_of, strict=True):
        if its_term is not None:
            totals[its_term] += word_counts.get(word, 0)
    terms = [name for name, total in totals.items() if total >= LEAST_UNITS]
    numbers = {name: number for number, name in enumerate(terms)}
    return terms, np.array([numbers.get(name, -1) if name else -1 for name in term_of], dtype=np.int64)


def _chunks(ends: Integers) -> Iterator[tuple[int, int]]:
    """Ranges of units that together have about a million tokens."""
    first = 0
    while first < len(ends):
        begin = int(ends[first - 1]) if first else 0
        last = max(first + 1, int(np.searchsorted(ends, begin + _CHUNK_TOKENS, side="right")))
        yield first, last
        first = last


def _count_chunk(
    encoded: EncodedText, ends: Integers, first: int, last: int, term_of_word: Integers, terms: int
) -> sparse.csr_matrix:
    """[last - first, M] counts of the units from `first` to before `last`."""
    begin = int(ends[first - 1]) if first else 0
    terms_C = term_of_word[encoded.tokens(begin, int(ends[last - 1]))]
    units_C = np.repeat(np.arange(last - first), np.diff(ends[first:last], prepend=begin))
    units_C, terms_C = units_C[terms_C >= 0], terms_C[terms_C >= 0]
    cells, counts = np.unique(units_C * terms + terms_C, return_counts=True)
    return sparse.csr_matrix(
        (counts.astype(np.float32), (cells // max(terms, 1), cells % max(terms, 1))), shape=(last - first, terms)
    )


@dataclass(frozen=True)
class LatentSpace:
    """A few directions in the space of all terms, and what each term weighs in it."""

    weights_M: Floats
    """log(units / units that have the term); 0 for a term that none of them has."""
    axes_MD: Floats
    """Columns of unit length: right singular vectors of the weighted counts."""

    @classmethod
    def of(cls, counts_UM: sparse.csr_matrix, *, size: int, seed: int) -> "LatentSpace":
        """The `size` leading directions of these units, or as many as there are units or terms."""
        from sklearn.utils.extmath import randomized_svd  # two seconds, as in clusters.py

        units_M = np.bincount(counts_UM.indices, minlength=counts_UM.shape[1])
        weights_M = np.log(counts_UM.shape[0] / np.maximum(units_M, 1)) * (units_M > 0)
        _, _, axes_DM = randomized_svd(
            weigh(counts_UM, weights_M.astype(np.float32)), min(size, *counts_UM.shape), n_iter=4, random_state=seed
        )
        return cls(weights_M.astype(np.float32), np.ascontiguousarray(axes_DM.T, dtype=np.float32))

    def project(self, counts_UM: sparse.csr_matrix) -> Floats:
        """[U, D] where these units lie: rows of unit length, or zero where no term of a unit has any weight."""
        return to_unit_length(weigh(counts_UM, self.weights_M) @ self.axes_MD)

    def project_by_chunks(self, counts_UM: sparse.csr_matrix) -> Iterator[tuple[slice, Floats]]:
        """`project` for a large text: some units at a time, and which they are."""
        for start in range(0, counts_UM.shape[0], _CHUNK_UNITS):
            units = slice(start, start + _CHUNK_UNITS)
            yield units, self.project(counts_UM[units])


def weigh(counts_UM: sparse.csr_matrix, weights_M: Floats) -> sparse.csr_matrix:
    """Rows of unit length of (1 + log count) times the term's weight."""
    weighted_UM = counts_UM.copy()
    weighted_UM.data = (1 + np.log(counts_UM.data)) * weights_M[counts_UM.indices]
    squares_U = np.asarray(weighted_UM.multiply(weighted_UM).sum(axis=1)).ravel()
    scales_U = np.divide(1.0, np.sqrt(squares_U), out=np.zeros_like(squares_U), where=squares_U > 0)
    weighted_UM.data *= np.repeat(scales_U, np.diff(counts_UM.indptr)).astype(np.float32)
    return weighted_UM


def to_unit_length(rows: Floats) -> Floats:
    """Each row divided by its length; zero stays zero."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Floats = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return scaled
