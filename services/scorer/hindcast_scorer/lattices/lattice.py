"""Word lattices, whatever format they came in. All scores are natural logs, higher is better, and unscaled."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, BinaryIO, Protocol

from hindcast.errors import InvalidInput


@dataclass(frozen=True)
class Weights:
    """What scores are multiplied by: am_scale · am + lm_weight · lm + graph_scale · graph + penalty · words."""

    am_scale: float = 1.0
    lm_weight: float = 1.0
    word_insertion_penalty: float = 0.0
    """Added for each word: a natural log, negative to discourage words."""
    graph_scale: float = 1.0


UNCHANGED = Weights()


@dataclass(frozen=True)
class Node:
    """A moment of the utterance, and in some lattices the word that is heard there."""

    name: str
    """Its number in the file."""
    label: str | None = None
    """As it came, quotes taken off: `the(2)`, `!NULL`. None: it has none."""
    word: str | None = None
    """What a language model is to read: `the`. None: no word."""
    time: float | None = None
    """Seconds from the utterance's start."""
    source: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Whatever else its format needs to write it again without loss."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What is said of a part of a path, and where it was said."""

    am_score: float | None = None
    """Of the audio given the word."""
    lm_score: float | None = None
    """Of a language model alone: what a new model's replaces."""
    graph_score: float | None = None
    """Of pronunciation and transitions; where the lattice's `graph_holds_lm`, of the old language model too."""
    source: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Whatever else its format needs to write it again without loss."""
    place: str = field(default="", compare=False)
    """Where it came from, for messages: `line 17`."""

    @property
    def possible(self) -> bool:
        """Whether no score of it is the log of zero."""
        return float("-inf") not in (self.am_score, self.lm_score, self.graph_score)


@dataclass(frozen=True)
class Link(Scored):
    """A way from one node to another. Both are indices into the lattice's nodes."""

    start: int
    end: int
    label: str | None = None
    """As it came, quotes taken off. None: it has none; the word may stand on the end's node."""
    word: str | None = None
    """What a language model is to read. None: no word."""


@dataclass(frozen=True)
class Final(Scored):
    """What it costs to end at a node."""


