"""What every file format of embedding tables offers.

Shapes: N words (rows), D the vectors' size.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable, Vectors

MAX_ROWS = 100_000_000
MAX_SIZE = 10_000
BATCH_ROWS = 1024


@dataclass(frozen=True)
class Rows:
    """Some rows of a file."""

    words: list[bytes]
    """As they stand in the file."""
    vectors: Vectors
    """[N, D], finite."""


@dataclass(frozen=True)
class Incoming:
    """A file that is being read."""

    size: int
    """D"""
    batches: Iterator[Rows]
    """All rows in order. Ends with InvalidInput (naming line or row) where the file is not what it says."""


class Format(Protocol):
    """One file format."""

    @property
    def name(self) -> str:
        """What `?format=` calls it."""

    @property
    def media_type(self) -> str:
        """The Content-Type of an export."""

    @property
    def suffix(self) -> str:
        """How the name of an exported file ends."""

    def read(self, file: BinaryIO, scratch: Path) -> Incoming:
        """Begin to read; `scratch` is a folder for what must lie on disk meanwhile. InvalidInput where the beginning
        already is wrong."""

    def write(self, table: EmbeddingTable) -> Iterator[bytes]:
        """The table as a file, piece by piece. InvalidInput before the first if the format can't hold it."""


def header_of(line: bytes) -> tuple[int, int]:
    """N and D from a word2vec file's first line, `<words> <size>`."""
    if not line:
        raise InvalidInput.field("body", "is empty")
    numbers = line.split()
    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        shown = line[:60].decode("utf-8", "replace").strip()
        raise InvalidInput.field("line 1", f"must be the number of words and the vectors' size, not {shown!r}")
    rows, size = (int(number) for number in numbers)
    if not 1 <= rows <= MAX_ROWS:
        raise InvalidInput.field("line 1", f"promises {rows} words: 1 to {MAX_ROWS} can be")
    if not 1 <= size <= MAX_SIZE:
        raise InvalidInput.field("line 1", f"promises vectors of size {size}: 1 to {MAX_SIZE} can be")
    return rows, size


def cut_short(read: int, promised: int) -> InvalidInput:
    """The file ended too early."""
    return InvalidInput.field("body", f"is cut short: {read} of {promised} rows came")


def check_no_blanks(words: Sequence[str], format: str) -> None:
    """InvalidInput where a word has a blank, in a format that can't tell it from what follows."""
    if (word := next((word for word in words if word.encode().split() != [word.encode()]), None)) is not None:
        raise InvalidInput.field("format", f"{format} can't hold words with blanks, such as {word!r}")


def first_not_finite(vectors_ND: Vectors) -> int | None:
    """The first row with a NaN or an infinity."""
    finite = np.isfinite(vectors_ND).all(axis=1)
    return None if finite.all() else int(np.argmin(finite))
