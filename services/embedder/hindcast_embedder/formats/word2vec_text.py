"""word2vec's text format: a line `<words> <size>`, then on each line a word and its numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from hindcast.nn.embedding_table import EmbeddingTable
from hindcast_embedder.formats.base import Incoming, check_no_blanks, header_of
from hindcast_embedder.formats.text_rows import MAX_WORD_BYTES, promised_batches, written


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
        promised, size = header_of(file.readline(MAX_WORD_BYTES))
        return Incoming(size, promised_batches(file, promised, size))

    def write(self, table: EmbeddingTable) -> Iterator[bytes]:
        """See Format. Numbers have the fewest digits that give the same float32 again. Words with blanks are read, but
        not written: gensim, like others, takes the second word for a number."""
        check_no_blanks(table.words, self.name)
        yield b"%d %d\n" % table.vectors.shape
        yield from written(table)
