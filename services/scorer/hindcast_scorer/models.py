"""The models that are served: found in the registry, opened when first asked for, kept within a budget of memory."""

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from hindcast.errors import Corrupt, FieldError, InvalidInput, NameTaken, NotFound, Unavailable
from hindcast.jobs.ports import Artifacts, Database
from hindcast.jobs.service import ARTIFACT_FOLDERS
from hindcast.lm.bundle import Bundle, pack, unpack
from hindcast.lm.lstm import LstmLanguageModel, LstmSpecification
from hindcast.lm.prefix_tree import ReadingPoint
from hindcast.lm.reading import Reader
from hindcast.lm.single_precision import SinglePrecisionModel
from hindcast.registry import Page, Resource, new_id
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
        self._scratch = scratch
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
        self._check_free(name)
        with self.workplace() as folder:
            bundle = _unpacked(file, folder)
            id = new_id("model")
            artifact = f"{ARTIFACT_FOLDERS['model']}/{id}/{secrets.token_hex(8)}"
            size_bytes = sum(stored.stat().st_size for stored in (folder / "bundle").iterdir())
            model = Resource(id, "model", name, artifact, bundle.facts(), size_bytes, None, datetime.now(UTC))
            _check_card(model)
            self._artifacts.put(folder / "bundle", artifact)
        try:
            with self._database.transaction() as transaction:
                transaction.resources.add(model)
        except Unavailable:
            raise  # it may have been committed all the same, and then the row needs its files
        except BaseException:
            self._artifacts.delete(artifact)
            raise
        return model

    def pack(self, model: Resource, folder: Path) -> Path:
        """All of it as one file in `folder`, which `add` takes anywhere."""
        file = folder / "bundle.zip"
        pack(self._folder(model), file)
        return file

    def delete(self, reference: str) -> None:
        """NotFound; InUse while a job needs it. Its files are discarded with it."""
        with self._database.transaction() as transaction:
            model = transaction.resources.get(reference, "model")
            transaction.resources.delete(model.id)
        self._models.forget(model.id)
        self._shelf.drop(model.id)

    def text(self, reference: CorpusReference, *, field: str) -> Text:
        """The stored text that a reference at `field` of a request means. InvalidInput, NotFound, Corrupt."""

        def open(corpus: str) -> Corpus:
            try:
                return Corpus.open(self._folder(self._corpora.get(corpus)))
            except NotFound as error:
                raise NotFound(f"{field}: {error.detail}", errors=[FieldError(field, error.detail)]) from error

        return Text.resolve(reference, open, field=field)

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """An empty folder that is gone afterwards."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._scratch) as folder:
            yield Path(folder)

    def _opened(self, model: Resource) -> ServedModel:
        try:
            return ServedModel(Bundle.open(self._folder(model)))
        except Corrupt as error:
            raise Corrupt(f"Model {model.id} can't be served: {error.detail}") from error

    def _folder(self, resource: Resource) -> Path:
        assert resource.artifact is not None, "the catalogue only knows what is ready"
        return self._artifacts.fetch(resource.artifact)

    def _check_free(self, name: str | None) -> None:
        """Nobody should send a large file to hear in the end that the name is taken."""
        if name is None:
            return
        with self._database.transaction() as transaction:
            try:
                first = transaction.resources.get(name, "model")
            except NotFound:
                return
        raise NameTaken(f"The name {name!r} belongs to model {first.id}.")


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
