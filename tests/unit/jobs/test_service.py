"""The promises of hindcast.jobs.service, in the order in which it makes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hindcast.errors import Conflict, IllegalMove, InUse, InvalidInput, LeaseLost, NameTaken, NotFound, Unavailable
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobProgress, JobStatus
from hindcast.registry import Page, Resource, ResourceType
from hindcast.testing import MemoryDatabase, MemoryQueue, temporary_artifacts

PROBLEM = {"type": "about:blank", "title": "No", "status": 422, "detail": "the corpus is too small"}


@dataclass(frozen=True)
class Reference:
    field: str
    types: tuple[ResourceType, ...]
    value: str


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(clock: Clock) -> MemoryDatabase:
    return MemoryDatabase(clock=clock)


def do(database: MemoryDatabase, use_case: Any, *arguments: Any, **options: Any) -> Any:
    with database.transaction() as transaction:
        return use_case(transaction, *arguments, **options)


def submit(database: MemoryDatabase, kind: str = "word2vec", **options: Any) -> Job:
    makes: dict[str, ResourceType | None] = {"word2vec": "table", "ingest": "corpus", "probe": None}
    options = {"spec": {"seed": 1}, "result_type": makes[kind], **options}
    return do(database, service.submit, kind=kind, **options)  # type: ignore[no-any-return]


def submit_on(database: MemoryDatabase, value: str, *types: ResourceType, **options: Any) -> Job:
    reference = Reference("input.table", types or ("table",), value)
    return submit(database, spec={"input": {"table": value}}, references=[reference], **options)


def claim(database: MemoryDatabase, id: str, lease_seconds: float = 60) -> Job | None:
    return do(database, service.claim, id, lease_seconds=lease_seconds)  # type: ignore[no-any-return]


def get(database: MemoryDatabase, id: str) -> Job:
    with database.transaction() as transaction:
        return transaction.jobs.get(id)


def result(database: MemoryDatabase, job: Job) -> Resource:
    with database.transaction() as transaction:
        return transaction.resources.get(job.result_id or "")


def discards(database: MemoryDatabase) -> Sequence[str]:
    with database.transaction() as transaction:
        return transaction.discards.list()


def events(database: MemoryDatabase, id: str, type: str = "status") -> list[Any]:
    with database.transaction() as transaction:
        return [event.data for event in transaction.jobs.events(id) if event.type == type]


def succeed(database: MemoryDatabase, job: Job) -> Job:
    claimed = claim(database, job.id)
    assert claimed is not None
    made = service.Made(service.artifact_key(claimed), 7, {"words": 3}) if job.result_type else None
    return do(database, service.finish, job.id, claimed.attempt, made=made)  # type: ignore[no-any-return]


def fail(database: MemoryDatabase, job: Job) -> Job:
    claimed = claim(database, job.id)
    assert claimed is not None
    return do(database, service.fail, job.id, claimed.attempt, PROBLEM)  # type: ignore[no-any-return]


# Submitting


def test_a_submitted_job_reserves_what_it_will_make(database: MemoryDatabase) -> None:
    job = submit(database, name="mine")
    assert job.status is JobStatus.QUEUED
    reserved = result(database, job)
    assert (reserved.type, reserved.name, reserved.ready, reserved.job_id) == ("table", "mine", False, job.id)
    assert (len(job.id), len(reserved.id)) == (len("job_") + 16, len("tab_") + 16)


def test_a_result_can_have_a_name_of_its_own(database: MemoryDatabase) -> None:
    job = submit(database, "ingest", result_name="wiki")
    assert (job.name, result(database, job).name) == (None, "wiki")


def test_a_taken_name_leaves_nothing_behind(database: MemoryDatabase) -> None:
    submit(database, "ingest", result_name="wiki")
    with pytest.raises(NameTaken):
        submit(database, "ingest", result_name="wiki")
    with database.transaction() as transaction:
        assert len(transaction.jobs.outbox()) == 1


def test_names_in_the_specification_become_ids(database: MemoryDatabase) -> None:
    table = succeed(database, submit(database, name="mine"))
    for value in ("mine", table.result_id or "", table.id):
        job = submit_on(database, value)
        assert job.spec == {"input": {"table": table.result_id}}
        assert job.uses == (table.result_id,)
        assert job.needs == ()


def test_what_is_still_to_be_made_can_be_referred_to(database: MemoryDatabase) -> None:
    maker = submit(database, name="mine")
    for value in ("mine", maker.result_id or "", maker.id):
        assert submit_on(database, value).needs == (maker.id,)


def test_paths_lead_through_lists(database: MemoryDatabase) -> None:
    corpus = submit(database, "ingest", result_name="wiki")
    reference = Reference("train.corpora.1", ("corpus",), "wiki")
    job = submit(database, spec={"train": {"corpora": ["a", "wiki"]}}, references=[reference])
    assert job.spec == {"train": {"corpora": ["a", corpus.result_id]}}


def test_every_wrong_reference_is_named(database: MemoryDatabase) -> None:
    corpus = submit(database, "ingest")
    domains = submit(database, "probe", result_type="domains")
    wrong = [
        Reference("input.table", ("table",), corpus.result_id or ""),
        Reference("train", ("corpus",), "nothing"),
        Reference("vocabulary.same_as", ("model", "table"), "job_0"),
        Reference("domains", ("domains",), "news"),
        Reference("valid", ("corpus",), domains.result_id or ""),
    ]
    with pytest.raises(InvalidInput) as caught:
        submit(database, references=wrong)
    assert [(error.field, error.message) for error in caught.value.errors] == [
        ("input.table", f"{corpus.result_id!r} is a corpus, not a table"),
        ("train", "there is no corpus 'nothing'"),
        ("vocabulary.same_as", "there is no model or table 'job_0'"),
        ("domains", "there is no set of domains 'news'"),
        ("valid", f"{domains.result_id!r} is a set of domains, not a corpus"),
    ]


def test_what_is_referred_to_is_checked_before_anything_is_queued(database: MemoryDatabase) -> None:
    ready, waits = submit(database, "ingest", result_name="ready"), submit(database, "ingest", result_name="waits")
    succeed(database, ready)
    references = [Reference("train", ("corpus",), "ready"), Reference("valid", ("corpus",), "waits")]
    seen: list[Any] = []

    def check(resources: Any) -> None:
        seen.append({field: (resource.id, resource.ready) for field, resource in resources.items()})
        raise InvalidInput.field("train", "is no good")

    spec = {"train": "ready", "valid": "waits"}
    with pytest.raises(InvalidInput, match="train: is no good"):
        submit(database, spec=spec, references=references, check=check)
    assert seen == [{"train": (ready.result_id, True), "valid": (waits.result_id, False)}]
    with database.transaction() as transaction:
        jobs, _ = transaction.jobs.list(Page())
    assert {job.id for job in jobs} == {ready.id, waits.id}


def test_a_name_that_several_have_must_be_an_id(database: MemoryDatabase) -> None:
    submit(database, name="mine")
    submit(database, "ingest", result_type="model", result_name="mine")
    with pytest.raises(InvalidInput, match="give one of these ids"):
        submit_on(database, "mine", "table", "model")


@pytest.mark.parametrize("end", [fail, lambda database, job: do(database, service.cancel, job.id)])
def test_what_a_failed_job_was_to_make_can_not_be_referred_to(database: MemoryDatabase, end: Any) -> None:
    maker = submit(database, name="mine")
    end(database, maker)
    with pytest.raises(InvalidInput, match=rf"input\.table: the table mine (failed|was not made).*{maker.id}"):
        submit_on(database, "mine")


def test_an_equal_job_is_run_once_where_asked(database: MemoryDatabase) -> None:
    first = submit(database, spec={"a": 1, "b": 2}, reuse_equal=True)
    assert submit(database, spec={"b": 2, "a": 1}, reuse_equal=True) == first
    assert submit(database, spec={"a": 1, "b": 2}).id != first.id
    assert submit(database, spec={"a": 1, "b": 3}, reuse_equal=True).id != first.id
    assert submit(database, "probe", spec={"a": 1, "b": 2}, reuse_equal=True).id != first.id


# Running


def test_a_result_is_visible_from_the_moment_of_success(database: MemoryDatabase) -> None:
    job = submit(database, uploads=["uploads/1"])
    running = claim(database, job.id)
    assert running is not None
    progress = JobProgress(0.5, 5, 10, "tokens", 3.0, "")
    do(database, service.report, job.id, 1, progress=progress, metrics={"loss": 1.0})
    assert not result(database, job).ready
    made = service.Made(f"tables/{job.result_id}/1", 7, {"words": 3})
    done = do(database, service.finish, job.id, 1, made=made, metrics={"loss": 0.5})
    assert (done.status, done.metrics) == (JobStatus.SUCCEEDED, {"loss": 0.5})
    assert done.progress == JobProgress(1.0, 10, 10, "tokens", 0.0, "")
    found = result(database, job)
    assert (found.artifact, found.size_bytes, found.facts) == (made.artifact, 7, {"words": 3})
    assert discards(database) == [f"checkpoints/{job.id}", "uploads/1"]


def test_every_change_of_status_is_an_event(database: MemoryDatabase) -> None:
    job = submit(database)
    claim(database, job.id)
    do(database, service.release, job.id, 1)
    fail(database, job)
    assert events(database, job.id) == [
        {"status": "queued", "attempt": 0},
        {"status": "running", "attempt": 1},
        {"status": "queued", "attempt": 1, "message": "its worker was stopped"},
        {"status": "running", "attempt": 2},
        {"status": "failed", "attempt": 2, "error": PROBLEM},
    ]


def test_progress_metrics_and_log_are_events(database: MemoryDatabase) -> None:
    job = submit(database)
    claim(database, job.id)
    progress = JobProgress(0.5, 5, 10, "tokens", None, "epoch 1")
    metrics = {"loss": 1.0, "perplexity": float("inf")}
    do(database, service.report, job.id, 1, progress=progress, metrics=metrics)
    do(database, service.log, job.id, 1, "3 words lack a row")
    assert get(database, job.id).metrics == {"loss": 1.0}
    assert events(database, job.id, "progress")[0]["message"] == "epoch 1"
    assert events(database, job.id, "metric") == [{"metrics": {"loss": 1.0}, "done": 5, "unit": "tokens"}]
    assert events(database, job.id, "log") == [{"message": "3 words lack a row"}]


def test_a_past_attempt_changes_nothing(database: MemoryDatabase, clock: Clock) -> None:
    job = submit(database)
    claim(database, job.id, lease_seconds=10)
    clock.passes(11)
    assert claim(database, job.id) is not None
    late = service.Made("tables/late", 1)
    for use_case, arguments in (
        (service.report, {"metrics": {"loss": 1.0}}),
        (service.log, {"message": "late"}),
        (service.save_checkpoint, {"key": "late"}),
        (service.finish, {"made": late}),
        (service.fail, {"problem": PROBLEM}),
        (service.crash, {"how": "it was killed"}),
        (service.release, {}),
        (service.stopped, {}),
    ):
        with pytest.raises(LeaseLost):
            do(database, use_case, job.id, 1, **arguments)
    assert get(database, job.id).status is JobStatus.RUNNING
    assert not result(database, job).ready
    assert events(database, job.id, "log") == []


def test_a_result_of_a_lost_attempt_is_let_go_unless_it_counted(database: MemoryDatabase) -> None:
    job = succeed(database, submit(database))
    kept = result(database, job).artifact or ""
    do(database, service.abandon, job, kept)
    assert kept not in discards(database)
    do(database, service.abandon, job, "tables/late")
    assert "tables/late" in discards(database)


def test_what_an_earlier_attempt_stored_is_let_go(database: MemoryDatabase) -> None:
    job = submit(database)
    claim(database, job.id)
    do(database, service.release, job.id, 1)
    succeed(database, job)
    assert f"tables/{job.result_id}/1" in discards(database)
    assert result(database, job).artifact == f"tables/{job.result_id}/2"


# Dying


def test_a_crashed_job_goes_on_from_its_checkpoint(database: MemoryDatabase) -> None:
    job = submit(database)
    claim(database, job.id)
    do(database, service.save_checkpoint, job.id, 1, "checkpoints/a")
    crashed = do(database, service.crash, job.id, 1, "it was killed")
    assert (crashed.status, crashed.crashes) == (JobStatus.QUEUED, 1)
    again = claim(database, job.id)
    assert again is not None
    assert (again.checkpoint, again.attempt) == ("checkpoints/a", 2)


def test_three_deaths_without_a_new_checkpoint_are_a_failure(database: MemoryDatabase, clock: Clock) -> None:
    job = submit(database)
    waiting = submit_on(database, job.id)
    claim(database, job.id, lease_seconds=10)
    do(database, service.crash, job.id, 1, "it was killed")
    claim(database, job.id, lease_seconds=10)
    clock.passes(11)
    assert claim(database, job.id, lease_seconds=10) is not None
    do(database, service.crash, job.id, 3, "it was killed by SIGSEGV")
    failed = get(database, job.id)
    assert failed.status is JobStatus.FAILED
    assert "SIGSEGV" in (failed.error or {})["detail"]
    assert get(database, waiting.id).status is JobStatus.FAILED


def test_three_leases_that_ran_out_are_a_failure_too(database: MemoryDatabase, clock: Clock) -> None:
    job = submit(database)
    for _ in range(3):
        assert claim(database, job.id, lease_seconds=10) is not None
        clock.passes(11)
    assert claim(database, job.id) is None
    assert get(database, job.id).status is JobStatus.FAILED


def test_a_new_checkpoint_ends_the_row_of_deaths(database: MemoryDatabase) -> None:
    job = submit(database)
    for attempt in range(1, 6):
        claim(database, job.id)
        do(database, service.save_checkpoint, job.id, attempt, f"checkpoints/{attempt}")
        crashed = do(database, service.crash, job.id, attempt, "it was killed")
        assert (crashed.status, crashed.crashes) == (JobStatus.QUEUED, 1)
    assert discards(database) == [f"checkpoints/{attempt}" for attempt in range(1, 5)]


def test_the_same_checkpoint_told_twice_is_kept(database: MemoryDatabase) -> None:
    job = submit(database)
    claim(database, job.id)
    for _ in range(2):
        do(database, service.save_checkpoint, job.id, 1, "checkpoints/a")
    assert discards(database) == []


def test_a_job_that_was_to_stop_when_its_worker_died_is_cancelled(database: MemoryDatabase, clock: Clock) -> None:
    job = submit(database)
    claim(database, job.id, lease_seconds=10)
    do(database, service.cancel, job.id)
    clock.passes(11)
    assert claim(database, job.id) is None
    assert get(database, job.id).status is JobStatus.CANCELLED


def test_a_job_that_was_to_stop_and_crashed_is_cancelled(database: MemoryDatabase) -> None:
    job = submit(database)
    claim(database, job.id)
    do(database, service.cancel, job.id)
    assert do(database, service.crash, job.id, 1, "it was killed").status is JobStatus.CANCELLED


# Needing


def test_a_job_starts_after_what_it_needs(database: MemoryDatabase) -> None:
    need = submit(database)
    job = submit_on(database, need.id)
    assert claim(database, job.id) is None
    succeed(database, need)
    assert claim(database, job.id) is not None


def test_a_failure_takes_along_all_that_need_it(database: MemoryDatabase) -> None:
    need = submit(database)
    middle = submit_on(database, need.id)
    both = [Reference("a", ("table",), need.id), Reference("b", ("table",), middle.id)]
    last = submit(database, spec={"a": "", "b": ""}, references=both)
    other = submit(database)
    fail(database, need)
    assert (get(database, middle.id).error or {})["detail"] == (
        f"It needs the table {need.result_id} of the word2vec job {need.id}, which failed: the corpus is too small"
    )
    assert get(database, last.id).status is JobStatus.FAILED
    assert get(database, other.id).status is JobStatus.QUEUED


def test_a_cancelled_need_fails_those_that_wait(database: MemoryDatabase) -> None:
    need = submit(database)
    job = submit_on(database, need.id)
    do(database, service.cancel, need.id)
    assert (get(database, job.id).error or {})["detail"].endswith("which was cancelled")


# Cancelling, retrying, deleting


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_asked(database: MemoryDatabase) -> None:
    queued, running = submit(database), submit(database)
    claim(database, running.id)
    assert do(database, service.cancel, queued.id).status is JobStatus.CANCELLED
    asked = do(database, service.cancel, running.id)
    assert (asked.status, asked.cancel_requested) == (JobStatus.RUNNING, True)
    assert do(database, service.stopped, running.id, 1).status is JobStatus.CANCELLED
    with pytest.raises(
        IllegalMove, match=f"Job {running.id} was cancelled already: only what is queued or runs can be"
    ):
        do(database, service.cancel, running.id)


def test_what_can_not_be_done_with_a_job_is_told_by_its_name(database: MemoryDatabase) -> None:
    job = submit(database, name="mine")
    with pytest.raises(IllegalMove, match="Job mine is queued: only a job that has ended can be deleted"):
        do(database, service.delete, job.id)
    succeed(database, job)
    with pytest.raises(IllegalMove, match="Job mine has succeeded: only what failed or was cancelled can be retried"):
        do(database, service.retry, job.id)
    with pytest.raises(IllegalMove, match="Job mine has succeeded already"):
        do(database, service.cancel, job.id)


def test_a_retried_job_goes_on_from_its_checkpoint(database: MemoryDatabase) -> None:
    job = submit(database)
    claim(database, job.id)
    do(database, service.save_checkpoint, job.id, 1, "checkpoints/a")
    do(database, service.fail, job.id, 1, PROBLEM)
    again = do(database, service.retry, job.id)
    assert (again.status, again.error, again.checkpoint, again.crashes) == (JobStatus.QUEUED, None, "checkpoints/a", 0)
    assert succeed(database, job).attempt == 2


def test_only_what_failed_or_was_cancelled_is_retried(database: MemoryDatabase) -> None:
    job, runs = submit(database), submit(database)
    claim(database, runs.id)
    for each in (job, runs):
        with pytest.raises(IllegalMove):
            do(database, service.retry, each.id)
    succeed(database, job)
    with pytest.raises(IllegalMove):
        do(database, service.retry, job.id)


def test_a_retried_job_still_waits_for_what_it_needs(database: MemoryDatabase) -> None:
    need = submit(database)
    job = submit_on(database, need.id)
    fail(database, need)
    do(database, service.retry, job.id)
    assert events(database, job.id)[-1]["message"] == f"It waits for {need.id}: retry that too."
    assert claim(database, job.id) is None
    do(database, service.retry, need.id)
    succeed(database, need)
    assert claim(database, job.id) is not None


def test_a_job_whose_input_or_result_is_gone_is_not_retried(database: MemoryDatabase) -> None:
    table = succeed(database, submit(database))
    job = submit_on(database, table.id)
    fail(database, job)
    with database.transaction() as transaction:
        transaction.resources.delete(table.result_id or "")
    with pytest.raises(Conflict, match=table.result_id or ""):
        do(database, service.retry, job.id)


def test_a_deleted_job_leaves_nothing(database: MemoryDatabase) -> None:
    job = submit(database, name="mine", uploads=["uploads/1"])
    fail(database, job)
    do(database, service.delete, job.id)
    with pytest.raises(NotFound):
        result(database, job)
    assert discards(database) == [f"checkpoints/{job.id}", "uploads/1", f"tables/{job.result_id}"]
    assert submit(database, name="mine").name == "mine"


def test_a_deleted_job_leaves_its_result(database: MemoryDatabase) -> None:
    job = succeed(database, submit(database))
    do(database, service.delete, job.id)
    assert result(database, job).ready
    assert f"tables/{job.result_id}" not in discards(database)


def test_a_job_that_is_under_way_or_waited_for_is_not_deleted(database: MemoryDatabase) -> None:
    need = submit(database)
    job = submit_on(database, need.id)
    with pytest.raises(IllegalMove):
        do(database, service.delete, need.id)
    fail(database, need)
    do(database, service.retry, job.id)
    with pytest.raises(InUse):
        do(database, service.delete, need.id)


# After the commit


def test_what_was_queued_is_rung_for_once(database: MemoryDatabase) -> None:
    queue = MemoryQueue()
    jobs = [submit(database) for _ in range(3)]
    service.deliver(database, queue)
    service.deliver(database, queue)
    assert queue.rung == [job.id for job in jobs]


def test_what_a_queue_that_is_away_did_not_take_is_rung_for_later(database: MemoryDatabase) -> None:
    class Flaky(MemoryQueue):
        def ring(self, job_id: str) -> None:
            if self.rung:
                raise Unavailable
            super().ring(job_id)

    first, second = submit(database), submit(database)
    service.deliver(database, Flaky())
    later = MemoryQueue()
    service.deliver(database, later)
    assert later.rung == [second.id]
    assert first.id != second.id


def test_what_was_let_go_is_removed(database: MemoryDatabase, tmp_path: Path) -> None:
    artifacts = temporary_artifacts(tmp_path)
    for key in ("checkpoints/job_1/1-1", "uploads/1", "uploads/2"):
        with artifacts.open_write(key) as stream:
            stream.write(b"x")
    with database.transaction() as transaction:
        transaction.discards.add("checkpoints/job_1", "uploads/1", "uploads/none")
    service.remove_discarded(database, artifacts)
    assert discards(database) == []
    for key in ("checkpoints/job_1/1-1", "uploads/1"):
        with pytest.raises(NotFound):
            artifacts.fetch(key)
    assert artifacts.fetch("uploads/2").read_bytes() == b"x"
