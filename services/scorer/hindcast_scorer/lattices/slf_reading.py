"""From the lines of an SLF file to a lattice."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hindcast.errors import InvalidInput
from hindcast_scorer.lattices.lattice import Final, Lattice, Link, Node, Weights
from hindcast_scorer.lattices.lines import number, shortened, whole
from hindcast_scorer.lattices.slf_fields import (
    Base,
    Layout,
    Origin,
    SlfLine,
    link_fields,
    lm_field,
    long_name,
    node_fields,
    unquoted,
)

NO_WORDS = frozenset(["!NULL", "!ENTER", "!EXIT", "!SENT_START", "!SENT_END", "<s>", "</s>", "<eps>"])
"""Labels that no language model reads."""

_VARIANT = re.compile(r"(.+)\([0-9]+\)", re.DOTALL)


@dataclass
class _Draft:
    """A lattice that is being read."""

    lines: Sequence[SlfLine]
    header: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By long name: where it stands, and its value."""

    @property
    def place(self) -> str:
        return next((line.place for line in self.lines if line.kind != "comment"), "line 1")

    def of(self, kind: str) -> list[SlfLine]:
        return [line for line in self.lines if line.kind == kind]

    def number(self, name: str, default: float) -> float:
        if name not in self.header:
            return default
        place, value = self.header[name]
        return number(value, place, name)


def lattice_of(lines: Sequence[SlfLine]) -> Lattice:
    """The lattice that these lines make up. InvalidInput, naming the line."""
    draft = _Draft(lines)
    for line in draft.of("header"):
        for _, name, raw in line.fields:
            draft.header[long_name("header", name)] = (line.place, unquoted(raw))
    _check_header(draft)
    base = _base(draft)
    node_lines, link_lines = draft.of("node"), draft.of("link")
    _check_counts(draft, node_lines, link_lines)
    nodes = _nodes(node_lines) or _implied_nodes(draft, link_lines)
    if not nodes:
        raise InvalidInput.field(draft.place, "a lattice must have at least one node, as in I=0")
    numbers = {node.name: index for index, node in enumerate(nodes)}
    _check_link_names(link_lines)
    links = [_link(line, numbers, base) for line in link_lines]
    end = _edge(draft, "end", numbers, {link.start for link in links})
    return Lattice(
        utterance=draft.header.get("UTTERANCE", ("", ""))[1],
        nodes=nodes,
        links=links,
        start=_edge(draft, "start", numbers, {link.end for link in links}),
        finals={end: Final()},
        weights=_weights(draft, base),
        source={"slf": Layout(draft.lines, base, not node_lines)},
        place=draft.place,
    )


def _check_header(draft: _Draft) -> None:
    place, version = draft.header.get("VERSION", ("", "1.1"))
    if version not in ("1.0", "1.1"):
        raise InvalidInput.field(place, f"VERSION must be 1.0 or 1.1, not {shortened(version)}")
    if "SUBLAT" in draft.header:
        raise InvalidInput.field(draft.header["SUBLAT"][0], "SUBLAT can't be read: a lattice must be expanded")
    for line in draft.of("node"):
        if line.raw("L") is not None:
            raise InvalidInput.field(line.place, "L can't be read on a node: a lattice must be expanded")


def _base(draft: _Draft) -> Base:
    place, value = draft.header.get("base", ("", "e"))
    base = math.e if value == "e" else number(value, place, "base")
    if base < 0.0 or base == 1.0 or (base != 0.0 and abs(math.log(base)) < 1e-9):
        raise InvalidInput.field(place, f"base must be 0 (probabilities) or a base of logs, not {shortened(value)}")
    return Base(base)


def _weights(draft: _Draft, base: Base) -> Weights:
    penalty = 0.0
    if "wdpenalty" in draft.header:
        place, value = draft.header["wdpenalty"]
        penalty = base.to_natural(number(value, place, "wdpenalty"), place, "wdpenalty")
        if not math.isfinite(penalty):
            raise InvalidInput.field(place, "wdpenalty must be more than 0, since the base is 0")
    return Weights(
        am_scale=draft.number("acscale", 1.0),
        lm_weight=draft.number("lmscale", 1.0),
        word_insertion_penalty=penalty,
        graph_scale=draft.number("prscale", 1.0),
    )


