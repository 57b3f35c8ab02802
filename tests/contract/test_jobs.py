"""What hindcast.jobs.ports promises of jobs, held against every implementer."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hindcast.errors import IllegalMove, InUse, InvalidInput, LeaseLost, NameTaken, NotFound
from hindcast.jobs.curves import Moment
from hindcast.jobs.job import Job, JobProgress, JobStatus
from hindcast.jobs.ports import Database, JobFilter
from hindcast.registry import Page, Resource, new_id

PROBLEM = {"type": "about:blank", "title": "No", "status": 422, "detail": "no"}
START = datetime(2026, 11, 22, 12, tzinfo=UTC)


def job(*, age: int = 0, **changes: Any) -> Job:
    """A queued job, made `age` seconds before START."""
    fresh = Job(
        id=new_id("job"),
        kind="word2vec",
        name=None,
        status=JobStatus.QUEUED,
        spec={"corpus": "cor_1", "size": 8},
        digest="d" * 64,
        needs=(),
        uses=(),
        result_type=None,
        result_id=None,
        created_at=START - timedelta(seconds=age),
    )
    return replace(fresh, **changes)


def resource(**changes: Any) -> Resource:
    fresh = Resource(
        id=new_id("corpus"),
        type="corpus",
        name=None,
        artifact="corpora/x/1",
        facts={},
        size_bytes=0,
        job_id=None,
        created_at=START,
    )
    return replace(fresh, **changes)


def add(database: Database, *jobs: Job) -> tuple[Job, ...]:
    with database.transaction() as transaction:
        for each in jobs:
            transaction.jobs.add(each)
    return jobs


def get(database: Database, id: str) -> Job:
    with database.transaction() as transaction:
        return transaction.jobs.get(id)


def claim(database: Database, id: str, *, lease_seconds: float = 60) -> Job | None:
    with database.transaction() as transaction:
        return transaction.jobs.claim(id, lease_seconds=lease_seconds)


def move(database: Database, id: str, *path: JobStatus, **changes: Any) -> Job:
    for to in path:
        with database.transaction() as transaction:
            moved = transaction.jobs.move(id, to, **changes)
    return moved


def finished(database: Database, made: Job, status: JobStatus = JobStatus.SUCCEEDED) -> Job:
    add(database, made)
    claim(database, made.id)
    return move(database, made.id, status)


def test_a_job_comes_back_as_it_was_added(database: Database) -> None:
    [first] = add(database, job(age=9))
    with database.transaction() as transaction:
        transaction.resources.add(resource(id="cor_1"))
        transaction.resources.add(resource(id="cor_2"))
        second = job(name="mine", needs=(first.id,), uses=("cor_1", "cor_2"), uploads=("uploads/1",))
        transaction.jobs.add(replace(second, result_type="table", result_id="tab_1"))
    assert get(database, second.id) == replace(second, result_type="table", result_id="tab_1")
    assert get(database, "mine").id == second.id


def test_an_unknown_job_is_not_found(database: Database) -> None:
    with database.transaction() as transaction:
        with pytest.raises(NotFound):
            transaction.jobs.get("job_0")
        with pytest.raises(NotFound):
            transaction.jobs.hold(["job_0"])
        with pytest.raises(NotFound):
            transaction.jobs.add_event("job_0", "log", {})
        assert not transaction.jobs.events("job_0")


def test_several_jobs_are_read_at_once_without_those_that_are_gone(database: Database) -> None:
    first, second, _ = add(database, job(), job(created_at=START + timedelta(seconds=1)), job())
    with database.transaction() as transaction:
        assert transaction.jobs.those([second.id, "job_0", first.id]) == [first, second]
        assert transaction.jobs.those([]) == []


def test_an_id_goes_before_a_name(database: Database) -> None:
    [first] = add(database, job())
    [second] = add(database, job(name=first.id))
    assert get(database, first.id) == first
    assert get(database, second.id) == second


def test_a_second_job_of_a_name_is_refused_naming_the_first(database: Database) -> None:
    [first] = add(database, job(name="mine"))
    with pytest.raises(NameTaken, match=first.id), database.transaction() as transaction:
        transaction.jobs.add(job(name="mine"))


def test_what_an_error_interrupts_never_happened(database: Database) -> None:
    made = job(name="mine")
    with pytest.raises(NameTaken):
        add(database, made, job(name="mine"))
    with pytest.raises(NotFound):
        get(database, made.id)


def test_a_job_on_a_missing_resource_is_refused(database: Database) -> None:
    with pytest.raises(NotFound, match="cor_gone"), database.transaction() as transaction:
        transaction.jobs.add(job(uses=("cor_gone",)))


def test_pages_run_from_the_newest_to_the_oldest(database: Database) -> None:
    made = add(database, *(job(age=age) for age in (3, 1, 2, 0, 4)))
    newest = [each.id for each in sorted(made, key=lambda each: each.created_at, reverse=True)]
    seen: list[str] = []
    cursor: str | None = None
    with database.transaction() as transaction:
        for _ in range(3):
            items, cursor = transaction.jobs.list(Page(limit=2, cursor=cursor))
            seen += [each.id for each in items]
    assert seen == newest
    assert cursor is None


def test_a_page_that_fills_exactly_is_the_last(database: Database) -> None:
    add(database, job(), job())
    with database.transaction() as transaction:
        assert transaction.jobs.list(Page(limit=2))[1] is None


def test_jobs_made_in_the_same_moment_are_all_listed_once(database: Database) -> None:
    made = add(database, *(job() for _ in range(4)))
    with database.transaction() as transaction:
        first, cursor = transaction.jobs.list(Page(limit=3))
        rest, _ = transaction.jobs.list(Page(limit=3, cursor=cursor))
    assert sorted(each.id for each in (*first, *rest)) == sorted(each.id for each in made)


@pytest.mark.parametrize("cursor", ["", "x", "eyJhIjoxfQ==", "WzEsMl0=", "Ww=="])
def test_a_cursor_that_is_none_of_ours_is_bad_input(database: Database, cursor: str) -> None:
    with database.transaction() as transaction, pytest.raises(InvalidInput, match="cursor"):
        transaction.jobs.list(Page(cursor=cursor))


def test_lists_can_be_filtered(database: Database) -> None:
    one, two = add(database, job(kind="probe", name="one"), job(name="two"))
    claim(database, two.id)
    with database.transaction() as transaction:
        jobs = transaction.jobs
        assert [each.id for each in jobs.list(Page(), JobFilter(kind="probe"))[0]] == [one.id]
        assert [each.id for each in jobs.list(Page(), JobFilter(name="two"))[0]] == [two.id]
        assert [each.id for each in jobs.list(Page(), JobFilter(status=JobStatus.RUNNING))[0]] == [two.id]
        assert jobs.list(Page(), JobFilter(status=JobStatus.RUNNING, kind="probe"))[0] == []


@pytest.mark.parametrize("search", ["Storm", "storm", "ÜBER", "über s", "a.c", "50%", "(1)"])
def test_a_search_finds_what_stands_in_a_name_or_label_in_any_case(database: Database, search: str) -> None:
    found, labelled, *_ = add(
        database,
        job(age=1, name="Über Storms a.c 50% (1)"),
        job(age=2, label="über storms a.c 50% (1)"),
        job(age=3, name="abc 500 1", label="storm über s"),
        job(age=4),
    )
    with database.transaction() as transaction:
        first, cursor = transaction.jobs.list(Page(limit=1), JobFilter(search=search))
        rest, _ = transaction.jobs.list(Page(limit=1, cursor=cursor), JobFilter(search=search))
    assert [each.id for each in (*first, *rest)] == [found.id, labelled.id]


def test_jobs_that_experiments_made_are_told_from_others(database: Database) -> None:
    alone, made = add(database, job(age=1), job(age=2))
    with database.transaction() as transaction:
        assert transaction.jobs.list(Page(), JobFilter(in_experiment=True))[0] == []
        assert transaction.jobs.list(Page(), JobFilter(in_experiment=False))[0] == [alone, made]
        transaction.experiments.add("exp_1", None, {"made": [made.id]})
        transaction.experiments.add("exp_2", None, {"made": []})
        assert transaction.jobs.list(Page(), JobFilter(in_experiment=True))[0] == [made]
        assert transaction.jobs.list(Page(), JobFilter(in_experiment=False))[0] == [alone]


def test_a_claim_takes_a_job_once(database: Database) -> None:
    [made] = add(database, job())
    claimed = claim(database, made.id)
    assert claimed is not None
    assert (claimed.status, claimed.attempt, claimed.crashes) == (JobStatus.RUNNING, 1, 0)
    assert claimed.started_at is not None
    assert claim(database, made.id) is None
    assert claim(database, "job_0") is None


def test_a_lease_that_ran_out_is_another_attempts(database: Database) -> None:
    [made] = add(database, job())
    first = claim(database, made.id, lease_seconds=0)
    second = claim(database, made.id)
    assert first is not None
    assert second is not None
    assert (second.attempt, second.crashes) == (2, 1)
    assert second.started_at == first.started_at
    with pytest.raises(LeaseLost), database.transaction() as transaction:
        transaction.jobs.renew(made.id, 1, lease_seconds=60)


def test_a_lease_that_ran_out_can_be_renewed_while_nobody_took_it(database: Database) -> None:
    [made] = add(database, job())
    claim(database, made.id, lease_seconds=0)
    with database.transaction() as transaction:
        transaction.jobs.renew(made.id, 1, lease_seconds=60)
    assert claim(database, made.id) is None


def test_a_job_waits_for_those_that_it_needs(database: Database) -> None:
    first, second = add(database, job(age=2), job(age=1))
    [third] = add(database, job(needs=(first.id, second.id)))
    for need in (first, second):
        assert claim(database, third.id) is None
        claim(database, need.id)
        move(database, need.id, JobStatus.SUCCEEDED)
    assert claim(database, third.id) is not None


def test_a_needed_job_that_succeeded_may_be_deleted(database: Database) -> None:
    need = finished(database, job(age=1))
    [made] = add(database, job(needs=(need.id,)))
    with database.transaction() as transaction:
        transaction.jobs.delete(need.id)
    assert get(database, made.id).needs == ()
    assert claim(database, made.id) is not None


def test_claimable_is_what_claim_would_take_oldest_first(database: Database) -> None:
    old, dead, held, young = add(database, job(age=4), job(age=3), job(age=2), job(age=1))
    add(database, job(needs=(held.id,)))
    claim(database, dead.id, lease_seconds=0)
    claim(database, held.id)
    with database.transaction() as transaction:
        assert transaction.jobs.claimable(9) == [old.id, dead.id, young.id]
        assert transaction.jobs.claimable(1) == [old.id]


def test_claimable_can_be_of_some_kinds_alone(database: Database) -> None:
    old, other, young = add(database, job(age=3), job(age=2, kind="probe"), job(age=1))
    with database.transaction() as transaction:
        assert transaction.jobs.claimable(9, kinds=[old.kind]) == [old.id, young.id]
        assert transaction.jobs.claimable(1, kinds=[old.kind, other.kind]) == [old.id]
        assert transaction.jobs.claimable(9, kinds=[]) == []
        assert transaction.jobs.claimable(9, but=[old.kind]) == [other.id]
        assert transaction.jobs.claimable(1, but=[other.kind]) == [old.id]
        assert transaction.jobs.claimable(9, kinds=[old.kind], but=[old.kind]) == []


def test_reports_keep_the_latest_of_each(database: Database) -> None:
    [made] = add(database, job())
    claim(database, made.id)
    progress = JobProgress(0.5, 5, 10, "tokens", 3.5, "epoch 1 of 2")
    with database.transaction() as transaction:
        transaction.jobs.report(made.id, 1, metrics={"loss": 2.0, "epoch": 1.0})
        transaction.jobs.report(made.id, 1, progress=progress, metrics={"loss": 1.5})
        transaction.jobs.report(made.id, 1)
    found = get(database, made.id)
    assert found.progress == progress
    assert found.metrics == {"loss": 1.5, "epoch": 1.0}


def test_a_figure_that_json_has_not_is_bad_input(database: Database) -> None:
    [made] = add(database, job())
    claim(database, made.id)
    with pytest.raises(InvalidInput), database.transaction() as transaction:
        transaction.jobs.report(made.id, 1, metrics={"loss": math.nan})


def test_a_checkpoint_ends_a_row_of_crashes_and_gives_the_one_before(database: Database) -> None:
    [made] = add(database, job())
    claim(database, made.id, lease_seconds=0)
    claim(database, made.id)
    with database.transaction() as transaction:
        assert transaction.jobs.save_checkpoint(made.id, 2, "a") is None
        assert transaction.jobs.save_checkpoint(made.id, 2, "b") == "a"
    found = get(database, made.id)
    assert (found.checkpoint, found.crashes) == ("b", 0)


@pytest.mark.parametrize("status", [None, JobStatus.SUCCEEDED, JobStatus.QUEUED])
def test_nothing_counts_of_what_a_past_attempt_writes(database: Database, status: JobStatus | None) -> None:
    [made] = add(database, job())
    claim(database, made.id, lease_seconds=0)
    if status is None:
        claim(database, made.id)
    else:
        move(database, made.id, status)
    for write in (
        lambda jobs: jobs.renew(made.id, 1, lease_seconds=9),
        lambda jobs: jobs.report(made.id, 1, metrics={"loss": 1.0}),
        lambda jobs: jobs.save_checkpoint(made.id, 1, "late"),
        lambda jobs: jobs.move(made.id, JobStatus.FAILED, attempt=1),
    ):
        with pytest.raises(LeaseLost), database.transaction() as transaction:
            write(transaction.jobs)
    found = get(database, made.id)
    assert (found.metrics, found.checkpoint) == ({}, None)


def test_writes_of_an_attempt_at_a_deleted_job_are_refused(database: Database) -> None:
    with pytest.raises(LeaseLost), database.transaction() as transaction:
        transaction.jobs.renew("job_0", 1, lease_seconds=9)


@pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_an_end_has_its_moment_and_its_error(database: Database, status: JobStatus) -> None:
    [made] = add(database, job())
    claim(database, made.id)
    ended = move(database, made.id, status, attempt=1, error=PROBLEM)
    assert (ended.status, ended.error, ended.lease_until) == (status, PROBLEM, None)
    assert ended.finished_at is not None
    assert ended == get(database, made.id)


def test_a_move_that_is_not_legal_is_refused(database: Database) -> None:
    [made] = add(database, job())
    with pytest.raises(IllegalMove, match="queued"), database.transaction() as transaction:
        transaction.jobs.move(made.id, JobStatus.SUCCEEDED)


def test_a_job_queued_again_starts_clean_and_keeps_its_checkpoint(database: Database) -> None:
    [made] = add(database, job())
    claim(database, made.id)
    with database.transaction() as transaction:
        transaction.jobs.save_checkpoint(made.id, 1, "c")
        transaction.jobs.request_cancel(made.id)
        transaction.jobs.delivered([made.id])
    move(database, made.id, JobStatus.FAILED, error=PROBLEM)
    again = move(database, made.id, JobStatus.QUEUED, crashes=0)
    assert (again.error, again.cancel_requested, again.started_at, again.finished_at) == (None, False, None, None)
    assert (again.checkpoint, again.attempt) == ("c", 1)
    with database.transaction() as transaction:
        assert transaction.jobs.outbox() == [made.id]


@pytest.mark.parametrize("gone", ["cor_1", "tab_1"])
def test_a_job_is_not_queued_again_without_what_it_uses_or_makes(database: Database, gone: str) -> None:
    with database.transaction() as transaction:
        transaction.resources.add(resource(id="cor_1"))
        transaction.resources.add(resource(id="tab_1", type="table", artifact=None))
    made = finished(database, job(uses=("cor_1",), result_type="table", result_id="tab_1"), JobStatus.FAILED)
    with database.transaction() as transaction:
        transaction.resources.delete(gone)
    with pytest.raises(NotFound, match=gone):
        move(database, made.id, JobStatus.QUEUED)


def test_a_running_job_can_be_asked_to_stop(database: Database) -> None:
    [made] = add(database, job())
    with pytest.raises(IllegalMove), database.transaction() as transaction:
        transaction.jobs.request_cancel(made.id)
    claim(database, made.id)
    with database.transaction() as transaction:
        transaction.jobs.request_cancel(made.id)
        assert transaction.jobs.renew(made.id, 1, lease_seconds=9).cancel_requested


def test_waiting_for_gives_the_queued_jobs_that_need_one(database: Database) -> None:
    [need] = add(database, job(age=9))
    later, sooner, running = add(database, *(job(age=age, needs=(need.id,)) for age in (1, 2, 3)))
    move(database, running.id, JobStatus.CANCELLED)
    with database.transaction() as transaction:
        assert [each.id for each in transaction.jobs.waiting_for(need.id)] == [sooner.id, later.id]
        assert transaction.jobs.waiting_for(later.id) == []


def test_events_are_numbered_within_their_job(database: Database) -> None:
    one, two = add(database, job(), job())
    with database.transaction() as transaction:
        for message in ("a", "b", "c"):
            transaction.jobs.add_event(one.id, "log", {"message": message})
        transaction.jobs.add_event(two.id, "status", {"status": "queued"})
    with database.transaction() as transaction:
        events = transaction.jobs.events(one.id)
        assert [(event.sequence, event.type, event.data["message"]) for event in events] == [
            (1, "log", "a"),
            (2, "log", "b"),
            (3, "log", "c"),
        ]
        assert [event.sequence for event in transaction.jobs.events(one.id, after=1, limit=1)] == [2]
        assert [event.sequence for event in transaction.jobs.events(two.id)] == [1]


def test_events_of_some_types_and_the_newest_alone(database: Database) -> None:
    [one] = add(database, job())
    with database.transaction() as transaction:
        for type in ("status", "log", "progress", "log", "metric", "log"):
            transaction.jobs.add_event(one.id, type, {})
    for asked, places in (
        ({"types": ["log"]}, [2, 4, 6]),
        ({"types": ["log", "metric"], "after": 2, "limit": 2}, [4, 5]),
        ({"newest": True, "limit": 2}, [5, 6]),
        ({"newest": True, "limit": 2, "types": ["log", "status"]}, [4, 6]),
        ({"newest": True, "limit": 9, "after": 4}, [5, 6]),
        ({"types": []}, []),
    ):
        with database.transaction() as transaction:
            assert [event.sequence for event in transaction.jobs.events(one.id, **asked)] == places


def test_metrics_are_drawn_as_curves_in_the_order_in_which_they_were_told(database: Database) -> None:
    one, two = add(database, job(), job())
    with database.transaction() as transaction:
        tell = partial(transaction.jobs.add_event, one.id)
        tell("metric", {"metrics": {"loss": 3.5, "epoch": 1}, "done": 10, "unit": "tokens"})
        tell("progress", {"fraction": 0.5})
        tell("metric", {"metrics": {"loss": 2.5}, "done": 20, "unit": "tokens"})
        tell("metric", {"metrics": {"loss": -1e-300}, "done": 15.5, "unit": "tokens"})
        tell("metric", {"metrics": {"loss": 1e300}})
        transaction.jobs.add_event(two.id, "metric", {"metrics": {"loss": 7.0}})
    with database.transaction() as transaction:
        epoch, loss = transaction.jobs.curves(one.id, points=4)
        told_at = [event.created_at for event in transaction.jobs.events(one.id) if event.type == "metric"]
        assert transaction.jobs.curves("job_0", points=4) == []
        claimed = transaction.jobs.claim(two.id, lease_seconds=60)
        assert claimed is not None
        transaction.jobs.report(two.id, claimed.attempt, metrics={"loss": 7.0, "told by no event": 1.0})
        assert [curve.name for curve in transaction.jobs.curves(two.id, points=4)] == ["loss"]
    assert (epoch.name, epoch.total, epoch.values) == ("epoch", 1, [1.0])
    assert epoch.moments == [Moment(10.0, "tokens", told_at[0])]
    assert (loss.name, loss.total, loss.values) == ("loss", 4, [3.5, 2.5, -1e-300, 1e300])
    assert [moment.done for moment in loss.moments] == [10.0, 20.0, 15.5, None]
    assert [moment.unit for moment in loss.moments] == ["tokens", "tokens", "tokens", ""]
    assert [moment.at for moment in loss.moments] == told_at


def test_a_long_curve_keeps_its_ends_and_extremes(database: Database) -> None:
    [made] = add(database, job())
    values = [10.0, 9.0, 12.0, 8.0, 7.0, 6.0, 5.5, 5.0]
    with database.transaction() as transaction:
        for done, value in enumerate(values):
            transaction.jobs.add_event(made.id, "metric", {"metrics": {"loss": value}, "done": done, "unit": "rounds"})
        [curve] = transaction.jobs.curves(made.id, points=5)
    assert (curve.total, curve.values) == (8, [10.0, 12.0, 5.5, 5.0])
    assert [moment.done for moment in curve.moments] == [0, 2, 6, 7]


def test_only_a_job_that_has_ended_can_be_deleted(database: Database) -> None:
    [made] = add(database, job())
    with pytest.raises(IllegalMove), database.transaction() as transaction:
        transaction.jobs.delete(made.id)
    move(database, made.id, JobStatus.CANCELLED)
    with database.transaction() as transaction:
        transaction.jobs.add_event(made.id, "log", {})
        assert transaction.jobs.delete(made.id).id == made.id
        assert not transaction.jobs.events(made.id)
    with pytest.raises(NotFound):
        get(database, made.id)


def test_a_failed_job_that_another_waits_for_stays(database: Database) -> None:
    need = finished(database, job(age=1), JobStatus.FAILED)
    add(database, job(needs=(need.id,)))
    with pytest.raises(InUse), database.transaction() as transaction:
        transaction.jobs.delete(need.id)


@pytest.mark.parametrize(("artifact", "left"), [(None, False), ("tables/1", True)])
def test_a_result_outlives_its_job_only_if_it_is_ready(database: Database, artifact: str | None, left: bool) -> None:
    made = finished(database, job(result_type="table", result_id="tab_1"))
    with database.transaction() as transaction:
        transaction.resources.add(resource(id="tab_1", type="table", artifact=artifact, job_id=made.id))
        transaction.jobs.delete(made.id)
        found, _ = transaction.resources.list("table", Page(), status=None)
    assert [each.id for each in found] == (["tab_1"] if left else [])


def test_every_queued_job_is_in_the_outbox_until_delivered(database: Database) -> None:
    one, two = add(database, job(age=1), job())
    with database.transaction() as transaction:
        assert sorted(transaction.jobs.outbox()) == sorted([one.id, two.id])
        assert len(transaction.jobs.outbox(limit=1)) == 1
        transaction.jobs.delivered([one.id])
    with database.transaction() as transaction:
        assert transaction.jobs.outbox() == [two.id]


def test_equal_is_the_newest_job_that_still_counts(database: Database) -> None:
    digest = "e" * 64
    failed = finished(database, job(age=0, digest=digest), JobStatus.FAILED)
    older, newer = add(database, job(age=2, digest=digest), job(age=1, digest=digest))
    with database.transaction() as transaction:
        assert transaction.jobs.equal("f" * 64) is None
        found = transaction.jobs.equal(digest)
    assert found is not None
    assert found.id == newer.id
    assert newer.id not in (failed.id, older.id)


def test_a_job_whose_result_is_gone_or_that_is_to_stop_is_no_equal(database: Database) -> None:
    finished(database, job(digest="e" * 64, result_type="table", result_id="tab_gone"))
    [stopping] = add(database, job(digest="e" * 64))
    claim(database, stopping.id)
    with database.transaction() as transaction:
        transaction.jobs.request_cancel(stopping.id)
        assert transaction.jobs.equal("e" * 64) is None


def test_a_job_that_succeeded_with_its_result_is_an_equal(database: Database) -> None:
    made = finished(database, job(digest="e" * 64, result_type="table", result_id="tab_1"))
    with database.transaction() as transaction:
        transaction.resources.add(resource(id="tab_1", type="table", job_id=made.id))
        assert transaction.jobs.equal("e" * 64) == made
