"""Words with a vector each: what pre-training makes, the embedder serves and language models take as their input.

Shapes: N words (rows), D the vectors' size.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from hindcast.errors import Corrupt

Vectors = npt.NDArray[np.float32]

Normalization = Literal["none", "unit", "mean_variance", "standardize"]
"""`unit`: each row has length 1. `mean_variance`: (x - mean) / variance of each dimension, as the paper's section 4
prints it. `standardize`: (x - mean) / deviation of each dimension."""

TableKind = Literal["import", "word2vec", "lsa", "bilstm_lm", "bilstm_domain", "concatenation"]
"""Where a table comes from: a file, or a job of that kind. Its facts say so under `kind`."""

FORMAT = 1
_CHUNK_ROWS = 8192
_ROUNDING = 1e-12


@dataclass(frozen=True)
class EmbeddingTable:
    """A row of `vectors` for each of `words`."""

    words: tuple[str, ...]
    vectors: Vectors
    """[N, D], float32; may be mapped from a file."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """How it was made, as JSON: kind, pipeline, lineage."""

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.words) != self.vectors.shape[0]:
            raise ValueError(f"{len(self.words)} words, but vectors of shape {self.vectors.shape}")

    def __len__(self) -> int:
        return len(self.words)

    @property
    def size(self) -> int:
        """D, the length of a vector."""
        return int(self.vectors.shape[1])

    @property
    def facts(self) -> Mapping[str, Any]:
        """What its readers are told, as JSON: how many `words` of which `size`, and `details`."""
        return {**self.details, "words": len(self), "size": self.size, "dtype": "float32"}

    @cached_property
    def _rows(self) -> Mapping[str, int]:
        return {word: row for row, word in reversed(list(enumerate(self.words)))}  # the first of equal words counts

    def row(self, word: str) -> int | None:
        """The word's row, None if it has none."""
        return self._rows.get(word)

    def save(self, folder: Path) -> None:
        """Write table.json, words.json and vectors.safetensors into an existing folder."""
        facts = {"format": FORMAT, "words": len(self), "size": self.size, "details": dict(self.details)}
        (folder / "words.json").write_text(json.dumps(self.words, ensure_ascii=False), encoding="utf-8")
        save_file({"vectors": np.ascontiguousarray(self.vectors, dtype=np.float32)}, folder / "vectors.safetensors")
        (folder / "table.json").write_text(json.dumps(facts, ensure_ascii=False), encoding="utf-8")

    @classmethod
    def open(cls, folder: Path) -> "EmbeddingTable":
        """Map a saved table; its vectors are read from disk as they are used. Corrupt if it is not one."""
        try:
            facts = json.loads((folder / "table.json").read_text(encoding="utf-8"))
            words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
            vectors = _map_vectors(folder / "vectors.safetensors")
            if facts["format"] != FORMAT or (len(words), facts["size"]) != vectors.shape:
                raise Corrupt(f"{folder.name}: {len(words)} words do not fit vectors of shape {vectors.shape}")
        except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
            raise Corrupt(f"{folder.name} is not an embedding table: {error}") from error
        return cls(words=tuple(words), vectors=vectors, details=facts["details"])


def _map_vectors(path: Path) -> Vectors:
    """The tensor `vectors` of a safetensors file, mapped: numpy's reader of safetensors copies."""
    with safe_open(path, framework="np") as stored:  # checks header and length
        shape, dtype = stored.get_slice("vectors").get_shape(), stored.get_slice("vectors").get_dtype()
    if dtype != "F32" or len(shape) != 2:
        raise Corrupt(f"{path.name}: vectors must be a matrix of float32, not {dtype} {shape}")
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        begin, end = json.loads(file.read(length))["vectors"]["data_offsets"]
    if begin == end:
        return np.empty(shape, dtype=np.float32)
    return np.memmap(path, dtype="<f4", mode="r", offset=8 + length + begin, shape=tuple(shape))


@dataclass(frozen=True)
class Normalizer:
    """How the rows of one table are normalised, with the statistics of all its rows."""

    normalization: Normalization
    shift_D: npt.NDArray[np.float64]
    scale_D: npt.NDArray[np.float64]
    mean_row: Vectors
    """[D]: the mean over all rows after normalising."""

    @classmethod
    def of(cls, vectors: Vectors, normalization: Normalization) -> "Normalizer":
        """Take the statistics over all rows, in float64 and a few thousand rows at a time."""
        mean_D, variance_D = _mean_and_variance(vectors)
        shift_D, scale_D = np.zeros_like(mean_D), np.ones_like(mean_D)
        if normalization in ("mean_variance", "standardize"):
            divisor_D = variance_D if normalization == "mean_variance" else np.sqrt(variance_D)
            # A dimension that never varies (but for what rounding makes of its mean) says nothing: it becomes 0.
            varies_D = variance_D > np.square(_ROUNDING * mean_D)
            shift_D, scale_D = mean_D, np.divide(1.0, divisor_D, out=np.zeros_like(mean_D), where=varies_D)
        normalizer = cls(normalization, shift_D, scale_D, np.empty(0, dtype=np.float32))
        sums = (normalizer.apply(chunk).sum(axis=0, dtype=np.float64) for chunk in _chunks(vectors))
        mean_row = sum(sums, np.zeros_like(mean_D)) / max(1, len(vectors))
        return cls(normalization, shift_D, scale_D, mean_row.astype(np.float32))

    def apply(self, rows: Vectors) -> Vectors:
        """Normalise rows [..., D] of the table. A row of zeros stays one under `unit`."""
        if self.normalization == "none":
            return np.asarray(rows, dtype=np.float32)
        exact = np.asarray(rows, dtype=np.float64)
        if self.normalization == "unit":
            length = np.linalg.norm(exact, axis=-1, keepdims=True)
            normalised = np.divide(exact, length, out=np.zeros_like(exact), where=length > 0)
        else:
            normalised = (exact - self.shift_D) * self.scale_D
        return np.asarray(normalised, dtype=np.float32)


def _chunks(vectors: Vectors) -> Iterator[Vectors]:
    return (vectors[start : start + _CHUNK_ROWS] for start in range(0, len(vectors), _CHUNK_ROWS))


def _mean_and_variance(vectors: Vectors) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Mean and (population) variance of each dimension, in two passes: one would lose digits."""
    rows = max(1, len(vectors))
    zero_D = np.zeros(vectors.shape[1])
    mean_D = sum((chunk.sum(axis=0, dtype=np.float64) for chunk in _chunks(vectors)), zero_D) / rows
    squares = (np.square(chunk - mean_D).sum(axis=0) for chunk in _chunks(vectors))
    return mean_D, sum(squares, zero_D) / rows
