"""Tables side by side: the row of a word is its rows in several tables, one after the other.

Shapes: N words of all tables together, C of one chunk, P parts, D the size of one of them.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, StringConstraints, ValidationInfo, field_validator

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable, Normalization, Normalizer, Vectors
from hindcast.nn.table_writer import TableWriter
from hindcast.progress import Progress
from hindcast.text.pipeline import UNKNOWN
from hindcast_trainer.pretraining.base import LARGEST_SIZE, TableSpecBase
from hindcast_trainer.references import Reference
from hindcast_trainer.work import Produced, Work

CHUNK_ROWS = 8192
TableName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Concatenation(TableSpecBase):
    """Put tables side by side. A word has a row if any of them has it; where a table lacks a word, that part is the
    table's row for `<unk>`, or the mean of all its rows if it has none."""

    kind: Literal["concatenation"] = "concatenation"
    objective: ClassVar[str] = "concatenation"

    tables: Annotated[tuple[TableName, ...], Field(min_length=2, max_length=8)]
    """Ids or names, in the order of the parts."""
    normalization: Normalization | tuple[Normalization, ...] = "unit"
    """Of each part, before they are put together, with the statistics of all rows of its table: one for all parts, or a
    list with one for each."""

    @field_validator("normalization")
    @classmethod
    def _one_for_each(
        cls, normalization: Normalization | tuple[Normalization, ...], info: ValidationInfo
    ) -> Normalization | tuple[Normalization, ...]:
        tables = info.data.get("tables", ())
        if not isinstance(normalization, str) and tables and len(normalization) != len(tables):
            raise ValueError(f"must be one for all tables, or a list of one for each of the {len(tables)}")
        return normalization

    @property
    def normalizations(self) -> Sequence[Normalization]:
        """One for each table."""
        return (self.normalization,) * len(self.tables) if isinstance(self.normalization, str) else self.normalization

    def references(self) -> Sequence[Reference]:
        """The tables."""
        return tuple(Reference(f"tables.{place}", ("table",), id) for place, id in enumerate(self.tables))

    def run(self, work: Work) -> Produced:
        """Put them together. InvalidInput where the rows would be too long, or have values that are no numbers."""
        tables = [EmbeddingTable.open(work.folder(id)) for id in self.tables]
        size = sum(table.size for table in tables)
        if size > LARGEST_SIZE:
            raise InvalidInput.field("tables", f"have {size} dimensions together: at most {LARGEST_SIZE} can be read")
        folder = work.scratch / "table"
        folder.mkdir()
        facts = work.run(concatenate(self, tables, folder))
        for warning in facts["warnings"]:
            work.log(warning)
        return Produced(folder, facts=facts)


@dataclass(frozen=True)
class Part:
    """One of the tables, normalised."""

    id: str
    table: EmbeddingTable
    normalizer: Normalizer
    fallback_D: Vectors
    """The row of the words that it lacks."""

    @classmethod
    def of(cls, id: str, table: EmbeddingTable, normalization: Normalization) -> Self:
        """Take the statistics of all its rows."""
        normalizer = Normalizer.of(table.vectors, normalization)
        unknown = table.row(UNKNOWN)
        fallback_D = normalizer.mean_row if unknown is None else normalizer.apply(table.vectors[unknown])
        return cls(id, table, normalizer, fallback_D)

    def rows(self, words: Sequence[str]) -> tuple[Vectors, npt.NDArray[np.bool_]]:
        """[C, D] the rows of these words, and [C] which of them the table has."""
        rows_C = np.array([-1 if (row := self.table.row(word)) is None else row for word in words], dtype=np.int64)
        found_C = rows_C >= 0
        vectors_CD = np.empty((len(words), self.table.size), dtype=np.float32)
        vectors_CD[found_C] = self.normalizer.apply(self.table.vectors[rows_C[found_C]])
        vectors_CD[~found_C] = self.fallback_D
        return vectors_CD, found_C

    def facts(self, lacking: int) -> Mapping[str, Any]:
        """What readers of the whole are told of it."""
        return {
            "table": self.id,
            "words": len(self.table),
            "size": self.table.size,
            "normalization": self.normalizer.normalization,
            "pipeline": self.table.details.get("pipeline"),
            "filled": lacking,
            "fallback": "mean" if self.table.row(UNKNOWN) is None else UNKNOWN,
        }


def concatenate(
    spec: Concatenation, tables: Sequence[EmbeddingTable], folder: Path
) -> Generator[Progress, None, Mapping[str, Any]]:
    """Write the table, some rows at a time, into an empty folder. What its readers are told."""
    words = list(dict.fromkeys(word for table in tables for word in table.words))
    parts = [Part.of(*each) for each in zip(spec.tables, tables, spec.normalizations, strict=True)]
    size = sum(table.size for table in tables)
    lacking_P = np.zeros(len(parts), dtype=np.int64)
    with TableWriter(folder, size=size) as writer:
        for start in range(0, len(words), CHUNK_ROWS):
            chunk = words[start : start + CHUNK_ROWS]
            vectors, found = zip(*(part.rows(chunk) for part in parts), strict=True)
            rows_CS = np.concatenate(vectors, axis=1)
            if not np.isfinite(rows_CS).all():
                raise InvalidInput.field("tables", "have values that are no numbers, normalised so")
            writer.append(chunk, rows_CS)
            lacking_P += [int((~found_C).sum()) for found_C in found]
            yield Progress(done=start + len(chunk), total=len(words), unit="words", message="putting rows together")
        details = _details(spec, [part.facts(lacking) for part, lacking in zip(parts, lacking_P.tolist(), strict=True)])
        writer.finish(details)
    return {**details, "words": len(words), "size": size, "dtype": "float32"}


def _details(spec: Concatenation, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    known = {part["table"]: part["pipeline"] for part in parts if part["pipeline"] is not None}
    pipelines = set(known.values())
    warnings = []
    if len(pipelines) > 1:
        told = ", ".join(f"{table}: {pipeline}" for table, pipeline in known.items())
        warnings = [f"The tables were made from text of different pipelines, which read different words ({told})."]
    return {
        "kind": spec.kind,
        "objective": spec.objective,
        "unit": None,
        "pipeline": pipelines.pop() if len(pipelines) == 1 else None,
        "warnings": warnings,
        "parts": list(parts),
        "repeatable": True,
        "lineage": {"tables": list(spec.tables)},
        "spec": spec.model_dump(mode="json"),
    }
