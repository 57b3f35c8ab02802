"""word2vec's text format: a line `<words> <size>`, then on each line a word and its numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable, Vectors
from hindcast_embedder.formats.base import BATCH_ROWS, Incoming, Rows, cut_short, first_not_finite, header_of

_MAX_WORD_BYTES = 1 << 16
_MAX_NUMBER_BYTES = 64


@dataclass(frozen=True)
class Word2VecText:
    """Read as others write it: words may contain blanks (the last D columns are the vector), rows may end in blanks.

    Among others, `area 51` is such a word. Where every word of the first batch of rows ends in a number, though, the
    header's size is taken to be wrong and the file is refused.
    """

    name: str = "word2vec-text"
    media_type: str = "text/plain; charset=utf-8"
    suffix: str = ".txt"

    def read(self, file: BinaryIO, scratch: Path) -> Incoming:
        """See Format."""
        promised, size = header_of(file.readline(_MAX_WORD_BYTES))
        return Incoming(size, _batches(file, promised, size))

    def write(self, table: EmbeddingTable) -> Iterator[bytes]:
        """See Format. Numbers have the fewest digits that give the same float32 again."""
        yield b"%d %d\n" % table.vectors.shape
        for start in range(0, len(table), BATCH_ROWS):
            numbers = np.asarray(table.vectors[start : start + BATCH_ROWS]).astype("S").tolist()
            words = table.words[start : start + BATCH_ROWS]
            yield b"".join(
                word.encode() + b" " + b" ".join(row) + b"\n" for word, row in zip(words, numbers, strict=True)
            )


def _batches(file: BinaryIO, promised: int, size: int) -> Iterator[Rows]:
    longest_line = _MAX_WORD_BYTES + size * _MAX_NUMBER_BYTES
    for start in range(0, promised, BATCH_ROWS):
        rows = [
            _row(file.readline(longest_line), row, promised=promised, size=size)
            for row in range(start, min(start + BATCH_ROWS, promised))
        ]
        words = [word for word, _ in rows]
        if start == 0:
            _check_size(words, size)
        vectors = np.stack([vector for _, vector in rows])
        if (bad := first_not_finite(vectors)) is not None:
            raise InvalidInput.field(f"line {start + bad + 2}", "has a number that is not finite")
        yield Rows(words, vectors)
    line = promised + 2
    while rest := file.readline(longest_line):
        if rest.strip():
            raise InvalidInput.field(f"line {line}", f"is one too many: line 1 promises {promised} words")
        line += 1


def _check_size(words: Sequence[bytes], size: int) -> None:
    """Rows that are all too long would pass, their first numbers taken for the ends of their words."""
    if all(_numbers_after(word) for word in words):
        found = size + _numbers_after(words[0])
        raise InvalidInput.field("line 2", f"has {found} numbers where line 1 promises {size}")


def _numbers_after(word: bytes) -> int:
    """How many of the last parts of a word with blanks are numbers."""
    return sum(1 for _ in takewhile(lambda part: _numbers(part) is not None, reversed(word.split()[1:])))


def _row(line: bytes, row: int, *, promised: int, size: int) -> tuple[bytes, Vectors]:
    last = row == promised - 1
    parsed = _parsed(line, size)
    # A line without its end is the last there is: fine for the last row, else the file was cut within a number.
    if not line or (not line.endswith(b"\n") and (parsed is None or not last)):
        raise cut_short(row, promised)
    if parsed is None:
        raise InvalidInput.field(f"line {row + 2}", f"must be a word and {size} numbers")
    return parsed


def _parsed(line: bytes, size: int) -> tuple[bytes, Vectors] | None:
    word, _, numbers = line.rstrip().partition(b" ")
    vector = _numbers(numbers)
    if vector is None or len(vector) != size:
        # The word may contain blanks, or be followed by a tab or several blanks: count from the right.
        columns = line.rsplit(None, size)
        if len(columns) != size + 1:
            return None
        word, vector = columns[0], _numbers(b" ".join(columns[1:]))
    return (word, vector) if vector is not None and len(vector) == size else None


def _numbers(text: bytes) -> Vectors | None:
    if b"\0" in text:  # numpy would stop there and be content
        return None
    try:
        return np.fromstring(text, dtype=np.float32, sep=" ")
    except ValueError:
        return None
