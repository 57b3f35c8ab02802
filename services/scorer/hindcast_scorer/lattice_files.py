"""Lattices as they are sent: a file with one or several, or a tar archive of such files, gzipped or not.

In an archive the table of words may stand anywhere (Kaldi's `words.txt`); it goes back as it came.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.archives import Body, Member, members, opened, packed, unzipped, zipped
from hindcast_scorer.lattices.lattice import Lattice, LatticeFormat
from hindcast_scorer.lattices.word_graph import useful_nodes

Check = Callable[[Lattice], None]
"""InvalidInput, which names a line, for a lattice that can't be rescored as asked."""


def read_lattices(
    form: LatticeFormat, body: BinaryIO, *, utterance: str, check: Check = lambda lattice: None
) -> Iterator[Lattice]:
    """All of them, one in memory at a time. One that has no id has that of its file in the archive, or `utterance`.

    InvalidInput that names `line 17`, in an archive `member.slf line 17`: for what can't be read, for a lattice that no
    path leads through or that doesn't pass `check`, for an id that comes twice, and where there is no lattice.
    """
    form, sent = _opened(form, body)
    if not sent.archive:
        yield from _checked(form.read(sent.file), utterance, set(), check)
        return
    seen: set[str] = set()
    for member in members(sent.file):
        if _is_table(form, member):
            continue
        with _within(member.name):
            yield from _checked(form.read(_plain(member).file), _id(form, member.name), seen, check)
    if not seen:
        raise InvalidInput.field("body", "has no file: there must be one lattice")


def changed_lattices(
    form: LatticeFormat, body: BinaryIO, change: Callable[[Lattice], Lattice], *, utterance: str
) -> Iterator[bytes]:
    """What was sent with each lattice changed, packed as it was."""
    form, sent = _opened(form, body)

    def written(lattices: Iterable[Lattice], id: str) -> Iterator[bytes]:
        return form.write(map(change, _named(lattices, id)))

    def members_written() -> Iterator[Member]:
        for member in members(sent.file):
            if _is_table(form, member):
                yield member
                continue
            pieces = written(form.read(_plain(member).file), _id(form, member.name))
            yield Member(member.name, b"".join(zipped(pieces) if _is_zipped(member.name) else pieces))

    pieces = packed(members_written()) if sent.archive else written(form.read(sent.file), utterance)
    yield from zipped(pieces) if sent.gzipped else pieces


def _opened(form: LatticeFormat, body: BinaryIO) -> tuple[LatticeFormat, Body]:
    """What was sent, and its format, with the table that an archive has: it's looked for first."""
    sent = opened(body)
    if not sent.archive or form.table is None:
        return form, sent
    table: Member | None = None
    for member in members(sent.file):
        if _is_table(form, member):
            if table is not None:
                raise InvalidInput.field(member.name, f"there is {table.name} already: an archive may have one")
            table = member
            with _within(member.name):
                form = form.with_table(_plain(member).file)
    body.seek(0)
    return form, opened(body)


def _is_table(form: LatticeFormat, member: Member) -> bool:
    return form.table is not None and member.name.rpartition("/")[2].removesuffix(".gz") == form.table


def _checked(lattices: Iterable[Lattice], id: str, seen: set[str], check: Check) -> Iterator[Lattice]:
    before = len(seen)
    for lattice in _named(lattices, id):
        if lattice.utterance in seen:
            raise InvalidInput.field(
                lattice.place or "body",
                f"a lattice of utterance {lattice.utterance[:60]!r} was there before: ids must differ. Name them in "
                "the lattices, or send an archive of files named by utterances",
            )
        useful_nodes(lattice)
        check(lattice)
        seen.add(lattice.utterance)
        yield lattice
    if len(seen) == before:
        raise InvalidInput.field("body", "is empty: there must be one lattice")


def _named(lattices: Iterable[Lattice], id: str) -> Iterator[Lattice]:
    return (lattice if lattice.utterance else replace(lattice, utterance=id) for lattice in lattices)


def _id(form: LatticeFormat, member: str) -> str:
    """`lattices/sw1.A.slf.gz` holds the utterance `sw1.A`."""
    return member.rpartition("/")[2].removesuffix(".gz").removesuffix(form.suffix)


def _is_zipped(name: str) -> bool:
    return name.endswith(".gz")


def _plain(member: Member) -> Member:
    return Member(member.name, unzipped(member)) if _is_zipped(member.name) else member


@contextmanager
def _within(member: str) -> Iterator[None]:
    try:
        yield
    except InvalidInput as error:
        raise error.renamed(lambda field: _placed(field, member)) from error


def _placed(field: str, member: str) -> str:
    """Lines are lines of the archive's file; what names the file, or a query parameter, stays as it is."""
    if field == "body":
        return member
    return f"{member} {field}" if field.startswith("line ") or field == "lattice" else field
