import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import pytest
import torch
from fastapi.testclient import TestClient
from stand_in import StandIn
from starlette.types import ASGIApp

from hindcast.errors import Unavailable
from hindcast.lm.base import History
from hindcast.lm.bundle import Bundle
from hindcast.lm.lstm import LstmSpecification
from hindcast.registry import Resource
from hindcast.testing import MemoryDatabase, MemoryTransaction, now, temporary_artifacts
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.text.pipeline import PipelineName, pipeline
from hindcast.text.vocabulary import Vocabulary
from hindcast.web.app import make_app
from hindcast_scorer.api import routers
from hindcast_scorer.models import Models
from hindcast_scorer.ngram_models import NgramModels

WORDS = ["the", "rain", "fell", "schools", "closed", "hurricane", "relief", ".", "!", "Rain", "Schools", "The"]

MakeBundle = Callable[..., Bundle]


@pytest.fixture
def make_bundle() -> MakeBundle:
    """Builds models that know a dozen words and whose next word depends much on what was read."""

    def make(
        *,
        pipeline: PipelineName = "plain",
        history: History = "sentence",
        words: list[str] = WORDS,
        seed: int = 1,
        card: dict[str, object] | None = None,
    ) -> Bundle:
        vocabulary = Vocabulary.from_words(words)
        specification = LstmSpecification(vocabulary_size=len(vocabulary), input_size=6, hidden_size=8)
        model = specification.build(seed=seed)
        with torch.no_grad():
            model.output.weight.mul_(9)
            model.input.weight.mul_(3)
        return Bundle(specification, model, vocabulary, pipeline, history, card or {})

    return make


class Database(MemoryDatabase):
    """One that can be away."""

    away = False
    asked = 0

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        self.asked += 1
        if self.away:
            raise Unavailable("The database is away.")
        with super().transaction() as transaction:
            yield transaction


class Scorer:
    """The service over memory, and what others would do to its database and files."""

    def __init__(self, folder: Path, served: "Served", *, memory_bytes: int = 1 << 30) -> None:
        self.folder = folder
        self.time = 0.0
        self.database = Database()
        self.artifacts = temporary_artifacts(folder)
        self.models = Models(
            self.database,
            self.artifacts,
            scratch=folder / "scratch",
            memory_bytes=memory_bytes,
            clock=lambda: self.time,
        )
        self.ngrams = NgramModels(self.database, self.artifacts, scratch=folder / "ngrams", memory_bytes=memory_bytes)
        assert served.models.behind is None, "there is one application: one scorer at a time"
        self.app, self.http = served.app, served.http
        served.models.behind, served.ngrams.behind, served.database.behind = self.models, self.ngrams, self.database

    def add(self, bundle: Bundle, *, id: str = "lm_1", name: str | None = None) -> Resource:
        """A model as a job leaves it."""
        folder = self._folder(id)
        bundle.save(folder)
        return self._register(id, "model", name, folder, bundle.facts())

    def add_corpus(self, texts: list[str], *, pipeline_name: PipelineName, id: str = "cor_1") -> Resource:
        """A corpus as ingestion leaves it: a document for each text, a paragraph for each line."""
        folder = self._folder(id)
        with CorpusWriter(folder, pipeline=pipeline_name) as writer:
            for text in texts:
                paragraphs = pipeline(pipeline_name).paragraphs(text.removesuffix("\n").split("\n"))
                writer.add_document(paragraphs, split="train")
            statistics = writer.close()
        return self._register(id, "corpus", None, folder, statistics)

    def ask(self, path: str, **body: object) -> dict:
        """POST that must go well."""
        answer = self.http.post(path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, **body: object) -> tuple[int, list[str]]:
        """POST that must be refused: the status and the fields that are blamed."""
        answer = self.http.post(path, content=json.dumps(body), headers={"content-type": "application/json"})
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        return answer.status_code, [error["field"] for error in answer.json().get("errors", [])]

    def _folder(self, id: str) -> Path:
        folder = self.folder / "made" / id
        folder.mkdir(parents=True)
        return folder

    def _register(self, id, type, name, folder, facts) -> Resource:
        key = f"{type}/{id}/0"
        size = self.artifacts.put(folder, key)
        resource = Resource(id, type, name, key, facts, size, "job_1", now())
        with self.database.transaction() as transaction:
            transaction.resources.add(resource)
        return resource


class Served:
    """The application of every scorer here."""

    def __init__(self) -> None:
        self.models, self.ngrams, self.database = StandIn(), StandIn(), StandIn()
        self.app: ASGIApp = make_app(
            title="scorer",
            version="0",
            routers=routers(cast(Models, self.models), cast(NgramModels, self.ngrams), slots=1),
            readiness=lambda: self.database.ping(),
        )
        self.http = TestClient(self.app)


@pytest.fixture(scope="session")
def application() -> Iterator[Served]:
    served = Served()
    with served.http:
        yield served


@pytest.fixture
def served(application: Served) -> Iterator[Served]:
    """With nothing behind it yet, and nothing any more after the test."""
    yield application
    application.models.behind = application.ngrams.behind = application.database.behind = None


@pytest.fixture
def scorer(tmp_path: Path, served: Served) -> Scorer:
    """An empty scorer."""
    return Scorer(tmp_path, served)


@pytest.fixture
def cramped_scorer(tmp_path: Path, served: Served) -> Scorer:
    """An empty scorer with less memory than any model needs."""
    return Scorer(tmp_path, served, memory_bytes=10)
