"""Lines and numbers of text formats, and the checks that all lists go through."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, NamedTuple

from hindcast.errors import InvalidInput
from hindcast_scorer.rescoring.lists import Hypothesis, NBestList, RescoredList, Score, without_am_score

MAX_LINE_BYTES = 1 << 24
"""At which a line is taken to be none: a list of 2,000 hypotheses as JSON has about a megabyte."""
MAX_SCORE = 1e30
"""Beyond it no log-probability lies, and sums would leave the range of a float."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class Line(NamedTuple):
    """One line."""

    place: str
    """For messages: `line 17`, in an archive `member.txt line 17`."""
    text: str
    """Without what ends it."""


def lines(file: BinaryIO, member: str = "") -> Iterator[Line]:
    """All lines of a UTF-8 file that aren't blank, numbered from 1. InvalidInput where one isn't UTF-8 text."""
    before = f"{member} line" if member else "line"
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        place = f"{before} {number}"
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            raise InvalidInput.field(place, f"is longer than {MAX_LINE_BYTES} bytes")
        if number == 1:
            check_not_gzip(line, member)
            line = line.removeprefix(_BOM)  # Windows' editors begin files with it
        if not line.isspace() and line:
            yield Line(place, decoded(line, place).rstrip("\r\n"))


def check_not_gzip(content: bytes, member: str = "") -> None:
    """InvalidInput where a file is gzip that nobody unpacks."""
    if content.startswith(_GZIP):
        right = "unpack it in the archive" if member else "send the header Content-Encoding: gzip with it"
        raise InvalidInput.field(member or "body", f"is a gzip file, not text: {right}")


def decoded(content: bytes, place: str) -> str:
    """As UTF-8. InvalidInput where it isn't, or isn't text."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput.field(place, f"must be UTF-8, isn't from its byte {error.start + 1} on") from error
    if "\0" in text:
        raise InvalidInput.field(place, "must be text, has a byte 0: binary archives must be written as text first")
    return text


def number(text: str, place: str, what: str) -> float:
    """A finite decimal number. InvalidInput where `text` is none: `what` says what stands there."""
    if not _NUMBER.fullmatch(text):
        raise InvalidInput.field(place, f"{what} must be a finite number, not {shown(text)}")
    return checked_number(float(text), place, what)


def checked_number(value: float, place: str, what: str) -> float:
    """The number, if it can be a score. InvalidInput otherwise."""
    if not math.isfinite(value) or abs(value) > MAX_SCORE:
        raise InvalidInput.field(place, f"{what} must be a finite number of {MAX_SCORE:g} at most, not {value:g}")
    return value


def digits(value: float) -> str:
    """As few digits as give the same float64 again, and no minus before a zero."""
    return repr(value + 0.0)


def shown(text: str) -> str:
    """For messages: quoted, and not too long."""
    return repr(text if len(text) <= 60 else text[:60] + "…")


def split_key(line: str) -> tuple[str, str]:
    """A line's first word, which is an id, and what follows it. Only blanks and tabs part them."""
    key, *rest = re.split(r"[ \t]+", line.strip(" \t"), maxsplit=1)
    return key, rest[0] if rest else ""


def one_line(text: str) -> str:
    """Words parted by single blanks, as formats of one line for each hypothesis need them."""
    return " ".join(text.split())


def checked(lists: Iterable[NBestList]) -> Iterator[NBestList]:
    """The lists. InvalidInput where one has no hypothesis, or an acoustic score for some of them alone; where an id is
    missing or comes twice, or there is no list."""
    seen: set[str] = set()
    for read in lists:
        if not read.utterance:
            raise InvalidInput.field(read.place, "the utterance's id is empty")
        if read.utterance in seen:
            raise InvalidInput.field(
                read.place,
                f"the utterance {shown(read.utterance)} was there before: ids must differ, and all hypotheses of an "
                "utterance be in one list",
            )
        if not read.hypotheses:
            raise InvalidInput.field(read.place, f"{shown(read.utterance)} has no hypotheses: there must be one")
        if (index := without_am_score(read.hypotheses)) is not None:
            raise InvalidInput.field(
                read.hypotheses[index].place or read.place,
                f"hypothesis {index + 1} of {shown(read.utterance)} has no acoustic score, and others have",
            )
        seen.add(read.utterance)
        yield read
    if not seen:
        raise InvalidInput.field("body", "is empty: there must be one list")


def in_order(rescored: RescoredList, *, sort: bool) -> Sequence[tuple[Hypothesis, Score]]:
    """The hypotheses with their scores as they are to be written."""
    pairs = list(zip(rescored.list.hypotheses, rescored.scores, strict=True))
    return [pairs[index] for index in rescored.order] if sort else pairs
