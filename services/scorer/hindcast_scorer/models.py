"""The models that are served: found in the registry, opened when first asked for, kept within a budget of memory."""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from hindcast.errors import Corrupt, FieldError, InvalidInput, NotFound
from hindcast.intake import Intake
from hindcast.jobs.ports import Artifacts, Database
from hindcast.lm.bundle import Bundle, pack, unpack
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.reading import Reader
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.registry import Page, Resource
from hindcast.serving import Catalogue, Shelf
from hindcast.text.corpus import Corpus, CorpusReference, Text
from hindcast.text.pipeline import PipelineName
from hindcast.web.validation import invalid_input
from hindcast_scorer.schemas import ModelCard

MEMORY_PER_STORED_BYTE = 2
"""Weights are stored in single precision and computed with in double."""


class ServedModel:
    """A model that is open. What quick scores need is made when they are first asked for."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.reader = Reader(bundle.model)
        """What comes before a word, in double precision."""
        self._making = threading.Lock()
        self._made: tuple[SinglePrecisionModel, ReadingPoint] | None = None

    @property
    def quick(self) -> SinglePrecisionModel:
        """The same model, several times as fast, in single precision."""
        return self._make()[0]

    @property
    def start(self) -> ReadingPoint:
        """Where `quick` begins a text."""
        return self._make()[1]

    def _make(self) -> tuple[SinglePrecisionModel, ReadingPoint]:
        with self._making:
            if self._made is None:
                assert isinstance(self.bundle.model, LstmLanguageModel)
                quick = SinglePrecisionModel(self.bundle.model)
                self._made = quick, ReadingPoint.start(quick)
            return self._made


class Models:
    """All models."""

    def __init__(
        self,
        database: Database,
        artifacts: Artifacts,
        *,
        scratch: Path,
        memory_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`scratch` is a folder for bundles on their way, best on the artifacts' file system."""
        self._database = database
        self._artifacts = artifacts
        self._intake = Intake(database, artifacts, "model", scratch=scratch)
        self._shelf = Shelf(self._opened, memory_bytes=memory_bytes, weigh=_memory_of)
        self._models = Catalogue(database, "model", clock=clock, on_deleted=self._shelf.drop)
        self._corpora = Catalogue(database, "corpus", clock=clock)

    def get(self, reference: str) -> Resource:
        """By id or name. NotFound; Unavailable while the database is away, unless it is known already."""
        return self._models.get(reference)

    def open(self, model: Resource) -> Bundle:
        """What it scores with, loaded now or before. Corrupt if its files aren't what was written; Unavailable."""
        return self._shelf.get(model).bundle

    def serve(self, model: Resource) -> ServedModel:
        """The same, with what quick scores need."""
        return self._shelf.get(model)

    def list(
        self, page: Page, *, pipeline: PipelineName | None, name: str | None
    ) -> tuple[Sequence[Resource], str | None]:
        """Newest first, and the cursor of the next page."""
        facts = {"pipeline": pipeline} if pipeline else None
        with self._database.transaction() as transaction:
            return transaction.resources.list("model", page, name=name, facts=facts)

    def add(self, file: BinaryIO, *, name: str | None) -> Resource:
        """Take in a packed bundle. NameTaken; InvalidInput that names the damaged file. It is there whole or not."""
        self._intake.check_free(name)
        with self._intake.folder() as folder:
            bundle = _unpacked(file, folder)
            model = self._intake.described(folder / "bundle", name=name, facts=bundle.facts())
            _check_card(model)
            return self._intake.keep(model, folder / "bundle")

    def pack(self, model: Resource, folder: Path) -> Path:
        """All of it as one file in `folder`, which `add` takes anywhere."""
        file = folder / "bundle.zip"
        pack(self._folder(model), file)
        return file

    def delete(self, reference: str) -> None:
        """NotFound; InUse while a job needs it. Its files are discarded with it."""
        id = self._intake.delete(reference)
        self._models.forget(id)
        self._shelf.drop(id)

    def text(self, reference: CorpusReference, *, field: str) -> Text:
        """The stored text that a reference at `field` of a request means. InvalidInput, NotFound, Corrupt."""

        def open(corpus: str) -> Corpus:
            try:
                return Corpus.open(self._folder(self._corpora.get(corpus)))
            except NotFound as error:
                raise NotFound(f"{field}: {error.detail}", errors=[FieldError(field, error.detail)]) from error

        return Text.resolve(reference, open, field=field)

    def workplace(self) -> AbstractContextManager[Path]:
        """An empty folder that is gone afterwards."""
        return self._intake.folder()

    def _opened(self, model: Resource) -> ServedModel:
        try:
            return ServedModel(Bundle.open(self._folder(model)))
        except Corrupt as error:
            raise Corrupt(f"Model {model.id} can't be served: {error.detail}") from error

    def _folder(self, resource: Resource) -> Path:
        assert resource.artifact is not None, "the catalogue only knows what is ready"
        return self._artifacts.fetch(resource.artifact)


def _memory_of(model: Resource) -> int:
    """Bytes that it takes when it is open, quick scores included."""
    specification = LstmSpecification.model_validate(model.facts["network"])
    return MEMORY_PER_STORED_BYTE * model.size_bytes + SinglePrecisionModel.bytes_of(specification)


def _unpacked(file: BinaryIO, folder: Path) -> Bundle:
    packed, target = folder / "packed", folder / "bundle"
    with packed.open("wb") as copy:
        shutil.copyfileobj(file, copy, 1 << 20)
    target.mkdir()
    try:
        return unpack(packed, target)
    except (Corrupt, InvalidInput) as error:
        raise InvalidInput.field("body", error.detail) from error


def _check_card(model: Resource) -> None:
    """What comes from elsewhere must be showable here."""
    try:
        ModelCard.of(model)
    except ValidationError as error:
        wrong = invalid_input(error.errors(), ModelCard.model_json_schema()).renamed(lambda field: f"card.{field}")
        raise InvalidInput.field("body", f"bundle.json: {wrong.detail}") from error
