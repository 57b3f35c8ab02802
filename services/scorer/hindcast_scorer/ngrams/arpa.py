r"""ARPA files, checked line by line as they arrive.

    \data\              the counts, then one section for each order, then \end\
    ngram 1=3           a line of a section: log10 of a probability, a tab, the words, and (but in the highest order)
    \1-grams:           a tab and log10 of the back-off weight, where there is one
    -1.5<tab>rain<tab>-0.3

Only what KenLM reads passes; what it says itself (a context that is missing) names a byte, not a line.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hindcast.errors import InvalidInput

MAX_LINE = 1 << 16
"""Bytes of one line."""
MAX_ORDER = 6
"""What KenLM is built for, if nothing else is said when it is."""
SENTENCE_MARKS = (b"<s>", b"</s>")
UNKNOWN = (b"<unk>", b"<UNK>")
_COUNT = re.compile(rb"ngram +([0-9]{1,2}) *= *([0-9]{1,15})")


@dataclass(frozen=True)
class NgramFacts:
    """What a file says of itself."""

    counts: tuple[int, ...]
    """N-grams of each order, from 1."""

    @property
    def order(self) -> int:
        """Words of its longest n-grams."""
        return len(self.counts)


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends. InvalidInput for one that is longer than any line of an ARPA file."""
    rest, number = b"", 0
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        number += len(whole)
        if len(rest) > MAX_LINE:
            raise InvalidInput.field(f"line {number + 1}", f"is longer than {MAX_LINE:,} bytes")
        yield from whole
    if rest:
        yield rest


def check_arpa(lines: Iterable[bytes]) -> NgramFacts:
    """What an ARPA file has. InvalidInput that names the first line that is wrong."""
    reader = _Lines(lines)
    counts = _counts(reader)
    vocabulary = _section(reader, counts, 1, frozenset())
    for mark in SENTENCE_MARKS:
        if mark not in vocabulary:
            raise reader.wrong(f"the 1-grams end without {mark.decode()}, which every sentence needs")
    for order in range(2, len(counts) + 1):
        _section(reader, counts, order, vocabulary)
    _end(reader)
    return NgramFacts(tuple(counts))


class _Lines:
    """Lines one by one; it knows the number of the last."""

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._lines = iter(lines)
        self._number = 0

    def next(self) -> bytes | None:
        """Without a carriage return; None after the last."""
        line = next(self._lines, None)
        self._number += 1
        return None if line is None else line.removesuffix(b"\r")

    def next_filled(self) -> bytes | None:
        """The next that isn't blank."""
        while (line := self.next()) is not None:
            if line.strip():
                return line
        return None

    def wrong(self, message: str) -> InvalidInput:
        """An error that names the last line read."""
        return InvalidInput.field(f"line {self._number}", message)

    def expected(self, what: str, line: bytes | None) -> InvalidInput:
        """The same, for another line than there should be."""
        return self.wrong(f"must be {what}, {'the file ends' if line is None else f'is {_shown(line)}'}")


def _counts(reader: _Lines) -> list[int]:
    line = reader.next_filled()
    while line is not None and line.startswith(b"#"):
        line = reader.next_filled()
    if line != b"\\data\\":
        raise reader.expected("\\data\\: this is neither an ARPA file nor a KenLM binary", line)
    counts: list[int] = []
    while (line := reader.next()) is not None and line.strip():
        found = _COUNT.fullmatch(line)
        if found is None or int(found[1]) != len(counts) + 1:
            raise reader.expected(f"a count like `ngram {len(counts) + 1}=1000`, or blank after the last", line)
        counts.append(int(found[2]))
    if not 2 <= len(counts) <= MAX_ORDER:
        raise reader.wrong(
            f"the counts before must be of 2 to {MAX_ORDER} orders, which KenLM reads; {len(counts)} are"
        )
    return counts


def _section(reader: _Lines, counts: list[int], order: int, vocabulary: frozenset[bytes]) -> frozenset[bytes]:
    """Read the n-grams of one order; those of order 1 come back."""
    header = reader.next_filled()
    if header != b"\\%d-grams:" % order:
        raise reader.expected(f"\\{order}-grams:", header)
    words = set[bytes]()
    for done in range(counts[order - 1]):
        line = reader.next()
        if line is None or not line.strip() or line.startswith(b"\\"):
            raise reader.wrong(f"the {order}-grams end after {done:,}, and the header says {counts[order - 1]:,}")
        ngram = _ngram(reader, line, order, highest=order == len(counts))
        if order == 1:
            _add(reader, words, ngram[0])
        elif not vocabulary.issuperset(ngram):
            unlisted = next(word for word in ngram if word not in vocabulary)
            raise reader.wrong(f"has {_shown(unlisted)}, which is not among the 1-grams")
    return frozenset(words)


def _ngram(reader: _Lines, line: bytes, order: int, *, highest: bool) -> list[bytes]:
    columns = line.split(b"\t")
    if len(columns) not in (2, 3):
        what = f"log10 of a probability, a tab and {order} word{'s' * (order > 1)}, then a tab and a back-off weight or"
        raise reader.expected(f"{what} neither", line)
    probability = _number(reader, columns[0], "probability")
    if probability > 0:
        raise reader.wrong(f"has {_shown(columns[0])} for log10 of a probability: it must be 0 or less")
    words = columns[1].split()
    if len(words) != order:
        raise reader.wrong(f"has {len(words)} words, {_shown(columns[1])}, among the {order}-grams")
    if len(columns) == 3 and _number(reader, columns[2], "back-off weight") != 0 and highest:
        raise reader.wrong(f"has the back-off weight {_shown(columns[2])}: n-grams of the highest order have none")
    return words


def _number(reader: _Lines, text: bytes, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise reader.wrong(f"has {_shown(text)} for log10 of a {what}: it must be a finite number")
    return number


def _add(reader: _Lines, words: set[bytes], word: bytes) -> None:
    if word in words:
        raise reader.wrong(f"has {_shown(word)} among the 1-grams a second time")
    try:
        word.decode()
    except UnicodeDecodeError as error:
        raise reader.wrong(f"is not UTF-8: {_shown(word)}") from error
    words.add(word)


def _end(reader: _Lines) -> None:
    if (line := reader.next_filled()) != b"\\end\\":
        raise reader.expected("\\end\\: there is more than the header says" if line else "\\end\\", line)
    if (line := reader.next_filled()) is not None:
        raise reader.expected("the end of the file, after \\end\\", line)


def _shown(line: bytes) -> str:
    """So much of it as helps."""
    text = line.decode(errors="replace")
    return repr(text if len(text) <= 60 else f"{text[:57]}…")
