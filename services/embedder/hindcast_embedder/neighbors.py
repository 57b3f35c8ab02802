"""The words nearest to a vector by cosine: exact, over every row.

Shapes: N words (rows), D the vectors' size.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from hindcast.nn.embedding_table import Vectors

_CHUNK_ROWS = 16_384  # of a mapped table are in memory at a time, with what they are multiplied by


def lengths(vectors_ND: Vectors) -> Vectors:
    """[N]: the length of each row."""
    chunks = [
        np.linalg.norm(np.asarray(vectors_ND[start : start + _CHUNK_ROWS], dtype=np.float64), axis=1)
        for start in range(0, len(vectors_ND), _CHUNK_ROWS)
    ]
    return np.concatenate([*chunks, np.empty(0)]).astype(np.float32)


def unit(vectors: npt.NDArray[np.floating[Any]]) -> Vectors:
    """Vectors [..., D] scaled to length 1; zeros stay zeros. Squares of what a vector may hold can be too large or too
    small for any precision: it is first scaled by its largest number."""
    exact = np.asarray(vectors, dtype=np.float64)
    largest = np.abs(exact).max(axis=-1, keepdims=True)
    exact = np.divide(exact, largest, out=np.zeros_like(exact), where=largest > 0)
    length = np.linalg.norm(exact, axis=-1, keepdims=True)
    scaled: Vectors = np.divide(exact, length, out=np.zeros_like(exact), where=length > 0).astype(np.float32)
    return scaled


def nearest(
    vectors_ND: Vectors, lengths_N: Vectors, direction_D: Vectors, *, k: int, leave_out: Collection[int] = ()
) -> list[tuple[int, float]]:
    """The `k` rows most similar to `direction_D` with their cosines, most similar first, equal ones in the table's
    order. Rows to `leave_out` and rows of zeros, which have no direction, are not among them."""
    cosines_N = np.empty(len(vectors_ND), dtype=np.float32)
    unit_D = unit(direction_D)
    for start in range(0, len(vectors_ND), _CHUNK_ROWS):
        cosines_N[start : start + _CHUNK_ROWS] = vectors_ND[start : start + _CHUNK_ROWS] @ unit_D
    possible_N: npt.NDArray[np.bool_] = lengths_N > 0
    np.divide(cosines_N, lengths_N, out=cosines_N, where=possible_N)
    possible_N[list(leave_out)] = False
    cosines_N[~possible_N] = -np.inf
    k = min(k, int(possible_N.sum()))
    if k == 0:
        return []
    # All rows that may be among the first k, ties with the last of them included; then those in order.
    threshold = np.partition(cosines_N, len(cosines_N) - k)[len(cosines_N) - k]
    candidates = np.flatnonzero(cosines_N >= threshold)
    order = candidates[np.argsort(-cosines_N[candidates], kind="stable")][:k]
    return [(int(row), float(np.clip(cosines_N[row], -1.0, 1.0))) for row in order]
