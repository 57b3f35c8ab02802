"""A lattice composed with a language model on the fly (as Liu, Chen, Wang, Gales and Woodland, TASLP 2016, merge).

Paths that meet at a node after the same last n words go on as one: the model's state is that of the best of them, the
others stay as ways to it. Their neural scores are exact up to where they met; with n beyond the longest path, all are.
N-gram models follow each path by a state of their own, and paths merge only where it is equal too: what they say is
exact, whatever n is, and with n ≥ order - 1 no path more stays apart.

A path's total is am_scale · am + lm_weight · lm + graph_scale · graph + word_insertion_penalty · words, where lm is the
neural score, or that joined word by word with an n-gram model's; `</s>` is scored at its end, and an old `lm_score`
replaced.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.text.vocabulary import END_ID, UNKNOWN_ID, Vocabulary
from hindcast_scorer.lattices.lattice import UNCHANGED, Lattice, Weights
from hindcast_scorer.lattices.memories import Memories
from hindcast_scorer.lattices.ngram_histories import Histories, JoinedNgram, NgramHistories, NgramStep
from hindcast_scorer.lattices.word_graph import Arc, Normalize, WordGraph
from hindcast_scorer.rescoring.old_model import OldLanguageModel
from hindcast_scorer.rescoring.rescoring import interpolate

Reals = npt.NDArray[np.float64]
T = TypeVar("T")


@dataclass(frozen=True)
class Search:
    """How much of the lattice is looked at."""

    weights: Weights = UNCHANGED
    context: int | None = 4
    """n: how many last words must be equal for paths to merge at a node. None: all, which makes every score exact."""
    beam: float = math.inf
    """Paths at a node whose totals so far are further behind the best are given up."""
    states_per_node: int | None = 64
    """How many paths that don't merge go on from a node. None: all."""

    def __post_init__(self) -> None:
        for name, value, least in (("context", self.context, 0), ("states_per_node", self.states_per_node, 1)):
            if value is not None and value < least:
                raise InvalidInput.field(name, f"must be {least} or more")
        if not self.beam >= 0.0:
            raise InvalidInput.field("beam", "must be 0 or more")
        if not all(map(math.isfinite, vars(self.weights).values())):
            raise InvalidInput.field("weights", "must be numbers")


@dataclass(eq=False, slots=True)  # frozen ones take several times as long to make, and there are many
class Step:
    """One arc taken from one state, or the end after it."""

    source: int
    """Index of the state where it starts, lower than that of where it ends."""
    arc: Arc | None
    """None: the end."""
    neural_logprob: float
    """With what an unknown word is charged."""
    lm_logprob: float
    """What counts: the same, or joined with the n-gram model's."""
    ngrams: NgramStep
    """What n-gram models say."""
    total: float
    """Weighted, of the best path up to its end."""
    gain: float
    """The part of it that this step adds."""


@dataclass(eq=False)
class ComposedState:
    """Paths that met at a node after the same last words."""

    node: int
    tokens: tuple[int, ...]
    """The last ones."""
    histories: Histories
    """What n-gram models remember."""
    incoming: Sequence[Step]
    """Best first; none at the start."""
    row: int | None = field(default=None, repr=False)
    """Of what the model remembers there, as long as that is needed."""
    total: float = field(init=False)
    """Of the best path up to here."""

    def __post_init__(self) -> None:
        self.total = self.incoming[0].total if self.incoming else 0.0


@dataclass(frozen=True)
class Composition:
    """All paths that were looked at, each with its scores."""

    lattice: Lattice
    """As it came, but where the first node had a word: one without was put before."""
    search: Search
    joined: bool
    """Whether an n-gram model is joined with the neural one."""
    states: Sequence[ComposedState]
    """The start first; steps lead from lower to higher indices."""
    endings: Sequence[Step]
    """Best first."""


def as_it_is(word: str) -> Sequence[str]:
    """The `Normalize` that changes nothing."""
    return (word,)


def compose(
    lattice: Lattice,
    model: SinglePrecisionModel,
    vocabulary: Vocabulary,
    search: Search = Search(),
    *,
    normalize: Normalize = as_it_is,
    joined: JoinedNgram | None = None,
    old_model: OldLanguageModel | None = None,
    start: ReadingPoint | None = None,
    exact_sum: bool = True,
    oov_logprob: float = 0.0,
) -> Composition:
    """Score a lattice's paths, from `start` on (None: the beginning of a text).

    `oov_logprob` is added for each word that the model doesn't know. Without `exact_sum`, a self-normalised model's
    scores aren't divided by their sum over the vocabulary. An `old_model` is taken out of graph scores; without one,
    what it said of Kaldi's lattices stays in, and the new score is added to it. InvalidInput where no path is possible,
    or an old model is to be taken out of a lattice that doesn't hold it.
    """
    if old_model is not None and not lattice.graph_holds_lm:
        raise InvalidInput.field(
            "old_model", "must not be given for lattices that state the old model's scores by themselves"
        )
    graph = WordGraph.of(lattice, vocabulary, search.weights, normalize)
    memories = Memories(model, start or ReadingPoint.start(model), normalize=exact_sum)
    composer = _Composer(graph, memories, search, joined, old_model, oov_logprob)
    composer.run()
    endings = sorted(composer.endings, key=lambda step: (-step.total, step.source))
    return Composition(graph.lattice, search, joined is not None, composer.states, endings)


