"""A lattice as a language model reads it: at most one token on each arc, and only what lies on a path to an end."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hindcast.errors import InvalidInput
from hindcast.text.vocabulary import Vocabulary
from hindcast_scorer.lattices.lattice import Lattice, Link, Node, Weights, neighbors, reached

Normalize = Callable[[str], Sequence[str]]
"""What a model is to read of a recogniser's word: as it writes it, in several words, or in none (a filler)."""


@dataclass(frozen=True)
class Arc:
    """A link, or where one is read as several tokens, a part of it; the first part has the link's scores."""

    start: int
    end: int
    link: int
    """Index of the lattice's link."""
    first: bool
    token: int | None
    """Id of what the model reads. None: nothing."""
    text: str | None
    """The same as n-gram models read it, who may know words that the neural one doesn't."""
    words: tuple[str, ...]
    """The recogniser's, of the whole link; () on all parts but the first."""
    fixed: float
    """Weighted: what it adds to a path's total, but for language models."""


@dataclass(frozen=True)
class WordGraph:
    """Nodes are the lattice's, by their indices, and after those the ones between parts of a link."""

    lattice: Lattice
    levels: Sequence[Sequence[int]]
    """The useful nodes; arcs lead from earlier to later groups. The first is the start alone."""
    arcs: Mapping[int, Sequence[Arc]]
    """By the node where they start."""
    endings: Mapping[int, float]
    """By final node, weighted: what ending there adds to a path's total, but for language models."""

    @classmethod
    def of(cls, lattice: Lattice, vocabulary: Vocabulary, weights: Weights, normalize: Normalize) -> "WordGraph":
        """InvalidInput where no path has a probability above zero."""
        lattice = _with_silent_start(lattice)
        useful = useful_nodes(lattice)
        arcs = defaultdict[int, list[Arc]](list)
        nodes = len(lattice.nodes)
        for index, link in enumerate(lattice.links):
            if link.possible and link.start in useful and link.end in useful:
                words = _words(lattice, link)
                texts = [text for word in words for text in normalize(word)]
                tokens = [(vocabulary.id(text), text) for text in texts]
                for arc in _parts(index, link, words, tokens, weights, between=nodes):
                    arcs[arc.start].append(arc)
                nodes += max(0, len(tokens) - 1)
        endings = {
            node: _fixed(final.am_score, final.graph_score, 0, weights)
            for node, final in lattice.finals.items()
            if final.possible and node in useful
        }
        return cls(lattice, _groups(arcs, lattice.start), arcs, endings)


def _with_silent_start(lattice: Lattice) -> Lattice:
    """Where the first node has a word, one without is put before it: then each word stands behind some link."""
    if lattice.nodes[lattice.start].word is None:
        return lattice
    name = str(max(int(node.name) for node in lattice.nodes) + 1)
    first = Node(name, label="!NULL", time=lattice.nodes[lattice.start].time)
    link = Link(len(lattice.nodes), lattice.start)
    return replace(lattice, nodes=[*lattice.nodes, first], links=[*lattice.links, link], start=len(lattice.nodes))


def useful_nodes(lattice: Lattice) -> set[int]:
    """The nodes of all paths that are possible. InvalidInput where there is none."""
    links = [link for link in lattice.links if link.possible]
    ends = [node for node, final in lattice.finals.items() if final.possible]
    useful = reached((lattice.start,), neighbors((link.start, link.end) for link in links))
    useful &= reached(ends, neighbors((link.end, link.start) for link in links))
    if lattice.start not in useful:
        raise InvalidInput.field(
            lattice.place or "lattice", "no path to its final state has a probability above zero: one must have"
        )
    return useful


def _words(lattice: Lattice, link: Link) -> tuple[str, ...]:
    """On the way to a link's end, that node's among them."""
    return tuple(word for word in (link.word, lattice.nodes[link.end].word) if word is not None)


def _parts(
    index: int, link: Link, words: tuple[str, ...], tokens: Sequence[tuple[int, str]], weights: Weights, *, between: int
) -> list[Arc]:
    """A link as one arc for each token; nodes from `between` on are free."""
    inner = range(between, between + max(0, len(tokens) - 1))
    ends = [link.start, *inner, link.end]
    fixed = _fixed(link.am_score, link.graph_score, len(tokens), weights)
    token, text = tokens[0] if tokens else (None, None)
    first = Arc(ends[0], ends[1], index, True, token, text, words, fixed)
    rest = [
        Arc(start, end, index, False, token, text, (), 0.0)
        for start, end, (token, text) in zip(ends[1:-1], ends[2:], tokens[1:], strict=True)
    ]
    return [first, *rest]


def _fixed(am_score: float | None, graph_score: float | None, words: int, weights: Weights) -> float:
    return (
        weights.am_scale * (am_score or 0.0)
        + weights.graph_scale * (graph_score or 0.0)
        + weights.word_insertion_penalty * words
    )


def _groups(arcs: Mapping[int, Sequence[Arc]], start: int) -> list[list[int]]:
    """The nodes by the arcs of the longest way to each."""
    missing = defaultdict[int, int](int)
    for starting in arcs.values():
        for arc in starting:
            missing[arc.end] += 1
    groups, group = list[list[int]](), [start]
    while group:
        groups.append(group)
        ready = []
        for arc in (arc for node in group for arc in arcs.get(node, ())):
            missing[arc.end] -= 1
            if not missing[arc.end]:
                ready.append(arc.end)
        group = sorted(ready)
    return groups
