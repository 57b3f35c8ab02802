"""word2vec's binary format: a line `<words> <size>`, then of each word its bytes, a blank and little-endian float32."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast_embedder.formats.base import BATCH_ROWS, Incoming, Rows, cut_short, first_not_finite, header_of

_MAX_WORD_BYTES = 1 << 16
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Word2VecBinary:
    """Rows may be parted by a line feed, as the original tool writes them, or follow each other at once."""

    name: str = "word2vec-binary"
    media_type: str = "application/octet-stream"
    suffix: str = ".bin"

    def read(self, file: BinaryIO, scratch: Path) -> Incoming:
        """See Format."""
        promised, size = header_of(file.readline(_MAX_WORD_BYTES))
        return Incoming(size, _batches(_Window(file), promised, size))

    def write(self, table: EmbeddingTable) -> Iterator[bytes]:
        """See Format. Words with blanks can't be told from their vectors."""
        if (word := next((word for word in table.words if " " in word), None)) is not None:
            raise InvalidInput.field("format", f"word2vec-binary can't hold words with blanks, such as {word!r}")
        yield b"%d %d\n" % table.vectors.shape
        for start in range(0, len(table), BATCH_ROWS):
            rows = np.asarray(table.vectors[start : start + BATCH_ROWS], dtype="<f4")
            words = table.words[start : start + BATCH_ROWS]
            yield b"".join(word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(words, rows, strict=True))


class _Window:
    """The part of a file between what was taken and what was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._bytes = b""
        self._position = 0

    def find(self, byte: bytes, within: int) -> int:
        """How far ahead `byte` is; -1 if it isn't among the next `within`."""
        while (found := self._bytes.find(byte, self._position, self._position + within)) < 0:
            if len(self._bytes) - self._position >= within or not self._read_on():
                return -1
        return found - self._position

    def take(self, length: int) -> bytes:
        """The next `length` bytes; fewer at the end of the file."""
        while len(self._bytes) - self._position < length and self._read_on():
            pass
        taken = self._bytes[self._position : self._position + length]
        self._position += len(taken)
        return taken

    def _read_on(self) -> bool:
        more = self._file.read(_READ_BYTES)
        self._bytes = self._bytes[self._position :] + more
        self._position = 0
        return bool(more)


def _batches(window: _Window, promised: int, size: int) -> Iterator[Rows]:
    for start in range(0, promised, BATCH_ROWS):
        words, rows = [], []
        for row in range(start, min(start + BATCH_ROWS, promised)):
            blank = window.find(b" ", _MAX_WORD_BYTES)
            if blank < 0 and len(window.take(_MAX_WORD_BYTES)) == _MAX_WORD_BYTES:
                raise InvalidInput.field(f"row {row + 1}", "has no blank between word and vector: is the size right?")
            word, vector = window.take(blank + 1), window.take(4 * size)
            if blank < 0 or len(vector) < 4 * size:
                raise cut_short(row, promised)
            words.append(word[:-1].lstrip(b"\n"))
            rows.append(vector)
        vectors = np.frombuffer(b"".join(rows), dtype="<f4").reshape(len(rows), size)
        if (bad := first_not_finite(vectors)) is not None:
            raise InvalidInput.field(f"row {start + bad + 1}", "has a number that is not finite")
        yield Rows(words, vectors)
    if window.take(_READ_BYTES).strip():
        raise InvalidInput.field("body", f"goes on after the {promised} rows that line 1 promises")
