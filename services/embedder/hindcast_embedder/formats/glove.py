"""GloVe's text format: on each line a word and its numbers. No header says how many there are."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast_embedder.formats.base import BATCH_ROWS, MAX_SIZE, Incoming, Rows, check_no_blanks
from hindcast_embedder.formats.text_rows import Row, longest_line, numbers, parsed, stacked, written

_LOOKED_AT = 128
"""Lines that tell the size."""


@dataclass(frozen=True)
class Glove:
    """The vectors' size is the number of columns, less the word's, that most of the first 128 lines have.

    So words may contain blanks, as `. . .` in the public glove.840B.300d: the last D columns are the vector. A word's
    last part must not be a decimal number, though (`area 51` may be, `area 0.51` not): that is a row that is too long.
    A file that was cut at the end of a line can't be told from a whole one.
    """

    name: str = "glove"
    media_type: str = "text/plain; charset=utf-8"
    suffix: str = ".txt"

    def read(self, file: BinaryIO, scratch: Path) -> Incoming:
        """See Format."""
        first = list(islice(_lines(file, longest_line(MAX_SIZE)), _LOOKED_AT))
        size = _size_of(first)
        return Incoming(size, _batches(chain(first, _lines(file, longest_line(size))), size))

    def write(self, table: EmbeddingTable) -> Iterator[bytes]:
        """See Format. A word with blanks is refused: most readers of GloVe's files stumble over it."""
        check_no_blanks(table.words, self.name)
        yield from written(table)


def _lines(file: BinaryIO, longest: int) -> Iterator[bytes]:
    return iter(lambda: file.readline(longest), b"")


def _size_of(lines: Sequence[bytes]) -> int:
    """What most lines have; of equally many the fewest, since blanks in words add columns."""
    columns = Counter(len(line.split()) - 1 for line in lines if line.strip())
    if not columns:
        raise InvalidInput.field("body", "is empty")
    size = max(columns, key=lambda found: (columns[found], -found))
    if not 1 <= size <= MAX_SIZE:
        raise InvalidInput.field("line 1", f"must be a word and its vector of 1 to {MAX_SIZE} numbers, has {size}")
    header = lines[0].split()
    if size > 1 and len(header) == 2 and all(number.isdigit() for number in header):
        raise InvalidInput.field("line 1", "is a header, which GloVe's files lack: ask for word2vec-text")
    return size


def _batches(lines: Iterator[bytes], size: int) -> Iterator[Rows]:
    rows: list[Row] = []
    begun = 1  # the line of the first of these rows
    for number, line in enumerate(lines, 1):
        if not line.strip():
            _check_over(lines, number)
            break
        rows.append(_row(line, number, size))
        if len(rows) == BATCH_ROWS:
            yield stacked(rows, first_line=begun)
            rows, begun = [], number + 1
    if rows:
        yield stacked(rows, first_line=begun)


def _check_over(lines: Iterator[bytes], number: int) -> None:
    """Blank lines may end a file, but not stand within it."""
    if any(line.strip() for line in lines):
        raise InvalidInput.field(f"line {number}", "is blank, but others follow")


def _row(line: bytes, number: int, size: int) -> Row:
    found = parsed(line, size)
    if found is None:
        raise InvalidInput.field(f"line {number}", f"must be a word and {size} numbers, as most of the first lines are")
    *before, last = found[0].split() or [b""]
    if before and b"." in last and numbers(last) is not None:
        raise InvalidInput.field(f"line {number}", f"has more than {size} numbers, as most of the first lines have")
    return found
