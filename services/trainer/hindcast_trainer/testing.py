"""The trainer's neighbours in memory: shipped with the code and held to the same contract tests as the real ones."""

from collections.abc import Mapping, Sequence
from typing import get_args

import numpy as np

from hindcast.errors import InvalidInput, NotFound
from hindcast.nn.embedding_table import EmbeddingTable, Normalization, Normalizer
from hindcast_trainer.work import TableRows


class MemoryTables:
    """See hindcast_trainer.work.TableSource."""

    def __init__(self, tables: Mapping[str, EmbeddingTable]) -> None:
        """`tables` by the reference that they are asked for with."""
        self._tables = tables

    def rows(self, table: str, words: Sequence[str], normalization: str) -> TableRows:
        """See hindcast_trainer.work.TableSource."""
        if table not in self._tables:
            raise NotFound(f"There is no table {table!r}.")
        known: tuple[Normalization, ...] = get_args(Normalization)
        chosen = next((name for name in known if name == normalization), None)
        if chosen is None:
            raise InvalidInput.field("normalization", f"must be one of {', '.join(known)}")
        source = self._tables[table]
        normalizer = Normalizer.of(source.vectors, chosen)
        rows = [source.row(word) for word in words]
        vectors = np.zeros((len(words), source.size), dtype=np.float32)
        for place, row in enumerate(rows):
            if row is not None:
                vectors[place] = normalizer.apply(source.vectors[row])
        found = np.array([row is not None for row in rows], dtype=np.bool_)
        return TableRows(vectors=vectors, found=found, mean=normalizer.mean_row)
