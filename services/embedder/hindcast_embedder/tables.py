"""The tables that are hosted: found in the registry, mapped when first asked for, kept within a budget of memory."""

import json
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from hindcast.errors import InvalidInput
from hindcast.intake import Intake
from hindcast.jobs.ports import Artifacts, Database
from hindcast.nn.embedding_table import EmbeddingTable, Normalization, Normalizer, TableKind, Vectors
from hindcast.registry import Page, Resource
from hindcast.serving import Catalogue, Shelf
from hindcast.text.corpus import Corpus
from hindcast.text.vocabulary import Vocabulary
from hindcast_embedder.formats import FormatName
from hindcast_embedder.imports import import_table
from hindcast_embedder.neighbors import lengths, nearest


class OpenTable:
    """A mapped table and what is computed once from all its rows, when it is first needed."""

    def __init__(self, table: EmbeddingTable) -> None:
        self.table = table
        self._lock = threading.Lock()
        self._normalizers: dict[Normalization, Normalizer] = {}

    @cached_property
    def lengths(self) -> Vectors:
        """[N]: the length of each row."""
        return lengths(self.table.vectors)

    def normalizer(self, normalization: Normalization) -> Normalizer:
        """With the statistics of all rows."""
        with self._lock:
            if normalization not in self._normalizers:
                self._normalizers[normalization] = Normalizer.of(self.table.vectors, normalization)
            return self._normalizers[normalization]

    def rows(self, words: Sequence[str], normalization: Normalization) -> tuple[Vectors, npt.NDArray[np.bool_]]:
        """The normalised rows of `words` [words, D], zeros where there is none, and whether there is one [words]."""
        rows = np.array([-1 if (row := self.table.row(word)) is None else row for word in words], dtype=np.int64)
        found = rows >= 0
        vectors = np.zeros((len(words), self.table.size), dtype=np.float32)
        vectors[found] = self.normalizer(normalization).apply(self.table.vectors[rows[found]])
        return vectors, found

    def rows_of(self, fields: Mapping[str, str]) -> Sequence[int]:
        """The rows of words, given by the fields of the request that name them; InvalidInput that names the first
        whose word is not there."""
        rows = []
        for field, word in fields.items():
            row = self.table.row(word)
            if row is None:
                raise InvalidInput.field(field, f"{word!r} is not in the table")
            rows.append(row)
        return rows

    def nearest(self, direction: Vectors, *, k: int, leave_out: Collection[int]) -> Sequence[tuple[str, float]]:
        """The `k` words nearest to a direction [D] with their cosines, without the rows to `leave_out`."""
        found = nearest(self.table.vectors, self.lengths, direction, k=k, leave_out=leave_out)
        return [(self.table.words[row], cosine) for row, cosine in found]


class Tables:
    """All tables."""

    def __init__(self, database: Database, artifacts: Artifacts, *, scratch: Path, memory_bytes: int) -> None:
        """`scratch` is a folder for uploads on their way, best on the artifacts' file system."""
        self._database = database
        self._artifacts = artifacts
        self._intake = Intake(database, artifacts, "table", scratch=scratch)
        self._shelf = Shelf(self._opened, memory_bytes=memory_bytes)
        self._tables = Catalogue(database, "table", on_deleted=self._shelf.drop)
        self._models = Catalogue(database, "model")
        self._corpora = Catalogue(database, "corpus")

    def get(self, reference: str) -> Resource:
        """By id or name. NotFound; Unavailable while the database is away, unless it is known already."""
        return self._tables.get(reference)

    def open(self, reference: str) -> OpenTable:
        """Map it, or go on with it as mapped before. NotFound, Unavailable, Corrupt."""
        return self._shelf.get(self.get(reference))

    def list(self, page: Page, *, kind: TableKind | None, name: str | None) -> tuple[Sequence[Resource], str | None]:
        """Newest first, and the cursor of the next page."""
        facts = {"kind": kind} if kind else None
        with self._database.transaction() as transaction:
            return transaction.resources.list("table", page, name=name, facts=facts)

    def add(self, file: BinaryIO, *, format: FormatName, name: str | None) -> Resource:
        """Take in a file. NameTaken; InvalidInput that names the line or row. It is there whole or not at all."""
        self._intake.check_free(name)
        with self._intake.folder() as folder:
            imported = import_table(file, format, folder)
            facts: Mapping[str, Any] = {"kind": "import", "source": format, "dtype": "float32", **asdict(imported)}
            return self._intake.keep(self._intake.described(folder, name=name, facts=facts), folder)

    def delete(self, reference: str) -> None:
        """NotFound; InUse while a job needs it. Its files are discarded with it."""
        id = self._intake.delete(reference)
        self._tables.forget(id)
        self._shelf.drop(id)

    def vocabulary(self, model: str) -> Sequence[str]:
        """The words of a language model, most frequent first. NotFound, Unavailable."""
        artifact = self._models.get(model).artifact
        assert artifact is not None
        stored = (self._artifacts.fetch(artifact) / "vocabulary.json").read_text(encoding="utf-8")
        return Vocabulary.from_json(json.loads(stored)).words

    def corpus(self, reference: str) -> Corpus:
        """A corpus, by id or name. NotFound, also while it is still being made; Unavailable, Corrupt."""
        artifact = self._corpora.get(reference).artifact
        assert artifact is not None
        return Corpus.open(self._artifacts.fetch(artifact))

    def _opened(self, resource: Resource) -> OpenTable:
        assert resource.artifact is not None
        return OpenTable(EmbeddingTable.open(self._artifacts.fetch(resource.artifact)))
