"""The n-gram models that are hosted: found in the registry, opened when first asked for, kept within a budget of
memory."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from hindcast.errors import Corrupt, FieldError, NotFound
from hindcast.intake import Intake
from hindcast.jobs.ports import Artifacts, Database
from hindcast.registry import Page, Resource
from hindcast.serving import Catalogue, Shelf
from hindcast_scorer.ngrams.kenlm_model import KenlmModel, kenlm
from hindcast_scorer.ngrams.upload import NgramFile, receive, sha256_of

FILE = "ngram"
"""What the file is called in its artifact."""
BYTES_PER_NGRAM = 24
"""What KenLM takes for an n-gram of an ARPA file: 16 bytes, in tables of which a third is empty."""


class NgramModels:
    """All n-gram models."""

    def __init__(
        self,
        database: Database,
        artifacts: Artifacts,
        *,
        scratch: Path,
        memory_bytes: int,
        load: Callable[[Path], KenlmModel] = KenlmModel,
    ) -> None:
        """`scratch` is a folder for uploads on their way, best on the artifacts' file system."""
        self._database = database
        self._artifacts = artifacts
        self._intake = Intake(database, artifacts, "ngram", scratch=scratch, called="n-gram model")
        self._load = load
        self._shelf = Shelf(self._opened, memory_bytes=memory_bytes, weigh=_memory_of)
        self._ngrams = Catalogue(database, "ngram", on_deleted=self._shelf.drop)

    def get(self, reference: str) -> Resource:
        """By id or name. NotFound; Unavailable while the database is away, unless it is known already."""
        return self._ngrams.get(reference)

    def open(self, reference: str, *, field: str) -> KenlmModel:
        """What scores, opened now or before. NotFound, which names the `field` of the request; NotInstalled, Corrupt,
        Unavailable."""
        kenlm()
        try:
            return self._shelf.get(self.get(reference))
        except NotFound as error:
            raise NotFound(f"{field}: {error.detail}", errors=[FieldError(field, error.detail)]) from error

    def list(self, page: Page, *, name: str | None) -> tuple[Sequence[Resource], str | None]:
        """Newest first, and the cursor of the next page."""
        with self._database.transaction() as transaction:
            return transaction.resources.list("ngram", page, name=name)

    def add(self, file: BinaryIO, *, name: str | None) -> Resource:
        """Take in an ARPA file or a KenLM binary. NotInstalled; NameTaken; InvalidInput that names the line. It is
        there whole or not at all."""
        kenlm()
        self._intake.check_free(name)
        with self._intake.folder() as folder:
            received = receive(file, folder / FILE)
            return self._intake.keep(self._intake.described(folder, name=name, facts=_facts(received)), folder)

    def delete(self, reference: str) -> None:
        """NotFound. Its file is discarded with it; who scores with it goes on undisturbed."""
        id = self._intake.delete(reference)
        self._ngrams.forget(id)
        self._shelf.drop(id)

    def _opened(self, ngram: Resource) -> KenlmModel:
        assert ngram.artifact is not None, "the catalogue only knows what is ready"
        file = self._artifacts.fetch(ngram.artifact) / FILE
        if sha256_of(file) != ngram.facts["sha256"]:  # KenLM would follow whatever numbers stand there
            raise Corrupt(f"N-gram model {ngram.id} can't be served: its file is not what was stored.")
        return self._load(file)


def _facts(received: NgramFile) -> dict[str, object]:
    facts = received.facts
    return {
        "order": facts.order,
        "words": facts.counts[0],
        "ngrams": list(facts.counts),
        "format": received.format,
        "has_unknown": received.has_unknown,
        "sha256": received.sha256,
    }


def _memory_of(ngram: Resource) -> int:
    """Bytes that it takes when it is open: a binary is mapped as it is, an ARPA file becomes hash tables."""
    if ngram.facts["format"] == "kenlm-binary":
        return ngram.size_bytes
    return BYTES_PER_NGRAM * (int(ngram.facts["words"]) + sum(map(int, ngram.facts["ngrams"])))
