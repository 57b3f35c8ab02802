"""How many words a hypothesis gets wrong. kaldialign aligns; a substitution, an insertion and a deletion cost 1 each.

The fewest errors are the alignment's only aim: where several alignments have as few, how they divide them into
substitutions, insertions and deletions is kaldialign's choice, and sclite, with costs of its own, may divide otherwise.

Shapes: H hypotheses of a list; 3: substitutions, insertions, deletions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import kaldialign
import numpy as np
import numpy.typing as npt

from hindcast_scorer.rescoring.conventions import Convention

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class WordErrors:
    """Counts over one utterance or many. Those of several add up to the whole's."""

    substitutions: int = 0
    insertions: int = 0
    deletions: int = 0
    words: int = 0
    """Of the reference."""

    def __add__(self, other: "WordErrors") -> "WordErrors":
        return WordErrors(
            self.substitutions + other.substitutions,
            self.insertions + other.insertions,
            self.deletions + other.deletions,
            self.words + other.words,
        )

    @property
    def errors(self) -> int:
        """Of all three kinds."""
        return self.substitutions + self.insertions + self.deletions

    @property
    def wer(self) -> float | None:
        """Errors per word of the reference, in percent: 150 is possible. None where the reference has no words."""
        return 100 * self.errors / self.words if self.words else None


@dataclass(frozen=True)
class ListErrors:
    """What each hypothesis of a list gets wrong."""

    counts_H3: Integers
    """Substitutions, insertions and deletions."""
    words: int
    """Of the reference."""

    @property
    def errors(self) -> Integers:
        """[H] Of all three kinds."""
        total_H: Integers = self.counts_H3.sum(axis=1)
        return total_H

    @property
    def oracle(self) -> int:
        """Index of the hypothesis with the fewest errors, the first of those with as few."""
        return int(self.errors.argmin())

    def of(self, hypothesis: int) -> WordErrors:
        """Those of one hypothesis, by its index."""
        substitutions, insertions, deletions = self.counts_H3[hypothesis].tolist()
        return WordErrors(substitutions, insertions, deletions, self.words)


def list_errors(reference: str, hypotheses: Sequence[str], convention: Convention) -> ListErrors:
    """Errors of a list's hypotheses; hypotheses that hold the same words are aligned once."""
    expected = convention.words(reference)
    words_of = {text: tuple(convention.words(text)) for text in dict.fromkeys(hypotheses)}
    counts_of = {words: _aligned(expected, words) for words in dict.fromkeys(words_of.values())}
    counts = [counts_of[words_of[text]] for text in hypotheses]
    return ListErrors(np.array(counts, dtype=np.int64).reshape(-1, 3), len(expected))


def summed(errors: Iterable[ListErrors], chosen: Iterable[int]) -> WordErrors:
    """Errors over a set of lists, of each the hypothesis with the index given."""
    return sum((of_list.of(index) for of_list, index in zip(errors, chosen, strict=True)), WordErrors())


def oracle(errors: Sequence[ListErrors]) -> WordErrors:
    """The fewest errors that any choice of hypotheses has: what no weights can go below."""
    return summed(errors, (of_list.oracle for of_list in errors))


def _aligned(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[int, int, int]:
    counts = kaldialign.edit_distance(reference, hypothesis)
    return int(counts["sub"]), int(counts["ins"]), int(counts["del"])
