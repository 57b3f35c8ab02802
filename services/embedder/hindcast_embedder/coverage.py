"""How many of somebody's words a table has."""

from collections.abc import Mapping
from dataclasses import dataclass

from hindcast.nn.embedding_table import EmbeddingTable


@dataclass(frozen=True)
class Coverage:
    """Counts of distinct words (types) and of their occurrences (tokens)."""

    types: int
    found: int
    tokens: int
    found_tokens: int
    missing: list[str]
    """The first of those that the table lacks."""


def coverage(table: EmbeddingTable, counts: Mapping[str, int], *, show: int) -> Coverage:
    """How much of `counts` (word -> occurrences) is in the table; at most `show` of `missing`, in the order given."""
    missing = [word for word in counts if table.row(word) is None]
    tokens = sum(counts.values())
    return Coverage(
        types=len(counts),
        found=len(counts) - len(missing),
        tokens=tokens,
        found_tokens=tokens - sum(counts[word] for word in missing),
        missing=missing[:show],
    )
