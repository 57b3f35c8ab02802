"""The trainer's neighbours in memory: shipped with the code and held to the same contract tests as the real ones."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

import numpy as np

from hindcast.errors import InvalidInput, NotFound
from hindcast.nn.embedding_table import EmbeddingTable, Normalization, Normalizer
from hindcast.progress import Progress
from hindcast.registry import Resource, ResourceType
from hindcast_trainer.work import TableRows, TableSource

Result = TypeVar("Result")


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


@dataclass
class LocalWork:
    """See hindcast_trainer.work.Work: an attempt at a job in this process."""

    scratch: Path
    """An empty folder."""
    tables: TableSource = field(default_factory=lambda: MemoryTables({}))
    checkpoint: Path | None = None
    threads: int = 1
    device: str = "cpu"
    heard: Callable[[Progress], None] = lambda progress: None
    """Told of every progress; what it raises ends the work."""
    logged: list[str] = field(default_factory=list)
    _resources: dict[str, Resource] = field(default_factory=dict)
    _folders: dict[str, Path] = field(default_factory=dict)

    def add(self, id: str, type: ResourceType, folder: Path, facts: Mapping[str, Any] | None = None) -> None:
        """Let the job refer to what lies in `folder`."""
        self._resources[id] = Resource(id, type, f"{id} by name", id, facts or {}, 0, None, datetime.now(UTC))
        self._folders[id] = folder

    def resource(self, id: str) -> Resource:
        """See hindcast_trainer.work.Work."""
        if id not in self._resources:
            raise NotFound(f"There is no {id}.")
        return self._resources[id]

    def folder(self, id: str) -> Path:
        """See hindcast_trainer.work.Work."""
        self.resource(id)
        return self._folders[id]

    def upload(self, key: str) -> Path:
        """See hindcast_trainer.work.Work."""
        return self.folder(key)

    def log(self, message: str) -> None:
        """See hindcast_trainer.work.Work."""
        self.logged.append(message)

    def run(self, steps: Generator[Progress, None, Result]) -> Result:
        """See hindcast_trainer.work.Work."""
        while True:
            try:
                self.heard(next(steps))
            except StopIteration as end:
                return cast(Result, end.value)
