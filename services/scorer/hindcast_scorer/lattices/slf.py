"""HTK's standard lattice format, as HTK, SRILM and PocketSphinx write it (The HTK Book 3.4, chapter 20).

    VERSION=1.1
    base=10  lmscale=12.0  wdpenalty=-0.5
    N=3  L=2
    I=0  t=0.00
    I=1  t=0.41
    I=2  t=0.90
    J=0  S=0  E=1  W=well  a=-1325.1  l=-2.31
    J=1  S=1  E=2  W=yes   a=-1890.4  l=-1.07

Scores are logs of the header's `base` (e by default; 0: probabilities), and so is `wdpenalty`. A link's `l` (or `n`) is
the old language model's score, which a new one replaces; where there is none, as in PocketSphinx's files, the new one
is added as `l`. `r`, of the pronunciation, is a graph score. Words stand on links or on nodes. Where the header doesn't
name the first or last node by `start=` or `end=`, it is the only one without a link in or out.

Changed lattices keep every field but `p`, a posterior that belonged to the old scores. Costs of ending, for which the
format has no place, stand on links without a word to a last node. Sub-lattices are not read.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.lattices.lattice import UNCHANGED, Final, Lattice, Link, Node, Weights
from hindcast_scorer.lattices.lines import BLANKS, formatted, number, numbered_lines, shortened, whole

NO_WORDS = frozenset(["!NULL", "!ENTER", "!EXIT", "!SENT_START", "!SENT_END", "<s>", "</s>", "<eps>"])
"""Labels that no language model reads."""
NULL = "!NULL"

_ALIASES = {
    "header": {"V": "VERSION", "U": "UTTERANCE", "N": "NODES", "L": "LINKS", "S": "SUBLAT"},
    "node": {"t": "time", "W": "WORD", "v": "var"},
    "link": {"S": "START", "E": "END", "W": "WORD", "a": "acoustic", "l": "language", "n": "ngram", "r": "pron"},
}
"""Fields have a long and a short name."""

_NAME = re.compile(rf"([{BLANKS}]*)([A-Za-z][A-Za-z0-9_]*)=")
_VALUE = re.compile(
    rf"""(?:"(?:\\.|[^"\\\r\n])*"|'(?:\\.|[^'\\\r\n])*')(?=[{BLANKS}]|\Z)|(?:\\[^\r\n]|[^{BLANKS}\\])*\\?"""
)
"""In quotes, or up to the next blank. A quotation mark that isn't closed is part of the word: SRILM and PocketSphinx
write `'til`, HTK would write `\\'til`."""
_ESCAPE = re.compile(rb"\\([0-7]{3})|\\(.)", re.DOTALL)
_VARIANT = re.compile(r"(.+)\([0-9]+\)", re.DOTALL)


@dataclass(frozen=True)
class _Line:
    """A line as it came, and the fields in it by their long names."""

    place: str
    text: str
    kind: str
    """`header`, `node`, `link` or `comment`."""
    fields: Sequence[tuple[str, str, str]]
    """Each as the blanks before it, its name and its value as it came."""

    def value(self, name: str) -> str | None:
        """Of the field with a long name, without quotes."""
        raw = self.raw(name)
        return None if raw is None else _unquoted(raw)

    def raw(self, name: str) -> str | None:
        """Of the field with a long name, as it came."""
        return next((raw for _, short, raw in self.fields if _long(self.kind, short) == name), None)

    def number(self, name: str, label: str) -> float | None:
        """A field that is a number; `label` is its short name."""
        value = self.value(name)
        return None if value is None else number(value, self.place, label)

    def written(self, values: Mapping[str, str | None]) -> str:
        """The same line with other values by long names; None leaves a field out, new ones come last."""
        left = dict(values)
        parts: list[str] = []
        for blanks, name, raw in self.fields:
            value = left.pop(_long(self.kind, name), raw)
            if value is not None:
                parts.append(f"{blanks}{name}={value}")
        short = {long: short for short, long in _ALIASES[self.kind].items()}
        blanks = self.fields[-1][0] or "\t" if self.fields else ""
        parts += [f"{blanks}{short.get(name, name)}={value}" for name, value in left.items() if value is not None]
        end = "\r\n" if self.text.endswith("\r\n") else "\n"
        return "".join(parts) + end


@dataclass(frozen=True)
class _Origin:
    """What a node or link was read from, and what was read: while they are equal, it is written as it came."""

    line: _Line
    fields: tuple[object, ...]


