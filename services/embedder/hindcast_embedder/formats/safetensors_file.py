"""A table as one safetensors file: the tensor `vectors` [N, D] and, in the metadata under `words`, a JSON list of N."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from safetensors import SafetensorError, safe_open

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast_embedder.formats.base import BATCH_ROWS, MAX_ROWS, MAX_SIZE, Incoming, Rows, first_not_finite

_NUMBERS = ("F16", "F32", "F64")
_MAX_HEADER_BYTES = 100_000_000  # safetensors' own limit


@dataclass(frozen=True)
class SafetensorsFile:
    """The vectors may be float16, float32 or float64; other tensors of the file are left aside."""

    name: str = "safetensors"
    media_type: str = "application/x-safetensors"
    suffix: str = ".safetensors"

    def read(self, file: BinaryIO, scratch: Path) -> Incoming:
        """See Format. The library reads files, not streams: the stream becomes one first."""
        path = scratch / "upload.safetensors"
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy, 1 << 20)
        if path.stat().st_size == 0:
            raise InvalidInput.field("body", "is empty")
        try:
            with safe_open(path, framework="np") as stored:
                metadata, tensors = stored.metadata() or {}, set(stored.keys())
                if "vectors" not in tensors:
                    raise InvalidInput.field("vectors", "is missing: the file must have a tensor of that name")
                vectors = stored.get_slice("vectors")
                shape, dtype = vectors.get_shape(), vectors.get_dtype()
        except SafetensorError as error:
            raise InvalidInput.field("body", f"is no whole safetensors file: {error}") from error
        _check(shape, dtype)
        return Incoming(shape[1], _batches(path, _words(metadata.get("words"), shape[0])))

    def write(self, table: EmbeddingTable) -> Iterator[bytes]:
        """See Format."""
        rows, size = table.vectors.shape
        header = json.dumps(
            {
                "__metadata__": {"words": json.dumps(table.words, ensure_ascii=False)},
                "vectors": {"dtype": "F32", "shape": [rows, size], "data_offsets": [0, 4 * rows * size]},
            },
            ensure_ascii=False,
        ).encode()
        header += b" " * (-len(header) % 8)
        if len(header) > _MAX_HEADER_BYTES:
            raise InvalidInput.field("format", "safetensors can't hold so many words: ask for word2vec-text")
        yield len(header).to_bytes(8, "little") + header
        for start in range(0, rows, BATCH_ROWS):
            yield np.asarray(table.vectors[start : start + BATCH_ROWS], dtype="<f4").tobytes()


def _check(shape: list[int], dtype: str) -> None:
    if dtype not in _NUMBERS:
        raise InvalidInput.field("vectors", f"are {dtype}: must be one of {', '.join(_NUMBERS)}")
    if len(shape) != 2 or not 1 <= shape[0] <= MAX_ROWS or not 1 <= shape[1] <= MAX_SIZE:
        raise InvalidInput.field(
            "vectors", f"have the shape {shape}: must be [words, size], at most {MAX_ROWS} and {MAX_SIZE}"
        )


def _words(metadata: str | None, rows: int) -> list[bytes]:
    try:
        words = json.loads(metadata or "null")
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise InvalidInput.field("words", "must be a JSON list of strings, in the file's metadata")
    if len(words) != rows:
        raise InvalidInput.field("words", f"has {len(words)} entries for {rows} vectors")
    return [word.encode("utf-8", "surrogatepass") for word in words]


def _batches(path: Path, words: list[bytes]) -> Iterator[Rows]:
    with safe_open(path, framework="np") as stored:
        vectors = stored.get_slice("vectors")
        for start in range(0, len(words), BATCH_ROWS):
            rows = np.asarray(vectors[start : min(start + BATCH_ROWS, len(words))], dtype=np.float32)
            if (bad := first_not_finite(rows)) is not None:
                raise InvalidInput.field(f"row {start + bad + 1}", "has a number that is not finite")
            yield Rows(words[start : start + BATCH_ROWS], rows)
