"""fastText's `.vec`: a line `<words> <size>`, then on each line a word, its numbers and a blank at the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hindcast.nn.embedding_table import EmbeddingTable
from hindcast_embedder.formats.base import Incoming, check_no_blanks, header_of
from hindcast_embedder.formats.text_rows import MAX_WORD_BYTES, promised_batches, written


@dataclass(frozen=True)
class FastTextVec:
    """Read as word2vec's text. Written as fastText does it, whose own reader takes a blank for the end of the word."""

    name: str = "fasttext-vec"
    media_type: str = "text/plain; charset=utf-8"
    suffix: str = ".vec"

    def read(self, file: BinaryIO, scratch: Path) -> Incoming:
        """See Format."""
        promised, size = header_of(file.readline(MAX_WORD_BYTES))
        return Incoming(size, promised_batches(file, promised, size))

    def write(self, table: EmbeddingTable) -> Iterator[bytes]:
        """See Format. Words with blanks are refused."""
        check_no_blanks(table.words, self.name)
        yield b"%d %d\n" % table.vectors.shape
        yield from written(table, end=b" \n")