@dataclass(frozen=True)
class _Base:
    """In which base a file's scores are."""

    value: float = math.e

    def to_natural(self, score: float, place: str, name: str) -> float:
        """A natural log."""
        if self.value != 0.0:
            return score * self._factor
        if score < 0.0:
            raise InvalidInput.field(place, f"{name} must be a probability, from 0, since the base is 0")
        return math.log(score) if score else float("-inf")

    def from_natural(self, score: float) -> str:
        """As the file holds it."""
        if self.value == 0.0:
            return formatted(math.exp(min(score, 700.0)))  # exp() of more overflows a double
        return formatted(score / self._factor)

    @property
    def _factor(self) -> float:
        return 1.0 if math.isclose(self.value, math.e, rel_tol=1e-3) else math.log(self.value)


@dataclass(frozen=True)
class _Layout:
    """All that a lattice's file says beside nodes and links, and the order of its lines."""

    lines: Sequence[_Line]
    base: _Base
    implied_nodes: bool
    """Whether nodes are only known from links."""


@dataclass
class _Draft:
    """A lattice that is being read."""

    lines: Sequence[_Line]
    header: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By long name: where it stands, and its value."""

    @property
    def place(self) -> str:
        return next((line.place for line in self.lines if line.kind != "comment"), "line 1")

    def of(self, kind: str) -> list[_Line]:
        return [line for line in self.lines if line.kind == kind]

    def number(self, name: str, default: float) -> float:
        if name not in self.header:
            return default
        place, value = self.header[name]
        return number(value, place, name)


class Slf:
    """A `LatticeFormat`: HTK's SLF. Where a header follows a lattice's links, another lattice begins."""

    name = "slf"
    media_type = "text/x-htk-slf"
    suffix = ".slf"

    def read(self, body: BinaryIO) -> Iterator[Lattice]:
        """See `LatticeFormat`."""
        lines: list[_Line] = []
        in_body = False
        for place, text in numbered_lines(body):
            line = _line(place, text)
            if line.kind == "header" and in_body:
                yield _lattice(_Draft(lines))
                lines, in_body = [], False
            in_body = in_body or line.kind in ("node", "link")
            lines.append(line)
        if any(line.kind != "comment" for line in lines):
            yield _lattice(_Draft(lines))

    def write(self, lattices: Iterable[Lattice]) -> Iterator[bytes]:
        """See `LatticeFormat`. What was not read in this format gets version 1.1 and natural logs."""
        for lattice in lattices:
            yield "".join(_text(lattice)).encode()


def _line(place: str, text: str) -> _Line:
    stripped = text.strip(BLANKS)
    if not stripped or stripped.startswith("#") or stripped == ".":
        return _Line(place, text, "comment", ())
    fields = []
    position, end = 0, len(text.rstrip(BLANKS))
    while position < end:
        name = _NAME.match(text, position, end)
        if name is None:
            found = shortened(text[position:end].strip(BLANKS))
            raise InvalidInput.field(place, f"must consist of fields as in I=0 t=0.10 W=well, not {found}")
        value = _VALUE.match(text, name.end(), end)
        assert value is not None  # it matches nothing too
        fields.append((name[1], name[2], value[0]))
        position = value.end()
    kind = {"I": "node", "J": "link"}.get(fields[0][1], "header")
    return _Line(place, text, kind, fields)


def _long(kind: str, name: str) -> str:
    return _ALIASES[kind].get(name, name)


def _lattice(draft: _Draft) -> Lattice:
    for line in draft.of("header"):
        for _, name, raw in line.fields:
            draft.header[_long("header", name)] = (line.place, _unquoted(raw))
    _check_header(draft)
    base = _base(draft)
    node_lines, link_lines = draft.of("node"), draft.of("link")
    _check_counts(draft, node_lines, link_lines)
    nodes = _nodes(node_lines) or _implied_nodes(draft, link_lines)
    if not nodes:
        raise InvalidInput.field(draft.place, "a lattice must have at least one node, as in I=0")
    numbers = {node.name: index for index, node in enumerate(nodes)}
    links = [_link(line, numbers, base) for line in link_lines]
    end = _edge(draft, "end", numbers, {link.start for link in links})
    return Lattice(
        utterance=draft.header.get("UTTERANCE", ("", ""))[1],
        nodes=nodes,
        links=links,
        start=_edge(draft, "start", numbers, {link.end for link in links}),
        finals={end: Final()},
        weights=_weights(draft, base),
        source={"slf": _Layout(draft.lines, base, not node_lines)},
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


def _base(draft: _Draft) -> _Base:
    place, value = draft.header.get("base", ("", "e"))
    base = math.e if value == "e" else number(value, place, "base")
    if base < 0.0 or base == 1.0 or (base != 0.0 and abs(math.log(base)) < 1e-9):
        raise InvalidInput.field(place, f"base must be 0 (probabilities) or a base of logs, not {shortened(value)}")
    return _Base(base)


def _weights(draft: _Draft, base: _Base) -> Weights:
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


def _check_counts(draft: _Draft, node_lines: Sequence[_Line], link_lines: Sequence[_Line]) -> None:
    for name, short, lines in (("NODES", "N", node_lines), ("LINKS", "L", link_lines)):
        if name not in draft.header:
            raise InvalidInput.field(draft.place, f"the header must say {short}={len(lines)}")
        place, value = draft.header[name]
        count = whole(value, place, short)
        if count != len(lines) and (lines or name == "LINKS"):
            raise InvalidInput.field(place, f"{short}={count} must be the number of {name.lower()}: {len(lines)} came")


def _nodes(lines: Sequence[_Line]) -> list[Node]:
    nodes: dict[str, Node] = {}
    for line in lines:
        name = str(whole(line.value("I") or "", line.place, "I"))
        if name in nodes:
            raise InvalidInput.field(line.place, f"node I={name} must be there only once")
        label = line.value("WORD")
        node = Node(name, label, _word(label), line.number("time", "t"))
        nodes[name] = replace(node, source={"slf": _Origin(line, _node_fields(node))})
    return list(nodes.values())


def _implied_nodes(draft: _Draft, lines: Sequence[_Line]) -> list[Node]:
    """The format lets one leave out nodes that have neither word nor time."""
    count = int(draft.header["NODES"][1])
    numbers = {_end(line, name) for line in lines for name in ("START", "END")}
    return [Node(str(number)) for number in sorted(numbers) if number < count]


def _end(line: _Line, name: str) -> int:
    value = line.value(name)
    if value is None:
        raise InvalidInput.field(line.place, f"a link must have {name[0]}=, the number of a node")
    return whole(value, line.place, name[0])


def _link(line: _Line, numbers: Mapping[str, int], base: _Base) -> Link:
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

    lm_field = _lm_field(line)
    link = Link(
        numbers[ends[0]],
        numbers[ends[1]],
        label,
        _word(label),
        am_score=score("acoustic", "a"),
        lm_score=score(lm_field, lm_field[0]),
        graph_score=score("pron", "r"),
        place=line.place,
    )
    return replace(link, source={"slf": _Origin(line, (*ends, *_link_fields(link)))})


def _lm_field(line: _Line) -> str:
    """`language`, but where only `ngram` came."""
    return "ngram" if line.raw("language") is None and line.raw("ngram") is not None else "language"


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


def _unquoted(raw: str) -> str:
    if len(raw) > 1 and raw[0] in "\"'" and raw[-1] == raw[0] and _VALUE.fullmatch(raw):
        raw = raw[1:-1]
    if "\\" not in raw:
        return raw
    # An octal number is a byte: of what encoding, no file says. UTF-8, as all else.
    found = _ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 255]) if match[1] else match[2], raw.encode())
    return found.decode(errors="replace")


def _quoted(label: str) -> str:
    """As HTK writes a word: what would end or begin a quotation gets a backslash, blanks become octal numbers."""
    if not label:
        return '""'
    text = label.replace("\\", "\\\\")
    for blank in BLANKS:
        text = text.replace(blank, f"\\{ord(blank):03o}")
    return f"\\{text}" if text[0] in "\"'" else text


def _node_fields(node: Node) -> tuple[object, ...]:
    return node.name, node.label, node.time


def _link_fields(link: Link) -> tuple[object, ...]:
    return link.label, link.am_score, link.lm_score, link.graph_score


def _text(lattice: Lattice) -> Iterator[str]:
    layout: _Layout | None = lattice.source.get("slf")
    base = layout.base if layout else _Base()
    plain = _without_costs_of_ending(lattice)
    nodes = [_node_text(node) for node in plain.nodes]
    links = [_link_text(plain, index, base) for index in range(len(plain.links))]
    if layout is not None and layout.implied_nodes and plain is lattice:
        nodes = []
    same_size = layout is not None and _counts(layout) == (len(nodes), len(links))
    if layout is not None and same_size and plain is lattice and not _unstated(layout.lines, lattice, base):
        yield from _as_it_came(lattice, layout, nodes, links)
        return
    yield from _header(plain, layout, base)
    yield from map(_ended, (*nodes, *links))


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _counts(layout: _Layout) -> tuple[int, int]:
    kinds = [line.kind for line in layout.lines]
    return kinds.count("node"), kinds.count("link")


def _as_it_came(lattice: Lattice, layout: _Layout, nodes: Sequence[str], links: Sequence[str]) -> Iterator[str]:
    """Comments and all lines where they were."""
    texts = {"node": iter(nodes), "link": iter(links)}
    for line in layout.lines:
        if line.kind in texts:
            yield next(texts[line.kind])
        else:
            yield _header_text(line, lattice, layout.base)


def _header(lattice: Lattice, layout: _Layout | None, base: _Base) -> Iterator[str]:
    lines = [] if layout is None else [line for line in layout.lines if line.kind == "header"]
    if not lines:
        lines = [_line("", "VERSION=1.1\n"), _line("", f"UTTERANCE={_quoted(lattice.utterance)}\n")]
    given = _header_values(lattice, base)
    had = {_long("header", name) for line in lines for _, name, _ in line.fields}
    wanted = _unstated(lines, lattice, base)
    size = next((index for index, line in enumerate(lines) if line.raw("NODES")), len(lines))
    yield from (_ended(_header_text(line, lattice, base)) for line in lines[:size])
    yield from (
        f"{name}={given[name]}\n" for name in (*wanted, *(name for name in ("start", "end") if name not in had))
    )
    if size == len(lines):
        yield f"N={given['NODES']}\tL={given['LINKS']}\n"
    yield from (_ended(_header_text(line, lattice, base)) for line in lines[size:])


def _unstated(lines: Sequence[_Line], lattice: Lattice, base: _Base) -> list[str]:
    """The weights that a header must state, since they aren't those of a header that states none, and doesn't."""
    had = {_long("header", name) for line in lines if line.kind == "header" for _, name, _ in line.fields}
    given = _header_values(lattice, base)
    ordinary = _header_values(replace(lattice, weights=UNCHANGED), base)
    return [name for name in given if name not in had and given[name] != ordinary[name]]


def _header_values(lattice: Lattice, base: _Base) -> dict[str, str]:
    weights = lattice.weights
    return {
        "NODES": str(len(lattice.nodes)),
        "LINKS": str(len(lattice.links)),
        "start": lattice.nodes[lattice.start].name,
        "end": lattice.nodes[next(iter(lattice.finals))].name,
        "acscale": formatted(weights.am_scale),
        "lmscale": formatted(weights.lm_weight),
        "wdpenalty": base.from_natural(weights.word_insertion_penalty),
        "prscale": formatted(weights.graph_scale),
    }


def _header_text(line: _Line, lattice: Lattice, base: _Base) -> str:
    """A line of the header, its numbers those of the lattice."""
    if line.kind != "header":
        return line.text
    changed: dict[str, str | None] = {}
    for name, value in _header_values(lattice, base).items():
        raw = line.raw(name)
        if raw is not None and not _same_number(_unquoted(raw), value):
            changed[name] = value
    return line.written(changed) if changed else line.text


def _same_number(text: str, value: str) -> bool:
    return math.isclose(float(text), float(value), rel_tol=1e-9, abs_tol=1e-12)


def _node_text(node: Node) -> str:
    origin: _Origin | None = node.source.get("slf")
    if origin is not None and origin.fields == _node_fields(node):
        return origin.line.text
    values: dict[str, str | None] = {"I": node.name}
    if origin is None or origin.fields[1:] != _node_fields(node)[1:]:
        values["time"] = None if node.time is None else formatted(node.time)
        values["WORD"] = None if node.label is None else _quoted(node.label)
    return (origin.line if origin else _line("", "I=0\n")).written(values)


def _link_text(lattice: Lattice, index: int, base: _Base) -> str:
    link = lattice.links[index]
    ends = lattice.nodes[link.start].name, lattice.nodes[link.end].name
    origin: _Origin | None = link.source.get("slf")
    if origin is not None and origin.fields == (*ends, *_link_fields(link)):
        return origin.line.text
    line = origin.line if origin else _line("", "J=0\n")
    came = origin.fields[2:] if origin else (None, None, None, None)
    values: dict[str, str | None] = {"J": str(index), "START": ends[0], "END": ends[1]}
    if link.label != came[0]:
        values["WORD"] = None if link.label is None else _quoted(link.label)
    scores = zip(("acoustic", _lm_field(line), "pron"), came[1:], _link_fields(link)[1:], strict=True)
    for name, before, score in scores:
        if score != before:
            values[name] = base.from_natural(score) if isinstance(score, float) else None
    if came[1:] != _link_fields(link)[1:]:
        values["p"] = None
    return line.written(values)


def _without_costs_of_ending(lattice: Lattice) -> Lattice:
    """The same with one final state that costs nothing: where there is more, links to a last node hold it."""
    free = all(not (final.am_score or final.lm_score or final.graph_score) for final in lattice.finals.values())
    if free and len(lattice.finals) == 1:
        return lattice
    taken = max(int(node.name) for node in lattice.nodes)
    on_nodes = any(node.label is not None for node in lattice.nodes)
    last = Node(str(taken + 1), label=NULL if on_nodes else None)
    links = [
        Link(
            node,
            len(lattice.nodes),
            None if on_nodes else NULL,
            None,
            final.am_score,
            final.lm_score,
            final.graph_score,
        )
        for node, final in sorted(lattice.finals.items())
    ]
    return replace(
        lattice,
        nodes=[*lattice.nodes, last],
        links=[*lattice.links, *links],
        finals={len(lattice.nodes): Final()},
    )
