"""The rows of a pre-trained table that a language model reads words by.

Shapes: V words of the model's vocabulary, D the vectors' size.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput
from hindcast.lm.lstm import LARGEST_SIZE
from hindcast.nn.embedding_table import Normalization
from hindcast.text.vocabulary import UNKNOWN_ID, Vocabulary
from hindcast_trainer.work import TableSource

MOST_FREQUENT = 20


@dataclass(frozen=True)
class InputTable:
    """A normalised row for each word of a vocabulary."""

    table: str
    """Its id."""
    normalization: Normalization
    vocabulary: Vocabulary
    rows_VD: npt.NDArray[np.float32]
    found_V: npt.NDArray[np.bool_]
    """Whether the table has the word; if not, its row is the fallback."""
    fallback: Literal["<unk>", "mean"]
    """What the words got that the table lacks: its row for `<unk>`, or the mean of all its rows if it has none."""

    @classmethod
    def look_up(cls, table: str, vocabulary: Vocabulary, normalization: Normalization, tables: TableSource) -> Self:
        """Fetch the rows. InvalidInput where they can't be read by a network."""
        rows = tables.rows(table, vocabulary.words, normalization)
        size = rows.vectors.shape[1]
        if size > LARGEST_SIZE:
            raise InvalidInput.field("input.table", f"has vectors of size {size}: at most {LARGEST_SIZE} can be read")
        has_unknown = bool(rows.found[UNKNOWN_ID])
        fallback_D = rows.vectors[UNKNOWN_ID] if has_unknown else rows.mean
        rows_VD = np.where(rows.found[:, None], rows.vectors, fallback_D)
        if not np.isfinite(rows_VD).all():
            raise InvalidInput.field("input.table", f"has values that are no numbers, normalised as {normalization}")
        return cls(table, normalization, vocabulary, rows_VD, rows.found, "<unk>" if has_unknown else "mean")

    @property
    def size(self) -> int:
        """D."""
        return int(self.rows_VD.shape[1])

    def coverage(self, counts: Mapping[str, int]) -> dict[str, Any]:
        """For the model's card: how many words the table lacks, and how often they occur in a text, of which `counts`
        are the words."""
        lacking = [self.vocabulary.words[id] for id in np.flatnonzero(~self.found_V).tolist()]
        lacking.sort(key=lambda word: -counts.get(word, 0))
        return {
            "id": self.table,
            "normalization": self.normalization,
            "types": len(self.vocabulary),
            "types_lacking": len(lacking),
            "tokens": sum(counts.values()),
            "tokens_lacking": sum(counts.get(word, 0) for word in lacking),
            "most_frequent_lacking": lacking[:MOST_FREQUENT],
            "fallback": self.fallback,
        }
