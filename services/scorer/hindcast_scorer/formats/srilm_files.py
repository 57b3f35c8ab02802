"""What SRILM's three formats share: a file for each utterance, whose name is the utterance's id.

A body is one such file, or a tar archive of them, as they are or each gzipped; the answer is packed as the body was.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.archives import Member, members, opened, packed, safe_name, unzipped, zipped
from hindcast_scorer.formats.text_lines import Line, checked, in_order, lines, shown
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score

LN10 = math.log(10)
BYTELOG = 1024 / 10000.5
"""Natural logs in a bytelog, which is a log to the base 1.0001 divided by 1024; SRILM takes ln 1.0001 for 1/10000.5."""

Parse = Callable[[Iterator[Line]], Sequence[Hypothesis]]
Render = Callable[[Hypothesis, Score], str]

_SUFFIXES = (".nbest", ".nbest1", ".nbest2", ".txt", ".score")
_HEADER = "NBestList"


@dataclass(frozen=True)
class Origin:
    """Where a list came from."""

    member: str | None
    """Its file in the archive; None where the body was that file."""
    gzipped: bool
    """The body was."""


@dataclass(frozen=True)
class ScoredLine:
    """A line as it came, with the place of the number that rescoring changes."""

    text: str
    start: int
    end: int

    def with_number(self, characters: str) -> str:
        """The line with another number."""
        return self.text[: self.start] + characters + self.text[self.end :]


def read_files(format: str, body: BinaryIO, name: str, parse: Parse) -> Iterator[NBestList]:
    """The lists of a body in one of SRILM's formats; `parse` reads one file's lines."""
    return checked(_lists(format, body, name, parse))


def write_files(
    format: str, lists: Iterable[RescoredList], render: Render, *, header: str | None, sort: bool
) -> Iterator[bytes]:
    """The lists as they came: one file, or an archive. One list of another format becomes a file, several an archive.

    InvalidInput where several came in another format, and an id of theirs can't be the name of a file.
    """
    coming = iter(lists)
    begun = list(islice(coming, 2))
    if not begun:
        return

    def content(rescored: RescoredList) -> bytes:
        rows = [render(hypothesis, score) for hypothesis, score in in_order(rescored, sort=sort)]
        return "".join(row + "\n" for row in ([header] if header else []) + rows).encode()

    origin = _origin(format, begun[0])
    if len(begun) == 1 and origin.member is None:
        pieces = iter([content(begun[0])])
    else:
        pieces = packed(_member(format, rescored, content(rescored)) for rescored in chain(begun, coming))
    yield from zipped(pieces) if origin.gzipped else pieces


def without_header(file: Iterator[Line], header: str) -> Iterator[Line]:
    """The lines after the first. InvalidInput where that isn't the header."""
    first = next(file, None)
    if first is None:
        return
    if first.text.strip() != header:
        raise InvalidInput.field(first.place, f"must be the header {header}, not {shown(first.text)}")
    yield from file


def check_no_header(line: Line) -> None:
    """InvalidInput where a line is the header of another of the formats."""
    if line.text.startswith(_HEADER):
        raise InvalidInput.field(line.place, "is a header, which srilm-plain lacks: ask for srilm-nbest1 or -nbest2")


def spoken(words: Sequence[str]) -> str:
    """The words less the marks of a sentence's ends, which SRILM ignores there too."""
    start = 1 if words and words[0] == "<s>" else 0
    end = len(words) - (1 if len(words) > start and words[-1] == "</s>" else 0)
    return " ".join(words[start:end])


def _lists(format: str, body: BinaryIO, name: str, parse: Parse) -> Iterator[NBestList]:
    sent = opened(body)
    if not sent.archive:
        hypotheses = parse(lines(sent.file))
        if not hypotheses:
            raise InvalidInput.field("body", "is empty: there must be one hypothesis")
        yield NBestList(name, hypotheses, source={format: Origin(None, sent.gzipped)}, place="line 1")
        return
    for member in members(sent.file):
        plain = Member(member.name, unzipped(member)) if member.name.endswith(".gz") else member
        hypotheses = parse(lines(plain.file, member.name))
        source = {format: Origin(member.name, sent.gzipped)}
        yield NBestList(_id(member.name), hypotheses, source=source, place=f"{member.name} line 1")


def _id(member: str) -> str:
    """`lists/sw1.A.nbest.gz` holds the utterance `sw1.A`."""
    name = member.rpartition("/")[2].removesuffix(".gz")
    suffix = next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")
    return name.removesuffix(suffix)


def _origin(format: str, rescored: RescoredList) -> Origin:
    origin = rescored.list.source.get(format)
    return origin if isinstance(origin, Origin) else Origin(None, gzipped=False)


def _member(format: str, rescored: RescoredList, content: bytes) -> Member:
    name = _origin(format, rescored).member or f"{rescored.list.utterance}.nbest"
    if not safe_name(name) or _id(name) != rescored.list.utterance:
        raise InvalidInput.field(
            "format", f"{format} names files by ids: {shown(rescored.list.utterance)} can't be one"
        )
    return Member(name, b"".join(zipped([content])) if name.endswith(".gz") else content)
