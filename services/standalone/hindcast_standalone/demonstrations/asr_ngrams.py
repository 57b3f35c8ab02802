"""The n-grams that lattices can say: what a recogniser's own language model is to be asked for."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hindcast.text.pipeline import END
from hindcast_scorer.lattices.lattice import Lattice
from hindcast_scorer.lattices.word_graph import useful_nodes

START = "<s>"
MOST_STEPS = 2_000_000
"""Of one lattice: its links, each counted once for every pair of words that leads to it."""

Ngram = tuple[str, ...]
Spellings = Callable[[str], Sequence[str]]
"""What the recogniser's language model is asked for in the place of a lattice's word: the word itself, several, or none
(a filler)."""
Leaving = Mapping[int, set[tuple[int, Ngram]]]
"""By node: where its links lead, and what is said on the way."""


@dataclass(frozen=True)
class Ngrams:
    """Which words follow which."""

    bigrams: set[Ngram]
    trigrams: set[Ngram]
    left_out: Sequence[str]
    """Utterances whose lattices have too many trigrams: none of theirs are here."""

    @property
    def words(self) -> set[str]:
        """All that are said, `<s>` and `</s>` among them."""
        return {word for bigram in self.bigrams for word in bigram}


def ngrams_of(lattices: Iterable[Lattice], spellings: Spellings, *, most_steps: int = MOST_STEPS) -> Ngrams:
    """Of all paths of all lattices. Sentences begin with `<s>` and end with `</s>`."""
    bigrams, trigrams = set[Ngram](), set[Ngram]()
    left_out = []
    for lattice in lattices:
        leaving = _leaving(lattice, spellings)
        bigrams |= _along(lattice, leaving, 2, spellings) or set()
        longer = _along(lattice, leaving, 3, spellings, most_steps)
        if longer is None:
            left_out.append(lattice.utterance)
        else:
            trigrams.update(ngram for ngram in longer if len(ngram) == 3)
    return Ngrams(bigrams, trigrams, left_out)


def _leaving(lattice: Lattice, spellings: Spellings) -> Leaving:
    useful = useful_nodes(lattice)
    leaving = defaultdict[int, set[tuple[int, Ngram]]](set)
    for link in lattice.links:
        if link.possible and link.start in useful and link.end in useful:
            said = (*_said(link.word, spellings), *_said(lattice.nodes[link.end].word, spellings))
            leaving[link.start].add((link.end, said))
    return leaving


def _along(
    lattice: Lattice, leaving: Leaving, order: int, spellings: Spellings, most_steps: int | None = None
) -> set[Ngram] | None:
    """The n-grams of this order on all paths, and the shorter ones that sentences begin with. None: too many steps."""
    found: set[Ngram] = set()
    histories = defaultdict[int, set[Ngram]](set)
    histories[lattice.start] = {_read((START,), _said(lattice.nodes[lattice.start].word, spellings), order, found)}
    steps = 0
    for node in lattice.order:
        here, ways = histories.pop(node, set()), leaving.get(node, set())
        steps += len(here) * len(ways)
        if most_steps is not None and steps > most_steps:
            return None
        for end, said in ways:
            histories[end].update(_read(history, said, order, found) for history in here)
        if node in lattice.finals:
            for history in here:
                _read(history, (END,), order, found)
    return found


def _read(history: Ngram, said: Ngram, order: int, found: set[Ngram]) -> Ngram:
    """The history after these words, whose n-grams are added to those found."""
    for word in said:
        ngram = (*history, word)[-order:]
        found.add(ngram)
        history = ngram[-(order - 1) :]
    return history


def _said(word: str | None, spellings: Spellings) -> Ngram:
    return () if word is None else tuple(spellings(word))
