from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from stand_in import StandIn

from hindcast.jobs import service
from hindcast.jobs.job import Job
from hindcast.jobs.ports import Artifacts, Database, Queue
from hindcast.testing import MemoryDatabase, MemoryQueue, temporary_artifacts
from hindcast.web.app import make_app
from hindcast_trainer.api import router


@pytest.fixture
def database() -> MemoryDatabase:
    return MemoryDatabase()


@pytest.fixture
def queue() -> MemoryQueue:
    return MemoryQueue()


@pytest.fixture(scope="session")
def shared() -> Iterator[tuple[TestClient, StandIn, StandIn, StandIn]]:
    """The trainer over a database, a queue and artifacts that `client` puts in."""
    parts = (StandIn(), StandIn(), StandIn())
    with serving(*parts) as client:
        yield client, *parts


@pytest.fixture
def client(
    shared: tuple[TestClient, StandIn, StandIn, StandIn], database: MemoryDatabase, queue: MemoryQueue, tmp_path: Path
) -> Iterator[TestClient]:
    client, *parts = shared
    for part, behind in zip(parts, (database, queue, temporary_artifacts(tmp_path)), strict=True):
        part.behind = behind
    yield client
    for part in parts:
        part.behind = None


@contextmanager
def serving(database: Database, queue: Queue, artifacts: Artifacts) -> Iterator[TestClient]:
    routers = [router(database, queue, artifacts)]
    with TestClient(make_app(title="T", version="1", routers=routers, readiness=lambda: database.ping())) as client:
        yield client


@pytest.fixture
def corpus(client: TestClient) -> Mapping[str, Any]:
    """An upload that no worker has read yet."""
    return upload(client)


def upload(client: TestClient) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = client.post("/v1/corpora?format=text&name=news", content="A storm .\n").json()
    return answer


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client that many tests share, for requests that are refused and leave nothing: there is the upload `news`."""
    artifacts = temporary_artifacts(tmp_path_factory.mktemp("refusing"))
    with serving(MemoryDatabase(), MemoryQueue(), artifacts) as client:
        upload(client)
        yield client


@pytest.fixture(scope="module")
def readable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client that many tests share, for requests that are refused: there are the corpora `news` (plain, with train
    and valid text), `more` (plain, train), `calls` (asr, train) and `later`, which nobody has read yet."""
    database = MemoryDatabase()
    artifacts = temporary_artifacts(tmp_path_factory.mktemp("readable"))
    with serving(database, MemoryQueue(), artifacts) as client:
        for name, pipeline, splits in (
            ("news", "plain", ("train", "valid")),
            ("more", "plain", ("train",)),
            ("calls", "asr", ("train",)),
        ):
            job = client.post(f"/v1/corpora?format=text&name={name}", content="A storm .\n").json()["job"]
            counts = {split: {"tokens": 3} for split in splits}
            facts = {"pipeline": pipeline, "splits": {**counts, "test": {"tokens": 0}}}
            with database.transaction() as transaction:
                service.claim(transaction, job, lease_seconds=60)
                service.finish(transaction, job, 1, made=service.Made("corpora/1", 9, facts))
        client.post("/v1/corpora?format=text&name=later&pipeline=asr", content="A storm .\n")
        yield client


@pytest.fixture
def run(database: MemoryDatabase) -> Callable[..., Job]:
    """Has a job succeed, or fail with a problem."""

    def run(id: str, *, problem: Mapping[str, Any] | None = None, **made: Any) -> Job:
        with database.transaction() as transaction:
            claimed = service.claim(transaction, id, lease_seconds=60)
            assert claimed is not None
            if problem is not None:
                return service.fail(transaction, id, claimed.attempt, problem)
            facts, metrics = made.get("facts", {}), made.get("metrics")
            result = service.Made(service.artifact_key(claimed), 9, facts) if claimed.result_id else None
            return service.finish(transaction, id, claimed.attempt, made=result, metrics=metrics)

    return run
