"""Kaldi's compact lattices as text: what `lattice-copy --write-compact=true ark:… ark,t:-` writes.

    utt-1
    0 1 well 5.2,103.7,2_4_4      from, to, word, graph cost, acoustic cost, transition ids
    1 0.5,3.1,8                   a final state
                                  a blank line; more of them at the very end are not kept

Costs are negated natural logs. The graph cost is that of the old language model, of pronunciation and of transitions,
in one: a lattice read here has it whole in `graph_score` and says so in `graph_holds_lm`. Who adds another model's
score takes the old one's out of it (see `rescoring.old_model`). Written, a graph cost is the negated sum of
`graph_score` and `lm_score`.

Labels are words, as `int2sym.pl -f 3 words.txt` makes them, or numbers, where the table `words.txt` is given. They go
out as they came.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.lattices.kaldi_words import EPSILON, word_of, words_by_number
from hindcast_scorer.lattices.lattice import Final, Lattice, Link, Node
from hindcast_scorer.lattices.lines import BLANKS, formatted, number, numbered_lines, shortened, whole

_FIELD = re.compile(rf"[^{BLANKS}]+")


@dataclass(frozen=True)
class _Line:
    """A line as it came."""

    place: str
    text: str
    fields: Sequence[str]


@dataclass(frozen=True)
class _Weight:
    """Scores of a link or a final state, and the transition ids as they came."""

    graph_score: float
    am_score: float
    ids: str


@dataclass(frozen=True)
class _Origin:
    """What a link or final state was read from, and what was read: while they are equal, it is written as it came."""

    text: str
    fields: tuple[object, ...]
    ids: str


@dataclass
class _Draft:
    """A lattice that is being read. A state is there as soon as a line names it; the first is the start."""

    utterance: str
    place: str
    order: list[tuple[str, int]] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    finals: dict[int, Final] = field(default_factory=dict)

    def state(self, line: _Line, position: int) -> int:
        name = str(whole(line.fields[position], line.place, "a state"))
        return self.states.setdefault(name, len(self.states))


class KaldiLattices:
    """A `LatticeFormat`: any number of compact lattices, one after the other."""

    name = "kaldi-lattice"
    media_type = "text/x-kaldi-lattice"
    suffix = ".lat"
    table: str | None = "words.txt"

    def __init__(self, symbols: Mapping[int, str] | None = None) -> None:
        """`symbols` are the words by their numbers, where labels are numbers; number 0 is no word."""
        self._symbols = symbols

    def with_table(self, table: BinaryIO) -> "KaldiLattices":
        """See `LatticeFormat`."""
        return KaldiLattices(words_by_number(table))

    def read(self, body: BinaryIO) -> Iterator[Lattice]:
        """See `LatticeFormat`."""
        lines = (_Line(place, text, _FIELD.findall(text)) for place, text in numbered_lines(body))
        head: list[str] = []
        for line in lines:
            head.append(line.text)
            if line.fields:
                yield self._lattice(line, "".join(head), lines)
                head = []

    def write(self, lattices: Iterable[Lattice]) -> Iterator[bytes]:
        """See `LatticeFormat`. What was not read in this format gets no transition ids."""
        gap = ""
        for lattice in lattices:
            text = "".join(self._text(lattice))
            yield f"{gap}{text}".encode()
            missing = 0 if text.endswith(("\n\n", "\n\r\n")) else 1 if text.endswith("\n") else 2
            gap = "\n" * missing

    def _lattice(self, first: _Line, head: str, lines: Iterable[_Line]) -> Lattice:
        if len(first.fields) != 1:
            raise InvalidInput.field(first.place, "must be the id of an utterance alone: a lattice begins with it")
        draft = _Draft(first.fields[0], first.place)
        tail = ""
        for line in lines:
            if not line.fields:
                tail = line.text
                break
            self._add(draft, line)
        if not draft.states:
            raise InvalidInput.field(draft.place, f"the lattice of {draft.utterance} must have at least one state")
        _check_states(draft)
        return Lattice(
            utterance=draft.utterance,
            nodes=[Node(name) for name in draft.states],
            links=draft.links,
            start=0,
            finals=draft.finals,
            graph_holds_lm=True,
            source={"kaldi": (head, tuple(draft.order), tail)},
            place=draft.place,
        )

    def _add(self, draft: _Draft, line: _Line) -> None:
        if len(line.fields) > 4:
            raise InvalidInput.field(
                line.place,
                f"has {len(line.fields)} fields: a link of a compact lattice has four, `from to word "
                "graph,acoustic,ids`; `lattice-copy --write-compact=true` makes them",
            )
        if len(line.fields) > 2:
            draft.order.append(("link", len(draft.links)))
            draft.links.append(self._link(draft, line))
            return
        state = draft.state(line, 0)
        if state in draft.finals:
            raise InvalidInput.field(line.place, f"state {line.fields[0]} must be final only once")
        weight = _weight(line, 1)
        draft.order.append(("final", state))
        fields = (str(int(line.fields[0])), weight.graph_score, None, weight.am_score)
        source = {"kaldi": _Origin(line.text, fields, weight.ids)}
        draft.finals[state] = Final(
            am_score=weight.am_score, graph_score=weight.graph_score, source=source, place=line.place
        )

    def _link(self, draft: _Draft, line: _Line) -> Link:
        start, end = draft.state(line, 0), draft.state(line, 1)
        label, word, weight = line.fields[2], self._word(line), _weight(line, 3)
        names = (str(int(line.fields[0])), str(int(line.fields[1])))
        fields = (*names, label, weight.graph_score, None, weight.am_score)
        return Link(
            start,
            end,
            label,
            word,
            am_score=weight.am_score,
            graph_score=weight.graph_score,
            source={"kaldi": _Origin(line.text, fields, weight.ids)},
            place=line.place,
        )

    def _word(self, line: _Line) -> str | None:
        label = line.fields[2]
        if self._symbols is None:
            return word_of(label)
        number = whole(label, line.place, "with words.txt, a word")
        if number == 0:
            return None
        if number not in self._symbols:
            raise InvalidInput.field(line.place, f"word {number} must be one of the numbers of words.txt")
        return word_of(self._symbols[number])

    def _text(self, lattice: Lattice) -> Iterator[str]:
        head, order, tail = lattice.source.get("kaldi", (f"{lattice.utterance}\n", (), "\n"))
        if not _fits(order, lattice):
            order, tail = list(_default_order(lattice)), "\n"
        yield head
        lines = [self._link_text(lattice, i) if kind == "link" else _final_text(lattice, i) for kind, i in order]
        yield from (line if line.endswith("\n") else f"{line}\n" for line in lines[:-1])
        # A file's last line may have come without its end.
        yield lines[-1] if lines[-1].endswith("\n") or not tail else f"{lines[-1]}\n"
        yield tail

    def _link_text(self, lattice: Lattice, index: int) -> str:
        link = lattice.links[index]
        names = lattice.nodes[link.start].name, lattice.nodes[link.end].name
        label = link.label or lattice.nodes[link.end].label or (EPSILON if self._symbols is None else "0")
        fields = (*names, label, link.graph_score, link.lm_score, link.am_score)
        return _line_text(link, fields, " ".join((*names, label)))


def _check_states(draft: _Draft) -> None:
    """InvalidInput for a link to a state that no line is about: it's missing, and paths would end there in silence."""
    if not draft.finals:
        return  # which the lattice refuses by name
    described = {link.start for link in draft.links} | set(draft.finals)
    for link in draft.links:
        if link.end not in described:
            state = list(draft.states)[link.end]
            raise InvalidInput.field(
                link.place,
                f"leads to state {state}, which is missing: a line must begin with {state}, a link from there or, "
                f"where the lattice may end there, `{state} 0,0,`",
            )


