"""Vectors of words as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MEDIA_TYPE = "application/x-safetensors"


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of words, in the order asked."""

    words: Sequence[str]
    matrix: "NDArray[np.float32]"
    """[words, size]; rows of words that the table lacks are zeros."""
    found: "NDArray[np.bool_]"
    """[words]; whether the table has each."""
    mean: "NDArray[np.float32]"
    """[size]; the mean row of the whole table, normalised as the others are: what an unknown word may be given."""

    def __getitem__(self, word: str) -> "NDArray[np.float32]":
        """Of a word that was asked for. KeyError where the table lacks it."""
        if word not in self.words or not self.found[row := self.words.index(word)]:
            raise KeyError(word)
        vector: NDArray[np.float32] = self.matrix[row]
        return vector

    def __len__(self) -> int:
        return len(self.words)


def vectors_of(words: Sequence[str], tensors: bytes) -> Vectors:
    """From a safetensors file."""
    from safetensors.numpy import load  # numpy, for those alone who want vectors

    read = load(tensors)
    return Vectors(words, read["vectors"], read["found"].astype(bool), read["mean"])