class _Composer:
    """Goes through a graph level by level: all states of a level are read, and their next words scored, at once."""

    def __init__(
        self,
        graph: WordGraph,
        memories: Memories,
        search: Search,
        joined: JoinedNgram | None,
        old_model: OldLanguageModel | None,
        oov_logprob: float,
    ) -> None:
        self._graph, self._memories, self._search = graph, memories, search
        self._interpolation = joined.interpolation if joined else None
        self._ngrams = NgramHistories(joined, old_model)
        self._oov_logprob = oov_logprob
        self.states: list[ComposedState] = []
        self.endings: list[Step] = []
        self._arriving = defaultdict[int, list[Step]](list)
        level_of = {node: level for level, nodes in enumerate(graph.levels) for node in nodes}
        self._last_use = defaultdict[int, list[int]](list)
        """By level: the nodes whose states nobody goes on from after it."""
        for node in level_of:
            last = max((level_of[arc.end] for arc in graph.arcs.get(node, ())), default=level_of[node])
            self._last_use[last].append(node)
        self._of_node = defaultdict[int, list[ComposedState]](list)

    def run(self) -> None:
        self._open([ComposedState(self._graph.lattice.start, (), self._ngrams.start, (), row=0)])
        self._forget(0)
        for level, nodes in enumerate(self._graph.levels[1:], start=1):
            opened = [state for node in nodes for state in self._met(node)]
            self._read(opened)
            self._open(opened)
            self._forget(level)

    def _met(self, node: int) -> list[ComposedState]:
        """The states of a node, by what arrives there."""
        arriving = defaultdict[tuple[tuple[int, ...], Histories], list[Step]](list)
        for step in self._arriving.pop(node):
            assert step.arc is not None
            source = self.states[step.source]
            tokens = source.tokens if step.arc.token is None else (*source.tokens, step.arc.token)
            arriving[_last(tokens, self._search.context), step.ngrams.histories].append(step)
        states = [ComposedState(node, *key, sorted(steps, key=_best_first)) for key, steps in arriving.items()]
        states.sort(key=lambda state: (-state.total, state.tokens, _best_first(state.incoming[0])))
        kept = states[: self._search.states_per_node]
        return [state for state in kept if state.total >= kept[0].total - self._search.beam]

    def _read(self, states: Iterable[ComposedState]) -> None:
        """Have the model read the last word of each state's best path."""
        reading: list[tuple[ComposedState, tuple[int, int]]] = []
        for state in states:
            best = state.incoming[0]
            row = self.states[best.source].row
            assert best.arc is not None
            assert row is not None
            if best.arc.token is None:
                state.row = self._memories.hold(row)
            else:
                reading.append((state, (row, best.arc.token)))
        for (state, _), row in zip(reading, self._memories.after([pair for _, pair in reading]), strict=True):
            state.row = row

    def _open(self, states: Sequence[ComposedState]) -> None:
        """Score all that may follow, and send it to where it leads."""
        first = len(self.states)
        self.states.extend(states)
        edges: list[tuple[int, Arc | None]] = []
        for row, state in enumerate(states):
            self._of_node[state.node].append(state)
            edges += [(row, arc) for arc in self._graph.arcs.get(state.node, ())]
            edges += [(row, None)] if state.node in self._graph.endings else []
        for (row, arc), scores in zip(edges, self._scores(states, edges), strict=True):
            step = self._step(first + row, arc, *scores)
            if arc is None:
                self.endings.append(step)
            else:
                self._arriving[arc.end].append(step)

    def _scores(
        self, states: Sequence[ComposedState], edges: Sequence[tuple[int, Arc | None]]
    ) -> Iterator[tuple[float, float, NgramStep]]:
        """What the neural model says of each edge, what counts, and what n-gram models say."""
        neural_E = self._neural_log_probs(states, edges)
        ngrams = [self._ngrams.step(states[place].histories, arc) for place, arc in edges]
        joined_E = neural_E
        if self._interpolation is not None:
            joined_E = interpolate(np.array([step.logprob for step in ngrams]), neural_E, self._interpolation)
            silent = [index for index, (_, arc) in enumerate(edges) if arc is not None and arc.token is None]
            joined_E[silent] = 0.0
        return zip(neural_E.tolist(), joined_E.tolist(), ngrams, strict=True)

    def _neural_log_probs(self, states: Sequence[ComposedState], edges: Sequence[tuple[int, Arc | None]]) -> Reals:
        """[E] 0 for arcs that no word is read on."""
        read: list[int] = []
        rows: list[int] = []
        words: list[int] = []
        for index, (place, arc) in enumerate(edges):
            word = END_ID if arc is None else arc.token
            row = states[place].row
            if word is not None and row is not None:
                read.append(index)
                rows.append(row)
                words.append(word)
        unknown_R = np.array(words, dtype=np.int64) == UNKNOWN_ID
        log_probs_E = np.zeros(len(edges))
        log_probs_E[read] = self._memories.log_probs(rows, words) + self._oov_logprob * unknown_R
        return log_probs_E

    def _step(self, source: int, arc: Arc | None, neural: float, lm: float, ngrams: NgramStep) -> Step:
        state, weights = self.states[source], self._search.weights
        fixed = self._graph.endings[state.node] if arc is None else arc.fixed
        gain = fixed + weights.lm_weight * lm - weights.graph_scale * ngrams.old_logprob
        return Step(source, arc, neural, lm, ngrams, state.total + gain, gain)

    def _forget(self, level: int) -> None:
        for node in self._last_use[level]:
            for state in self._of_node.pop(node, ()):
                if state.row is not None:
                    self._memories.release(state.row)
                    state.row = None


def _best_first(step: Step) -> tuple[float, int, int, str]:
    """Equal ones by where they come from and what is read: so nothing depends on the order of links."""
    token, text = (None, None) if step.arc is None else (step.arc.token, step.arc.text)
    return -step.total, step.source, -1 if token is None else token, text or ""


def _last(items: tuple[T, ...], count: int | None) -> tuple[T, ...]:
    if count is None:
        return items
    return items[-count:] if count > 0 else ()