@dataclass(frozen=True)
class Lattice:
    """What a recogniser thought possible. One that exists is sound: InvalidInput, naming the place, for a link to a
    node that isn't there, a cycle, no final state, or none that can be reached from the start."""

    utterance: str
    nodes: Sequence[Node]
    links: Sequence[Link]
    start: int
    finals: Mapping[int, Final]
    """By the index of the node."""
    weights: Weights = UNCHANGED
    """As the file gives them, else those that change nothing."""
    graph_holds_lm: bool = False
    """True: graph scores hold the old language model's, which must be taken out by whoever adds another."""
    source: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Whatever else its format needs to write it again without loss."""
    place: str = field(default="", compare=False)
    """Where it began in what was sent, for messages: `line 17`."""

    def __post_init__(self) -> None:
        self._check_nodes()
        if cycle := self._link_of_a_cycle():
            raise InvalidInput.field(
                cycle.place or "lattice",
                f"this link from node {self.nodes[cycle.start].name} to node {self.nodes[cycle.end].name} closes a "
                "cycle: a lattice must have none",
            )
        if not self.finals:
            raise InvalidInput.field(self.place or "lattice", "has no final state: a lattice must say where it ends")
        reachable = reached((self.start,), self.successors)
        if not any(node in reachable for node in self.finals):
            ends = ", ".join(self.nodes[node].name for node in sorted(self.finals)[:3])
            raise InvalidInput.field(
                self.place or "lattice",
                f"its final state (node {ends}) can't be reached: a path must lead there from its start "
                f"(node {self.nodes[self.start].name})",
            )

    @cached_property
    def successors(self) -> Mapping[int, Sequence[int]]:
        """The nodes that links lead to from each."""
        return neighbors((link.start, link.end) for link in self.links)

    @property
    def spoken(self) -> Iterator[str]:
        """All words, of links and nodes, each as often as it stands there."""
        yield from (link.word for link in self.links if link.word is not None)
        yield from (node.word for node in self.nodes if node.word is not None)

    @cached_property
    def levels(self) -> Sequence[int]:
        """Of each node, the links of the longest way to it: links lead from lower to higher levels only."""
        levels, _ = _levels(len(self.nodes), self.successors)
        return levels

    @property
    def order(self) -> Sequence[int]:
        """All nodes, every link leading from an earlier to a later one; it doesn't depend on the links' order."""
        return sorted(range(len(self.nodes)), key=lambda node: (self.levels[node], node))

    def _check_nodes(self) -> None:
        count = len(self.nodes)
        for link in self.links:
            if not (0 <= link.start < count and 0 <= link.end < count):
                raise InvalidInput.field(
                    link.place or "lattice",
                    f"this link leads from node {link.start} to node {link.end}, but there are {count} nodes: both "
                    "must be there",
                )
        if not 0 <= self.start < count:
            raise InvalidInput.field(self.place or "lattice", "its start must be one of its nodes")
        if not all(0 <= node < count for node in self.finals):
            raise InvalidInput.field(self.place or "lattice", "its final states must be some of its nodes")

    def _link_of_a_cycle(self) -> Link | None:
        """Any one; None where there is no cycle."""
        _, waiting = _levels(len(self.nodes), self.successors)
        if not waiting:
            return None
        # What waits lies on a cycle or behind one: going back, within what waits, ends up on a cycle.
        before = {link.end: link for link in self.links if link.start in waiting and link.end in waiting}
        node, seen = min(waiting), set[int]()
        while node not in seen:
            seen.add(node)
            node = before[node].start
        return before[node]


class LatticeFormat(Protocol):
    """Reads lattices of one format and writes them again."""

    name: str
    """As `?format=` takes it."""
    media_type: str
    """As `Content-Type` takes it."""
    suffix: str
    """Of a file's name: `.slf`."""
    table: str | None
    """Name of the file that an archive may hold beside its lattices, which says what their labels stand for. None:
    there is no such file."""

    def with_table(self, table: BinaryIO) -> "LatticeFormat":
        """The same format, whose labels stand for what a table says. InvalidInput that names its line."""
        ...

    def read(self, body: BinaryIO) -> Iterator[Lattice]:
        """The lattices, one in memory at a time.

        InvalidInput that names `line 17` (from 1) and what would be right, for whatever can't be read.
        """
        ...

    def write(self, lattices: Iterable[Lattice]) -> Iterator[bytes]:
        """The same format: a lattice that came in it and wasn't changed, byte for byte."""
        ...


def neighbors(pairs: Iterable[tuple[int, int]]) -> Mapping[int, Sequence[int]]:
    """By the first of each pair, all seconds."""
    found = defaultdict[int, list[int]](list)
    for first, second in pairs:
        found[first].append(second)
    return found


def reached(starts: Iterable[int], successors: Mapping[int, Sequence[int]]) -> set[int]:
    """The starts and everything to which a way leads from them."""
    found = set(starts)
    open_nodes = list(found)
    while open_nodes:
        for node in successors.get(open_nodes.pop(), ()):
            if node not in found:
                found.add(node)
                open_nodes.append(node)
    return found


def _levels(count: int, successors: Mapping[int, Sequence[int]]) -> tuple[list[int], set[int]]:
    """Each node's level, and the nodes that have none since they are on a cycle or behind one."""
    missing = [0] * count
    for ends in successors.values():
        for end in ends:
            missing[end] += 1
    levels = [0] * count
    ready = [node for node in range(count) if not missing[node]]
    waiting = set(range(count)) - set(ready)
    while ready:
        node = ready.pop()
        for end in successors.get(node, ()):
            levels[end] = max(levels[end], levels[node] + 1)
            missing[end] -= 1
            if not missing[end]:
                ready.append(end)
                waiting.discard(end)
    return levels, waiting
