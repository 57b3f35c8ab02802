"""The best paths of a composition: exactly the n best that differ in their words."""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hindcast.text.vocabulary import UNKNOWN_ID
from hindcast_scorer.lattices.composition import Composition, Step
from hindcast_scorer.lattices.lattice import Final, Link


@dataclass(frozen=True)
class Path:
    """One way through a lattice, and what it got."""

    words: tuple[str, ...]
    """The recogniser's, without numbers of pronunciations."""
    links: tuple[int, ...]
    """Indices into the composition's lattice."""
    am_score: float | None
    """Of the recogniser, unscaled. None where the lattice has none; so are the next two."""
    graph_score: float | None
    """What is left once an old language model was taken out."""
    old_lm_score: float | None
    """Of the old language model, stated by the lattice or taken out of the graph score: it isn't in the total."""
    neural_logprob: float
    """Sum over its tokens and `</s>`."""
    ngram_logprob: float | None
    """The same of the n-gram model that is joined with the neural one. None where there is none."""
    lm_logprob: float
    """What counts of the two: `neural_logprob`, or both joined word by word."""
    tokens: int
    """That the model read, `</s>` not among them: what the word insertion penalty counts."""
    oov: int
    """Of them, how many it doesn't know."""
    total: float
    """What paths are ordered by."""


@dataclass(slots=True, eq=False)
class _Rest:
    """The rest of a path, from some state on."""

    step: Step
    gain: float
    """What it adds to the total of whatever comes before."""
    words: int
    """The number of its sequence of words: equal sequences have equal ones."""
    after: "_Rest | None"


def best_path(composition: Composition) -> Path:
    """The path with the highest total."""
    return best_paths(composition, 1)[0]


def best_paths(composition: Composition, count: int) -> list[Path]:
    """The `count` best sequences of words, each by its best path; fewer where there are no more.

    Goes back from the ends, the best first: what the best way to a state has is known, so the order is exact (A* with a
    perfect estimate). Of any two rests of paths from a state with equal words, the better one is enough.
    """
    search = _Backwards(composition)
    return [_path(composition, whole) for whole in itertools.islice(search.wholes(), count)]


class _Backwards:
    """The rests of paths that are still to be gone on from, the best first."""

    def __init__(self, composition: Composition) -> None:
        self._states = composition.states
        self._numbers: dict[tuple[str, int], int] = {}
        self._seen: set[tuple[int, int]] = set()
        self._open: list[tuple[float, int, _Rest]] = []
        self._serial = itertools.count()
        for step in composition.endings:
            self._add(step, None)

    def wholes(self) -> Iterator[_Rest]:
        """Whole paths that differ in their words, the best first."""
        while self._open:
            _, _, rest = heapq.heappop(self._open)
            state = rest.step.source
            if (state, rest.words) in self._seen:
                continue
            self._seen.add((state, rest.words))
            for step in self._states[state].incoming:
                self._add(step, rest)
            if not self._states[state].incoming:
                yield rest

    def _add(self, step: Step, after: _Rest | None) -> None:
        gain, words = (0.0, 0) if after is None else (after.gain, after.words)
        for word in reversed(() if step.arc is None else step.arc.words):
            words = self._numbers.setdefault((word, words), len(self._numbers) + 1)
        if (step.source, words) not in self._seen:
            rest = _Rest(step, step.gain + gain, words, after)
            heapq.heappush(self._open, (-(self._states[step.source].total + rest.gain), next(self._serial), rest))


def _path(composition: Composition, whole: _Rest) -> Path:
    steps: list[Step] = []
    rest: _Rest | None = whole
    while rest is not None:
        steps.append(rest.step)
        rest = rest.after
    lattice = composition.lattice
    arcs = [step.arc for step in steps if step.arc is not None]
    links = tuple(arc.link for arc in arcs if arc.first)
    ending = lattice.finals[composition.states[steps[-1].source].node]
    scored: list[Link | Final] = [*(lattice.links[link] for link in links), ending]
    tokens = [arc.token for arc in arcs if arc.token is not None]
    taken_out = sum(step.ngrams.old_logprob for step in steps)
    graph_score = _sum([part.graph_score for part in scored])
    return Path(
        words=tuple(word for arc in arcs for word in arc.words),
        links=links,
        am_score=_sum([part.am_score for part in scored]),
        graph_score=None if graph_score is None else graph_score - taken_out,
        old_lm_score=taken_out if taken_out else _sum([part.lm_score for part in scored]),
        neural_logprob=sum(step.neural_logprob for step in steps),
        ngram_logprob=sum(step.ngrams.logprob for step in steps) if composition.joined else None,
        lm_logprob=sum(step.lm_logprob for step in steps),
        tokens=len(tokens),
        oov=tokens.count(UNKNOWN_ID),
        total=whole.gain,
    )


def _sum(scores: Sequence[float | None]) -> float | None:
    stated = [score for score in scores if score is not None]
    return sum(stated) if stated else None
