"""Rows of text, which several formats share: a word, then its numbers, parted by blanks.

Words may contain blanks, for the last D columns are the vector; rows may end in blanks.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import BinaryIO

import numpy as np

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable, Vectors
from hindcast_embedder.formats.base import BATCH_ROWS, Rows, first_not_finite

MAX_WORD_BYTES = 1 << 16
_MAX_NUMBER_BYTES = 64

Row = tuple[bytes, Vectors]
"""A word as it stands in the file, and its vector [D]."""


def longest_line(size: int) -> int:
    """Bytes at which a line is taken to be none."""
    return MAX_WORD_BYTES + size * _MAX_NUMBER_BYTES


def parsed(line: bytes, size: int) -> Row | None:
    """A row; None where the line is not a word and `size` numbers."""
    word, _, columns = line.rstrip().partition(b" ")
    vector = numbers(columns)
    if vector is None or len(vector) != size:
        # The word may contain blanks, or be followed by a tab or several blanks: count from the right.
        parts = line.rsplit(None, size)
        if len(parts) != size + 1:
            return None
        word, vector = parts[0], numbers(b" ".join(parts[1:]))
    return (word, vector) if vector is not None and len(vector) == size else None


def numbers(text: bytes) -> Vectors | None:
    """Numbers that are parted by blanks; None where one is none."""
    if b"\0" in text:  # numpy would stop there and be content
        return None
    try:
        return np.fromstring(text, dtype=np.float32, sep=" ")
    except ValueError:
        return None


def stacked(rows: Sequence[Row], *, first_line: int) -> Rows:
    """Rows that stand from `first_line` on. InvalidInput, naming the line, where a number is not finite."""
    vectors = np.stack([vector for _, vector in rows])
    if (bad := first_not_finite(vectors)) is not None:
        raise InvalidInput.field(f"line {first_line + bad}", "has a number that is not finite")
    return Rows([word for word, _ in rows], vectors)


def promised_batches(file: BinaryIO, promised: int, size: int) -> Iterator[Rows]:
    """What follows a header: exactly `promised` rows, the first of them on line 2."""
    longest = longest_line(size)
    for start in range(0, promised, BATCH_ROWS):
        rows = [
            _promised_row(file.readline(longest), row, promised=promised, size=size)
            for row in range(start, min(start + BATCH_ROWS, promised))
        ]
        if start == 0:
            _check_size([word for word, _ in rows], size)
        yield stacked(rows, first_line=start + 2)
    line = promised + 2
    while rest := file.readline(longest):
        if rest.strip():
            raise InvalidInput.field(f"line {line}", f"is one too many: line 1 promises {promised} words")
        line += 1


def _promised_row(line: bytes, row: int, *, promised: int, size: int) -> Row:
    last = row == promised - 1
    found = parsed(line, size)
    # A line without its end is the last there is: fine for the last row, else the file was cut within a number.
    if not line or (not line.endswith(b"\n") and (found is None or not last)):
        raise InvalidInput.field(f"line {row + 2}", f"is cut short or missing: {row} of {promised} rows came")
    if found is None:
        raise InvalidInput.field(f"line {row + 2}", f"must be a word and {size} numbers")
    return found


def _check_size(words: Sequence[bytes], size: int) -> None:
    """Rows that are all too long would pass, their first numbers taken for the ends of their words."""
    if all(_numbers_after(word) for word in words):
        found = size + _numbers_after(words[0])
        raise InvalidInput.field("line 2", f"has {found} numbers where line 1 promises {size}")


def _numbers_after(word: bytes) -> int:
    """How many of the last parts of a word with blanks are numbers."""
    return sum(1 for _ in takewhile(lambda part: numbers(part) is not None, reversed(word.split()[1:])))


def written(table: EmbeddingTable, *, end: bytes = b"\n") -> Iterator[bytes]:
    """A table's rows, each closed by `end`. Numbers have the fewest digits that give the same float32 again."""
    for start in range(0, len(table), BATCH_ROWS):
        columns = np.asarray(table.vectors[start : start + BATCH_ROWS]).astype("S").tolist()
        words = table.words[start : start + BATCH_ROWS]
        yield b"".join(word.encode() + b" " + b" ".join(row) + end for word, row in zip(words, columns, strict=True))
