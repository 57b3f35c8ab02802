"""The lines of HTK's standard lattice format: fields, quotation marks, bases of scores."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hindcast.errors import InvalidInput
from hindcast_scorer.lattices.lattice import Link, Node
from hindcast_scorer.lattices.lines import BLANKS, formatted, number, shortened

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


@dataclass(frozen=True)
class SlfLine:
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
        return None if raw is None else unquoted(raw)

    def raw(self, name: str) -> str | None:
        """Of the field with a long name, as it came."""
        return next((raw for _, short, raw in self.fields if long_name(self.kind, short) == name), None)

    def number(self, name: str, label: str) -> float | None:
        """A field that is a number; `label` is its short name."""
        value = self.value(name)
        return None if value is None else number(value, self.place, label)

    def written(self, values: Mapping[str, str | None]) -> str:
        """The same line with other values by long names; None leaves a field out, new ones come last."""
        left = dict(values)
        parts: list[str] = []
        for blanks, name, raw in self.fields:
            value = left.pop(long_name(self.kind, name), raw)
            if value is not None:
                parts.append(f"{blanks}{name}={value}")
        short = {long: short for short, long in _ALIASES[self.kind].items()}
        blanks = self.fields[-1][0] or "\t" if self.fields else ""
        parts += [f"{blanks}{short.get(name, name)}={value}" for name, value in left.items() if value is not None]
        end = "\r\n" if self.text.endswith("\r\n") else "\n"
        return "".join(parts) + end


@dataclass(frozen=True)
class Origin:
    """What a node or link was read from, and what was read: while they are equal, it is written as it came."""

    line: SlfLine
    fields: tuple[object, ...]


@dataclass(frozen=True)
class Base:
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
class Layout:
    """All that a lattice's file says beside nodes and links, and the order of its lines."""

    lines: Sequence[SlfLine]
    base: Base
    implied_nodes: bool
    """Whether nodes are only known from links."""


def parsed(place: str, text: str) -> SlfLine:
    """A line's fields. InvalidInput, naming the place, where it has something else."""
    stripped = text.strip(BLANKS)
    if not stripped or stripped.startswith("#") or stripped == ".":
        return SlfLine(place, text, "comment", ())
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
    return SlfLine(place, text, kind, fields)


def long_name(kind: str, name: str) -> str:
    """Of a field that stands there by its short one."""
    return _ALIASES[kind].get(name, name)


def lm_field(line: SlfLine) -> str:
    """`language`, but where only `ngram` came."""
    return "ngram" if line.raw("language") is None and line.raw("ngram") is not None else "language"


def unquoted(raw: str) -> str:
    """A value without its quotation marks and backslashes."""
    if len(raw) > 1 and raw[0] in "\"'" and raw[-1] == raw[0] and _VALUE.fullmatch(raw):
        raw = raw[1:-1]
    if "\\" not in raw:
        return raw
    # An octal number is a byte: of what encoding, no file says. UTF-8, as all else.
    found = _ESCAPE.sub(lambda match: bytes([int(match[1], 8) & 255]) if match[1] else match[2], raw.encode())
    return found.decode(errors="replace")


def quoted(label: str) -> str:
    """As HTK writes a word: what would end or begin a quotation gets a backslash, blanks become octal numbers."""
    if not label:
        return '""'
    text = label.replace("\\", "\\\\")
    for blank in BLANKS:
        text = text.replace(blank, f"\\{ord(blank):03o}")
    return f"\\{text}" if text[0] in "\"'" else text


def node_fields(node: Node) -> tuple[object, ...]:
    """By which a node is told to be as it came."""
    return node.name, node.label, node.time


def link_fields(link: Link) -> tuple[object, ...]:
    """By which a link, beside its ends, is told to be as it came."""
    return link.label, link.am_score, link.lm_score, link.graph_score
