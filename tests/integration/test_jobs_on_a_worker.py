"""What is promised of jobs when machines die, with real processes, PostgreSQL and Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import psutil
import psycopg
import pytest

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.adapters.database import PostgresDatabase
from hindcast.adapters.queue import CeleryQueue
from hindcast.errors import Unavailable
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobProgress, JobStatus
from hindcast_standalone.postgres import PostgresServer
from hindcast_standalone.redis import RedisServer
from hindcast_trainer.references import Reference

sys.path.insert(0, str(Path(__file__).parent))
from hash_chain import expected

Found = TypeVar("Found")
KINDS = """
import hindcast_trainer.worker.__main__ as worker
worker.main(kinds="hash_chain", quick=["quick chain"])
"""
LEASE_SECONDS = 1.5


def eventually(ask: Callable[[], Found], *, seconds: float = 20) -> Found:
    """The first true answer."""
    give_up_at = time.monotonic() + seconds
    while True:
        try:
            if answer := ask():
                return answer
        except Unavailable:
            pass
        assert time.monotonic() < give_up_at, "it did not come to pass"
        time.sleep(0.05)


class Site:
    """A database, a queue, a file store, and workers that come and go."""

    def __init__(self, database_url: str, broker_url: str, home: Path) -> None:
        self.database_url = database_url
        self.database = PostgresDatabase(database_url)
        self.queue = CeleryQueue(broker_url)
        self.artifacts = FileArtifacts((home / "artifacts").as_uri(), home / "cache")
        self.home = home
        self.workers: list[subprocess.Popen[bytes]] = []
        self.environment = os.environ | {
            "HINDCAST_DATABASE_URL": database_url,
            "HINDCAST_BROKER_URL": broker_url,
            "HINDCAST_HOME": str(home),
            "HINDCAST_LEASE_SECONDS": str(LEASE_SECONDS),
            "HINDCAST_HEARTBEAT_SECONDS": "0.3",
            "HINDCAST_SWEEP_SECONDS": "0.3",
            "HINDCAST_CHECKPOINT_SECONDS": "0.2",
            "HINDCAST_JOB_THREADS": "1",
            "PYTHONPATH": str(Path(__file__).parent),
        }

    def start_worker(self, **settings: str) -> subprocess.Popen[bytes]:
        self.workers.append(subprocess.Popen([sys.executable, "-c", KINDS], env=self.environment | settings))
        return self.workers[-1]

    def submit(self, *, kind: str = "chain", **spec: Any) -> str:
        with self.database.transaction() as transaction:
            job = service.submit(transaction, kind=kind, spec=spec, result_type="table")
        service.deliver(self.database, self.queue)
        return job.id

    def job(self, id: str) -> Job:
        with self.database.transaction() as transaction:
            return transaction.jobs.get(id)

    def events(self, id: str, type: str) -> list[Any]:
        with self.database.transaction() as transaction:
            return [event.data for event in transaction.jobs.events(id) if event.type == type]

    def result(self, id: str) -> str:
        with self.database.transaction() as transaction:
            artifact = transaction.resources.get(self.job(id).result_id or "").artifact or ""
        return (self.artifacts.fetch(artifact) / "hash").read_text()

    def pid(self, id: str) -> int:
        """Of the job's latest child."""
        return int([line["message"] for line in self.events(id, "log") if "pid" in line["message"]][-1].split()[1])

    def until(self, id: str, status: JobStatus, *, seconds: float = 20) -> Job:
        return eventually(lambda: job if (job := self.job(id)).status is status else None, seconds=seconds)

    def until_saved(self, id: str) -> Job:
        return eventually(lambda: job if (job := self.job(id)).checkpoint else None)

    def cancel(self, id: str) -> None:
        with self.database.transaction() as transaction:
            service.cancel(transaction, id)

    def let_the_lease_run_out(self, id: str) -> None:
        with psycopg.connect(self.database_url) as connection:
            connection.execute("UPDATE jobs SET lease_until = clock_timestamp() WHERE id = %s", [id])

    def close(self) -> None:
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            worker.wait(20)
        self.database.close()