def _check_counts(draft: _Draft, node_lines: Sequence[SlfLine], link_lines: Sequence[SlfLine]) -> None:
    for name, short, lines in (("NODES", "N", node_lines), ("LINKS", "L", link_lines)):
        if name not in draft.header:
            raise InvalidInput.field(draft.place, f"the header must say {short}={len(lines)}")
        place, value = draft.header[name]
        count = whole(value, place, short)
        if count != len(lines) and (lines or name == "LINKS"):
            raise InvalidInput.field(place, f"{short}={count} must be the number of {name.lower()}: {len(lines)} came")


def _nodes(lines: Sequence[SlfLine]) -> list[Node]:
    nodes: dict[str, Node] = {}
    for line in lines:
        name = str(whole(line.value("I") or "", line.place, "I"))
        if name in nodes:
            raise InvalidInput.field(line.place, f"node I={name} must be there only once")
        label = line.value("WORD")
        node = Node(name, label, _word(label), line.number("time", "t"))
        nodes[name] = replace(node, source={"slf": Origin(line, node_fields(node))})
    return list(nodes.values())


def _check_link_names(lines: Sequence[SlfLine]) -> None:
    seen: set[int] = set()
    for line in lines:
        name = whole(line.value("J") or "", line.place, "J")
        if name in seen:
            raise InvalidInput.field(line.place, f"link J={name} must be there only once")
        seen.add(name)


def _implied_nodes(draft: _Draft, lines: Sequence[SlfLine]) -> list[Node]:
    """The format lets one leave out nodes that have neither word nor time."""
    count = int(draft.header["NODES"][1])
    numbers = {_end(line, name) for line in lines for name in ("START", "END")}
    return [Node(str(number)) for number in sorted(numbers) if number < count]


def _end(line: SlfLine, name: str) -> int:
    value = line.value(name)
    if value is None:
        raise InvalidInput.field(line.place, f"a link must have {name[0]}=, the number of a node")
    return whole(value, line.place, name[0])


def _link(line: SlfLine, numbers: Mapping[str, int], base: Base) -> Link:
    ends = [str(_end(line, name)) for name in ("START", "END")]
    for end in ends:
        if end not in numbers:
            raise InvalidInput.field(
                line.place, f"leads from or to node {end}: it must be a node of the lattice, I={end}"
            )
    label = line.value("WORD")

    def score(name: str, short: str) -> float | None:
        value = line.number(name, short)
        return None if value is None else base.to_natural(value, line.place, short)

    language = lm_field(line)
    link = Link(
        numbers[ends[0]],
        numbers[ends[1]],
        label,
        _word(label),
        am_score=score("acoustic", "a"),
        lm_score=score(language, language[0]),
        graph_score=score("pron", "r"),
        place=line.place,
    )
    return replace(link, source={"slf": Origin(line, (*ends, *link_fields(link)))})


def _edge(draft: _Draft, name: str, numbers: Mapping[str, int], inner: set[int]) -> int:
    """The node that the header names, else the only one that isn't `inner`: that has no link in, or out."""
    if name in draft.header:
        place, value = draft.header[name]
        node = str(whole(value, place, name))
        if node not in numbers:
            raise InvalidInput.field(place, f"{name}={node} must be a node of the lattice")
        return numbers[node]
    outer = {node: index for node, index in numbers.items() if index not in inner}
    link = "in" if name == "start" else "out"
    if not outer:
        return 0  # then there is a cycle, which a lattice refuses by name
    if len(outer) > 1:
        some = " and ".join(list(outer)[:2])
        raise InvalidInput.field(draft.place, f"nodes {some} have no link {link}: the header must say {name}=")
    return next(iter(outer.values()))


def _word(label: str | None) -> str | None:
    """Without the number of a pronunciation: `the(2)` is `the`."""
    if not label or label in NO_WORDS:
        return None
    variant = _VARIANT.fullmatch(label)
    return variant[1] if variant else label