def _weight(line: _Line, position: int) -> _Weight:
    if len(line.fields) <= position:  # left out where it costs nothing
        return _Weight(0.0, 0.0, "")
    parts = line.fields[position].split(",", 2)
    if len(parts) < 2:
        raise InvalidInput.field(
            line.place, f"must have costs as in 5.2,103.7,2_4_4 (graph, acoustic, ids), not {shortened(parts[0])}"
        )
    graph, acoustic = (_score(part, line.place) for part in parts[:2])
    return _Weight(graph, acoustic, parts[2] if len(parts) > 2 else "")


def _score(cost: str, place: str) -> float:
    if cost == "Infinity":
        return float("-inf")
    return 0.0 - number(cost, place, "cost")


def _fits(order: Sequence[tuple[str, int]], lattice: Lattice) -> bool:
    """Whether all lines have a place in it, and the first names the start."""
    if not order or len(order) != len(lattice.links) + len(lattice.finals):
        return False
    kind, first = order[0]
    ends = {index for kind, index in order if kind == "final"}
    return ends == set(lattice.finals) and lattice.start == (lattice.links[first].start if kind == "link" else first)


def _default_order(lattice: Lattice) -> Iterable[tuple[str, int]]:
    """By state; the start comes first, since that is how one knows it."""
    links: dict[int, list[int]] = {}
    for index, link in enumerate(lattice.links):
        links.setdefault(link.start, []).append(index)
    others = (node for node in lattice.order if node != lattice.start)
    for node in chain((lattice.start,), others):
        yield from (("link", index) for index in links.get(node, ()))
        if node in lattice.finals:
            yield "final", node


def _final_text(lattice: Lattice, node: int) -> str:
    final, name = lattice.finals[node], lattice.nodes[node].name
    return _line_text(final, (name, final.graph_score, final.lm_score, final.am_score), name)


def _line_text(scored: Link | Final, fields: tuple[object, ...], start: str) -> str:
    origin: _Origin | None = scored.source.get("kaldi")
    if origin is not None and origin.fields == fields:
        return origin.text
    graph = _cost((scored.graph_score or 0.0) + (scored.lm_score or 0.0))
    return f"{start} {graph},{_cost(scored.am_score or 0.0)},{origin.ids if origin else ''}\n"


def _cost(score: float) -> str:
    return "Infinity" if score == float("-inf") else formatted(0.0 - score)
