"""What only a real PostgreSQL can show of the jobs' promises: many at once, and none there."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from hindcast.adapters.database import PostgresDatabase
from hindcast.errors import HindcastError, InUse, InvalidInput, NotFound, Unavailable
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobStatus
from hindcast.registry import Page
from hindcast_standalone.postgres import PostgresServer
from hindcast_trainer.references import Reference


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(postgres_url)
    yield database
    database.close()


def submit(database: PostgresDatabase, *references: Reference, **options: Any) -> Job:
    with database.transaction() as transaction:
        spec = {reference.field: reference.value for reference in references}
        return service.submit(
            transaction, kind="word2vec", spec=spec, references=references, result_type="table", **options
        )


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """What each returned, or the error that it raised, all having started together."""
    ready = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        ready.wait()
        try:
            return call()
        except HindcastError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_of_many_claims_at_once_one_succeeds(database: PostgresDatabase) -> None:
    job = submit(database)

    def claim() -> Job | None:
        with database.transaction() as transaction:
            return service.claim(transaction, job.id, lease_seconds=60)

    claimed = at_once(*[claim] * 8)
    assert [each.attempt for each in claimed if each is not None] == [1]


def test_equal_jobs_submitted_at_once_are_one(database: PostgresDatabase) -> None:
    jobs = at_once(*[lambda: submit(database, reuse_equal=True)] * 6)
    assert len({job.id for job in jobs}) == 1


def test_of_equal_names_submitted_at_once_one_is_taken(database: PostgresDatabase) -> None:
    jobs = at_once(*[lambda: submit(database, name="mine")] * 6)
    [winner] = [job for job in jobs if isinstance(job, Job)]
    assert all(winner.id in error.detail for error in jobs if isinstance(error, HindcastError))


def test_events_written_at_once_are_numbered_without_a_gap(database: PostgresDatabase) -> None:
    job = submit(database)

    def write() -> None:
        with database.transaction() as transaction:
            for _ in range(5):
                transaction.jobs.add_event(job.id, "log", {})

    at_once(*[write] * 6)
    with database.transaction() as transaction:
        assert [event.sequence for event in transaction.jobs.events(job.id)] == list(range(1, 32))


def test_a_resource_is_used_or_deleted_never_both(database: PostgresDatabase) -> None:
    for _ in range(8):
        job = submit(database)
        with database.transaction() as transaction:
            claimed = service.claim(transaction, job.id, lease_seconds=60)
            assert claimed is not None
            service.finish(transaction, job.id, 1, made=service.Made("tables/x", 1))
        reference = Reference("table", ("table",), job.result_id or "")

        def delete(id: str = reference.value) -> None:
            with database.transaction() as transaction:
                transaction.resources.delete(id)

        submitted, deleted = at_once(lambda reference=reference: submit(database, reference), delete)
        if isinstance(submitted, Job):
            assert isinstance(deleted, InUse)
        else:
            assert isinstance(submitted, (NotFound, InvalidInput))
            assert deleted is None


def test_a_job_that_needs_a_failing_one_never_waits_for_ever(database: PostgresDatabase) -> None:
    for _ in range(8):
        need = submit(database)
        reference = Reference("table", ("table",), need.id)

        def cancel(id: str = need.id) -> None:
            with database.transaction() as transaction:
                service.cancel(transaction, id)

        submitted, _ = at_once(lambda reference=reference: submit(database, reference), cancel)
        if isinstance(submitted, Job):
            with database.transaction() as transaction:
                assert transaction.jobs.get(submitted.id).status is JobStatus.FAILED
        else:
            assert isinstance(submitted, InvalidInput)


@pytest.mark.parametrize("url", ["postgresql://nobody@127.0.0.1:1/none", "postgresql+psycopg://n@/n?host=/nowhere"])
def test_a_database_that_is_not_there_is_unavailable(url: str) -> None:
    database = PostgresDatabase(url)
    with pytest.raises(Unavailable, match="The database is away"):
        database.ping()
    with pytest.raises(Unavailable), database.transaction() as transaction:
        transaction.jobs.list(Page())


def write_and_lose_the_connection(database: PostgresDatabase, url: str, id: str) -> None:
    with database.transaction() as transaction:
        transaction.jobs.add_event(id, "log", {"message": "lost"})
        with psycopg.connect(url) as other:
            mine = "datname = current_database() AND pid <> pg_backend_pid()"
            other.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {mine}")
        transaction.jobs.get(id)


def test_a_connection_that_breaks_takes_its_transaction_along(database: PostgresDatabase, postgres_url: str) -> None:
    job = submit(database)
    with pytest.raises(Unavailable):
        write_and_lose_the_connection(database, postgres_url, job.id)
    with database.transaction() as transaction:
        assert [event.type for event in transaction.jobs.events(job.id)] == ["status"]


def test_a_database_that_restarts_is_away_and_then_back(own_postgres: PostgresServer) -> None:
    database = PostgresDatabase(own_postgres.url)
    job = submit(database)
    own_postgres.stop()
    with pytest.raises(Unavailable):
        submit(database)
    own_postgres.start()
    with database.transaction() as transaction:
        assert [each.id for each in transaction.jobs.list(Page())[0]] == [job.id]
    database.close()
