"""From a lattice to an SLF file: as it came where nothing changed."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from hindcast_scorer.lattices.lattice import UNCHANGED, Final, Lattice, Link, Node
from hindcast_scorer.lattices.lines import formatted
from hindcast_scorer.lattices.slf_fields import (
    Base,
    Layout,
    Origin,
    SlfLine,
    link_fields,
    lm_field,
    long_name,
    node_fields,
    parsed,
    quoted,
    unquoted,
)

NULL = "!NULL"


def text_of(lattice: Lattice) -> Iterator[str]:
    """The lines of a lattice, as they came where nothing changed."""
    layout: Layout | None = lattice.source.get("slf")
    base = layout.base if layout else Base()
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


def _counts(layout: Layout) -> tuple[int, int]:
    kinds = [line.kind for line in layout.lines]
    return kinds.count("node"), kinds.count("link")


def _as_it_came(lattice: Lattice, layout: Layout, nodes: Sequence[str], links: Sequence[str]) -> Iterator[str]:
    """Comments and all lines where they were."""
    texts = {"node": iter(nodes), "link": iter(links)}
    for line in layout.lines:
        if line.kind in texts:
            yield next(texts[line.kind])
        else:
            yield _header_text(line, lattice, layout.base)


def _header(lattice: Lattice, layout: Layout | None, base: Base) -> Iterator[str]:
    lines = [] if layout is None else [line for line in layout.lines if line.kind == "header"]
    if not lines:
        lines = [parsed("", "VERSION=1.1\n"), parsed("", f"UTTERANCE={quoted(lattice.utterance)}\n")]
    given = _header_values(lattice, base)
    had = {long_name("header", name) for line in lines for _, name, _ in line.fields}
    wanted = _unstated(lines, lattice, base)
    size = next((index for index, line in enumerate(lines) if line.raw("NODES")), len(lines))
    yield from (_ended(_header_text(line, lattice, base)) for line in lines[:size])
    yield from (
        f"{name}={given[name]}\n" for name in (*wanted, *(name for name in ("start", "end") if name not in had))
    )
    if size == len(lines):
        yield f"N={given['NODES']}\tL={given['LINKS']}\n"
    yield from (_ended(_header_text(line, lattice, base)) for line in lines[size:])


def _unstated(lines: Sequence[SlfLine], lattice: Lattice, base: Base) -> list[str]:
    """The weights that a header must state, since they aren't those of a header that states none, and doesn't."""
    had = {long_name("header", name) for line in lines if line.kind == "header" for _, name, _ in line.fields}
    given = _header_values(lattice, base)
    ordinary = _header_values(replace(lattice, weights=UNCHANGED), base)
    return [name for name in given if name not in had and given[name] != ordinary[name]]


def _header_values(lattice: Lattice, base: Base) -> dict[str, str]:
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


def _header_text(line: SlfLine, lattice: Lattice, base: Base) -> str:
    """A line of the header, its numbers those of the lattice."""
    if line.kind != "header":
        return line.text
    changed: dict[str, str | None] = {}
    for name, value in _header_values(lattice, base).items():
        raw = line.raw(name)
        if raw is not None and not _same_number(unquoted(raw), value):
            changed[name] = value
    return line.written(changed) if changed else line.text


def _same_number(text: str, value: str) -> bool:
    return math.isclose(float(text), float(value), rel_tol=1e-9, abs_tol=1e-12)


def _node_text(node: Node) -> str:
    origin: Origin | None = node.source.get("slf")
    if origin is not None and origin.fields == node_fields(node):
        return origin.line.text
    values: dict[str, str | None] = {"I": node.name}
    if origin is None or origin.fields[1:] != node_fields(node)[1:]:
        values["time"] = None if node.time is None else formatted(node.time)
        values["WORD"] = None if node.label is None else quoted(node.label)
    return (origin.line if origin else parsed("", "I=0\n")).written(values)


def _link_text(lattice: Lattice, index: int, base: Base) -> str:
    link = lattice.links[index]
    ends = lattice.nodes[link.start].name, lattice.nodes[link.end].name
    origin: Origin | None = link.source.get("slf")
    if origin is not None and origin.fields == (*ends, *link_fields(link)):
        return origin.line.text
    line = origin.line if origin else parsed("", "J=0\n")
    came = origin.fields[2:] if origin else (None, None, None, None)
    values: dict[str, str | None] = {"J": str(index), "START": ends[0], "END": ends[1]}
    if link.label != came[0]:
        values["WORD"] = None if link.label is None else quoted(link.label)
    scores = zip(("acoustic", lm_field(line), "pron"), came[1:], link_fields(link)[1:], strict=True)
    for name, before, score in scores:
        if score != before:
            values[name] = base.from_natural(score) if isinstance(score, float) else None
    if came[1:] != link_fields(link)[1:]:
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
            am_score=final.am_score,
            lm_score=final.lm_score,
            graph_score=final.graph_score,
        )
        for node, final in sorted(lattice.finals.items())
    ]
    return replace(
        lattice,
        nodes=[*lattice.nodes, last],
        links=[*lattice.links, *links],
        finals={len(lattice.nodes): Final()},
    )
