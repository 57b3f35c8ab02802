"""Writes an embedding table whose rows come bit by bit, such as an upload's: neither its vectors nor their number need
be known beforehand. What it writes, `EmbeddingTable.open` reads.

Shapes: N words (rows), D the vectors' size.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from hindcast.nn.embedding_table import FORMAT, Vectors

_HEADER_BYTES = 256  # kept free for a header that names N; blanks after its JSON are allowed


class TableWriter:
    """A context manager over an empty folder. Nothing that was written is a table before `finish`."""

    def __init__(self, folder: Path, *, size: int) -> None:
        self._folder = folder
        self._size = size
        self._rows = 0
        self._files = ExitStack()
        self._vectors = self._files.enter_context((folder / "vectors.safetensors").open("wb"))
        self._words = self._files.enter_context((folder / "words.json").open("w", encoding="utf-8"))
        self._vectors.write(b"\0" * _HEADER_BYTES)
        self._words.write("[")

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def __len__(self) -> int:
        return self._rows

    def append(self, words: Sequence[str], vectors_ND: Vectors) -> None:
        """Add a row for each word."""
        if vectors_ND.shape != (len(words), self._size):
            raise ValueError(f"{len(words)} words of size {self._size}, but vectors of shape {vectors_ND.shape}")
        for word in words:
            self._words.write((",\n" if self._rows else "") + json.dumps(word, ensure_ascii=False))
            self._rows += 1
        self._vectors.write(np.ascontiguousarray(vectors_ND, dtype="<f4").data)

    def finish(self, details: Mapping[str, Any]) -> None:
        """Make it a table."""
        self._words.write("]")
        data = {"dtype": "F32", "shape": [self._rows, self._size], "data_offsets": [0, 4 * self._rows * self._size]}
        header = json.dumps({"vectors": data}).encode().ljust(_HEADER_BYTES - 8)
        self._vectors.seek(0)
        self._vectors.write(len(header).to_bytes(8, "little") + header)
        facts = {"format": FORMAT, "words": self._rows, "size": self._size, "details": dict(details)}
        (self._folder / "table.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")
        self._files.close()