@pytest.fixture(scope="module")
def site(
    new_postgres_url: Callable[[], str], redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Where a worker runs, for the tests that leave it running."""
    site = Site(new_postgres_url(), redis_server.url, tmp_path_factory.mktemp("site"))
    site.start_worker()
    yield site
    site.close()


@pytest.fixture
def own_site(postgres_url: str, own_redis: RedisServer, tmp_path: Path) -> Iterator[Site]:
    """Where nothing runs yet."""
    site = Site(postgres_url, own_redis.url, tmp_path)
    yield site
    site.close()


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


# A worker that stays


def test_a_job_is_told_about_and_leaves_only_its_result(site: Site) -> None:
    with site.artifacts.open_write("uploads/1") as stream:
        stream.write(b"raw")
    with site.database.transaction() as transaction:
        spec = {"steps": 40, "seconds": 0.02}
        job = service.submit(transaction, kind="chain", spec=spec, result_type="table", uploads=["uploads/1"])
    done = site.until(job.id, JobStatus.SUCCEEDED)
    assert site.result(job.id) == expected(40)
    assert done.metrics == {"milestone": 40.0, "steps": 40.0}
    assert [event["metrics"] for event in site.events(job.id, "metric")][:2] == [{"milestone": 10}, {"milestone": 20}]
    assert [event["status"] for event in site.events(job.id, "status")] == ["queued", "running", "succeeded"]
    assert done.progress == JobProgress(1.0, 40, 40, "steps", 0.0, "at 40")
    for key in (f"checkpoints/{job.id}", "uploads/1"):
        eventually(lambda key=key: not (site.home / "artifacts" / key).exists())
    assert not [*(site.home / "cache").rglob(f"{job.id}*")]


def test_a_job_runs_after_the_one_that_it_needs(site: Site) -> None:
    need = site.submit(steps=10, seconds=0.02)
    with site.database.transaction() as transaction:
        reference = [Reference("table", ("table",), need)]
        spec = {"steps": 10, "table": need}
        job = service.submit(transaction, kind="chain", spec=spec, references=reference, result_type="table")
    assert job.needs == (need,)
    finished = site.until(need, JobStatus.SUCCEEDED).finished_at
    started = site.until(job.id, JobStatus.SUCCEEDED).started_at
    assert finished is not None
    assert started is not None
    assert finished <= started


def test_a_killed_child_goes_on_from_its_checkpoint_at_once(site: Site) -> None:
    id = site.submit(steps=50, seconds=0.05, milestone=20)
    site.until_saved(id)
    os.kill(site.pid(id), signal.SIGKILL)
    assert site.until(id, JobStatus.SUCCEEDED).attempt == 2
    assert site.result(id) == expected(50)
    assert [event["metrics"] for event in site.events(id, "metric")].count({"milestone": 20}) == 1
    assert "it was killed by SIGKILL" in [event.get("message", "")[:24] for event in site.events(id, "status")]


def test_a_job_that_kills_every_child_fails(site: Site) -> None:
    failed = site.until(site.submit(steps=4, ends="killed"), JobStatus.FAILED)
    assert failed.attempt == service.MAX_CRASHES
    assert "SIGKILL" in (failed.error or {})["detail"]


@pytest.mark.parametrize(
    ("ends", "problem"),
    [
        ("in a problem", {"status": 422, "detail": "steps: is not to my liking"}),
        ("in a bug", {"status": 500}),
    ],
)
def test_a_job_that_fails_says_why(site: Site, ends: str, problem: dict[str, Any]) -> None:
    failed = site.until(site.submit(steps=4, ends=ends), JobStatus.FAILED)
    assert failed.error is not None
    assert failed.error.items() >= problem.items()
    assert "Traceback" not in str(failed.error)
    assert "ZeroDivision" not in str(failed.error)


@pytest.mark.parametrize("ends", ["well", "deaf"])
def test_a_cancelled_job_stops_within_five_seconds(site: Site, ends: str) -> None:
    id = site.submit(steps=10_000, seconds=0.05, ends=ends)
    site.until_saved(id)
    pid = site.pid(id)
    site.cancel(id)
    site.until(id, JobStatus.CANCELLED, seconds=5)
    assert gone(pid)


def test_a_cancelled_job_can_be_retried_from_where_it_stopped(site: Site) -> None:
    id = site.submit(steps=40, seconds=0.05)
    site.until_saved(id)
    site.cancel(id)
    stopped = site.until(id, JobStatus.CANCELLED)
    with site.database.transaction() as transaction:
        service.retry(transaction, id)
    assert site.until(id, JobStatus.SUCCEEDED).attempt == stopped.attempt + 1
    assert site.result(id) == expected(40)
    assert [event["metrics"] for event in site.events(id, "metric")].count({"milestone": 10}) == 1


def test_a_child_whose_lease_was_lost_is_ended(site: Site) -> None:
    id = site.submit(steps=10_000, seconds=0.05)
    site.until_saved(id)
    pid = site.pid(id)
    site.let_the_lease_run_out(id)
    with site.database.transaction() as transaction:
        assert service.claim(transaction, id, lease_seconds=60) is not None
    eventually(lambda: gone(pid), seconds=5)
    assert (site.job(id).status, site.job(id).attempt) == (JobStatus.RUNNING, 2)


# Workers and servers that go


def test_jobs_whose_messages_were_lost_all_run_once(own_site: Site, own_redis: RedisServer) -> None:
    ids = [own_site.submit(steps=20) for _ in range(10)]
    own_redis.client().flushall()
    own_site.start_worker()
    for id in ids:
        assert own_site.until(id, JobStatus.SUCCEEDED).attempt == 1
        assert own_site.result(id) == expected(20)


def test_queued_jobs_whose_messages_are_lost_under_a_busy_worker_all_run_once(
    own_site: Site, own_redis: RedisServer
) -> None:
    own_site.start_worker()
    busy = own_site.submit(steps=60, seconds=0.1)
    own_site.until(busy, JobStatus.RUNNING, seconds=60)
    ids = [own_site.submit(steps=20) for _ in range(10)]
    own_redis.client().flushall()
    assert {own_site.job(id).status for id in ids} == {JobStatus.QUEUED}
    for id, steps in [(busy, 60), *((id, 20) for id in ids)]:
        assert own_site.until(id, JobStatus.SUCCEEDED, seconds=60).attempt == 1
        assert own_site.result(id) == expected(steps)


def test_a_job_whose_message_was_lost_keeps_its_turn(own_site: Site, own_redis: RedisServer) -> None:
    oldest = own_site.submit(steps=10)
    own_redis.client().flushall()
    younger = [own_site.submit(steps=10) for _ in range(3)]
    own_site.start_worker(HINDCAST_SWEEP_SECONDS="15")
    ended = [own_site.until(id, JobStatus.SUCCEEDED, seconds=60) for id in [oldest, *younger[:2]]]
    assert ended == sorted(ended, key=began)
    own_site.until(younger[-1], JobStatus.SUCCEEDED, seconds=60)


@pytest.mark.parametrize(("settings", "together"), [({}, False), ({"HINDCAST_WORKER_SLOTS": "2"}, True)])
def test_a_worker_runs_one_job_at_a_time_unless_it_is_told_otherwise(
    own_site: Site, settings: dict[str, str], together: bool
) -> None:
    ids = [own_site.submit(steps=20, seconds=0.1) for _ in range(2)]
    own_site.start_worker(**settings)
    first, second = sorted((own_site.until(id, JobStatus.SUCCEEDED, seconds=60) for id in ids), key=began)
    assert first.finished_at is not None
    assert (began(second) < first.finished_at) is together


def test_quick_jobs_wait_for_no_slot_and_no_sweep(own_site: Site) -> None:
    own_site.start_worker(HINDCAST_SWEEP_SECONDS="15")
    busy = own_site.submit(steps=10_000, seconds=0.05)
    own_site.until(busy, JobStatus.RUNNING, seconds=60)
    waiting = own_site.submit(steps=10)
    quick = [own_site.submit(kind="quick chain", steps=20, seconds=0.05) for _ in range(2)]
    # Also the first, which comes right after the slot was taken: half a second, not half a sweep.
    first, second = sorted((own_site.until(id, JobStatus.SUCCEEDED, seconds=12) for id in quick), key=began)
    assert first.finished_at is not None
    assert began(second) >= first.finished_at, "one at a time"
    assert [own_site.job(id).status for id in (busy, waiting)] == [JobStatus.RUNNING, JobStatus.QUEUED]
    own_site.cancel(busy)
    own_site.until(waiting, JobStatus.SUCCEEDED)


def test_a_quick_job_leaves_the_slot_to_those_that_come_after_it(own_site: Site) -> None:
    own_site.start_worker()
    quick = own_site.submit(kind="quick chain", steps=10_000, seconds=0.05)
    own_site.until(quick, JobStatus.RUNNING, seconds=60)
    own_site.until(own_site.submit(steps=10), JobStatus.SUCCEEDED)
    assert own_site.job(quick).status == JobStatus.RUNNING
    own_site.cancel(quick)
    own_site.until(quick, JobStatus.CANCELLED)


def test_a_quick_job_whose_message_was_lost_runs(own_site: Site, own_redis: RedisServer) -> None:
    quick = own_site.submit(kind="quick chain", steps=10)
    own_redis.client().flushall()
    own_site.start_worker()
    own_site.until(quick, JobStatus.SUCCEEDED, seconds=60)
    own_redis.stop()
    unheard = own_site.submit(kind="quick chain", steps=20)
    own_site.until(unheard, JobStatus.SUCCEEDED, seconds=60)
    own_redis.start()
    assert [own_site.job(id).attempt for id in (quick, unheard)] == [1, 1]
    assert [own_site.result(id) for id in (quick, unheard)] == [expected(10), expected(20)]


def test_a_stopped_worker_gives_a_quick_job_back_too(own_site: Site) -> None:
    worker = own_site.start_worker()
    busy = own_site.submit(steps=10_000, seconds=0.05)
    own_site.until(busy, JobStatus.RUNNING, seconds=60)
    quick = own_site.submit(kind="quick chain", steps=50, seconds=0.05)
    own_site.until_saved(quick)
    worker.terminate()
    assert worker.wait(10) == 0
    assert [own_site.job(id).status for id in (busy, quick)] == [JobStatus.QUEUED] * 2
    own_site.start_worker()
    own_site.until(quick, JobStatus.SUCCEEDED)
    assert own_site.result(quick) == expected(50)
    own_site.cancel(busy)


def test_a_quick_job_takes_no_slot_from_the_others(own_site: Site, own_redis: RedisServer) -> None:
    own_site.start_worker()
    busy = own_site.submit(steps=10_000, seconds=0.05)
    own_site.until(busy, JobStatus.RUNNING, seconds=60)
    quick = own_site.submit(kind="quick chain", steps=10_000, seconds=0.05)
    own_site.until(quick, JobStatus.RUNNING, seconds=60)
    waiting = own_site.submit(steps=10)
    own_redis.client().flushall()  # so that a sweep alone, which counts the slots, can ring for it
    own_site.cancel(busy)
    own_site.until(waiting, JobStatus.SUCCEEDED)
    assert own_site.job(quick).status == JobStatus.RUNNING
    own_site.cancel(quick)
    own_site.until(quick, JobStatus.CANCELLED)


def began(job: Job) -> datetime:
    assert job.started_at is not None
    return job.started_at


def test_a_killed_worker_leaves_no_orphan_and_its_job_goes_on(own_site: Site) -> None:
    worker = own_site.start_worker()
    id = own_site.submit(steps=50, seconds=0.05)
    own_site.until_saved(id)
    pid = own_site.pid(id)
    worker.kill()
    eventually(lambda: gone(pid), seconds=5)
    own_site.start_worker()
    assert own_site.until(id, JobStatus.SUCCEEDED).attempt == 2
    assert own_site.result(id) == expected(50)
    own_site.close()
    assert not [left for left in (own_site.home / "cache" / "jobs").iterdir() if left.is_dir()]


def test_a_stopped_worker_gives_its_job_back_at_once(own_site: Site) -> None:
    worker = own_site.start_worker()
    id = own_site.submit(steps=50, seconds=0.05)
    own_site.until_saved(id)
    pid = own_site.pid(id)
    worker.terminate()
    assert worker.wait(10) == 0
    released = own_site.job(id)
    assert (released.status, released.crashes, gone(pid)) == (JobStatus.QUEUED, 0, True)
    own_site.start_worker()
    own_site.until(id, JobStatus.SUCCEEDED)
    assert own_site.result(id) == expected(50)


def test_a_job_outlives_a_restart_of_the_database(
    own_postgres: PostgresServer, own_redis: RedisServer, tmp_path: Path
) -> None:
    site = Site(own_postgres.url, own_redis.url, tmp_path)
    try:
        site.start_worker()
        id = site.submit(steps=40, seconds=0.1)
        site.until_saved(id)
        own_postgres.stop()
        with pytest.raises(Unavailable):
            site.job(id)
        time.sleep(LEASE_SECONDS)
        own_postgres.start()
        assert site.until(id, JobStatus.SUCCEEDED).attempt == 1
        assert site.result(id) == expected(40)
    finally:
        site.close()


def test_a_worker_hears_again_after_a_restart_of_redis(own_site: Site, own_redis: RedisServer) -> None:
    own_site.start_worker()
    own_site.until(own_site.submit(steps=10), JobStatus.SUCCEEDED)
    own_redis.stop()
    meanwhile = own_site.submit(steps=10)
    own_redis.start()
    own_site.until(meanwhile, JobStatus.SUCCEEDED, seconds=90)
    afterwards = own_site.submit(steps=10)
    own_site.until(afterwards, JobStatus.SUCCEEDED, seconds=90)
    assert {own_site.result(id) for id in (meanwhile, afterwards)} == {expected(10)}
