"""Jobs as rows. Every moment that matters to a lease is read from the database's clock."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Integer,
    Row,
    Select,
    and_,
    any_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.types import Text

from hindcast.adapters.pages import cut, place_of
from hindcast.adapters.tables import experiments, job_events, job_needs, job_uses, jobs, outbox, resources
from hindcast.errors import IllegalMove, InUse, LeaseLost, NameTaken, NotFound
from hindcast.jobs.curves import Curve, Moment, ToldMetric, drawn
from hindcast.jobs.job import LEGAL_MOVES, EventType, Job, JobEvent, JobProgress, JobStatus
from hindcast.jobs.ports import EVERY_JOB, JobFilter
from hindcast.registry import Page

ONE_ASKS_FOR_EQUALS = 4_846_369
"""The advisory lock that `equal` holds until its transaction ends."""

_needed = jobs.alias("needed")
_unmet_need = exists().where(
    job_needs.c.job_id == jobs.c.id,
    _needed.c.id == job_needs.c.needed_id,
    _needed.c.status != JobStatus.SUCCEEDED,
)
_lease_ran_out = and_(jobs.c.status == JobStatus.RUNNING, jobs.c.lease_until <= func.clock_timestamp())
_claimable = or_(and_(jobs.c.status == JobStatus.QUEUED, ~_unmet_need), _lease_ran_out)

_needs = select(job_needs.c.needed_id).where(job_needs.c.job_id == jobs.c.id)
_uses = select(job_uses.c.resource_id).where(job_uses.c.job_id == jobs.c.id)
_whole = select(
    jobs,
    func.array(_needs.scalar_subquery(), type_=ARRAY(Text)).label("needs"),
    func.array(_uses.scalar_subquery(), type_=ARRAY(Text)).label("uses"),
)
_made_by_experiments = select(func.jsonb_array_elements_text(experiments.c.document["made"]))


class PostgresJobs:
    """See hindcast.jobs.ports.Jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, job: Job) -> None:
        """See hindcast.jobs.ports.Jobs."""
        self._keep_resources(job.uses)
        added = insert_or(jobs).values(_values(job)).on_conflict_do_nothing().returning(jobs.c.id)
        if self._connection.scalar(added) is None:
            first = self._connection.scalar(select(jobs.c.id).where(jobs.c.name == job.name))
            raise NameTaken(f"The name {job.name!r} belongs to job {first}.")
        if job.needs:
            rows = [{"job_id": job.id, "needed_id": id} for id in job.needs]
            self._connection.execute(insert(job_needs), rows)
        if job.uses:
            rows = [{"job_id": job.id, "resource_id": id} for id in job.uses]
            self._connection.execute(insert(job_uses), rows)
        self._announce(job.id)

    def get(self, reference: str) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        by_id = jobs.c.id == reference
        named = _whole.where(or_(by_id, jobs.c.name == reference)).order_by(by_id.desc())
        row = self._connection.execute(named).first()
        if row is None:
            raise NotFound(f"There is no job {reference!r}.")
        return _job(row)

    def those(self, ids: Collection[str]) -> Sequence[Job]:
        """See hindcast.jobs.ports.Jobs."""
        return [_job(row) for row in self._connection.execute(_oldest(ids))]

    def hold(self, ids: Collection[str]) -> Sequence[Job]:
        """See hindcast.jobs.ports.Jobs."""
        # A job is always newer than those it needs: one order for all who lock several.
        held = [_job(row) for row in self._connection.execute(_locked(_oldest(ids)))]
        if missing := set(ids).difference(job.id for job in held):
            raise NotFound(f"There is no job {min(missing)!r}.")
        return held

    def list(self, page: Page, wanted: JobFilter = EVERY_JOB) -> tuple[Sequence[Job], str | None]:
        """See hindcast.jobs.ports.Jobs."""
        newest = _whole.order_by(jobs.c.created_at.desc(), jobs.c.id.desc())
        exact = ((jobs.c.status, wanted.status), (jobs.c.kind, wanted.kind), (jobs.c.name, wanted.name))
        for column, value in exact:
            if value is not None:
                newest = newest.where(column == value)
        if wanted.search is not None:
            newest = newest.where(func.coalesce(jobs.c.name, jobs.c.label).regexp_match(_in_any_case(wanted.search)))
        if wanted.in_experiment is not None:
            newest = newest.where(jobs.c.id.in_(_made_by_experiments) == wanted.in_experiment)
        if place := place_of(page):
            newest = newest.where(tuple_(jobs.c.created_at, jobs.c.id) < tuple_(*place))
        rows = self._connection.execute(newest.limit(page.limit + 1)).all()
        rows, cursor = cut(rows, page, lambda row: (row.created_at, row.id))
        return [_job(row) for row in rows], cursor

    def equal(self, digest: str) -> Job | None:
        """See hindcast.jobs.ports.Jobs."""
        self._connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": ONE_ASKS_FOR_EQUALS})
        ready = exists().where(resources.c.id == jobs.c.result_id, resources.c.artifact.is_not(None))
        under_way = jobs.c.status.in_((JobStatus.QUEUED, JobStatus.RUNNING)) & ~jobs.c.cancel_requested
        done = (jobs.c.status == JobStatus.SUCCEEDED) & (jobs.c.result_id.is_(None) | ready)
        newest = _whole.where(jobs.c.digest == digest, under_way | done).order_by(jobs.c.created_at.desc())
        row = self._connection.execute(newest.limit(1)).first()
        return None if row is None else _job(row)

    def claim(self, id: str, *, lease_seconds: float) -> Job | None:
        """See hindcast.jobs.ports.Jobs."""
        claimed = (
            update(jobs)
            .where(jobs.c.id == id, _claimable)
            .values(
                status=JobStatus.RUNNING,
                attempt=jobs.c.attempt + 1,
                crashes=jobs.c.crashes + case((jobs.c.status == JobStatus.RUNNING, 1), else_=0),
                lease_until=_from_now(lease_seconds),
                started_at=func.coalesce(jobs.c.started_at, func.clock_timestamp()),
            )
        )
        return self.get(id) if self._connection.execute(claimed).rowcount else None

    def renew(self, id: str, attempt: int, *, lease_seconds: float) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        self._change(id, attempt, lease_until=_from_now(lease_seconds))
        return self.get(id)

    def report(
        self, id: str, attempt: int, *, progress: JobProgress | None = None, metrics: Mapping[str, float] | None = None
    ) -> None:
        """See hindcast.jobs.ports.Jobs."""
        changes: dict[str, Any] = {"metrics": jobs.c.metrics.op("||")(literal(dict(metrics or {}), JSONB))}
        if progress is not None:
            changes["progress"] = asdict(progress)
        self._change(id, attempt, **changes)

    def save_checkpoint(self, id: str, attempt: int, key: str) -> str | None:
        """See hindcast.jobs.ports.Jobs."""
        before = self._held(id, attempt).checkpoint
        self._change(id, attempt, checkpoint=key, crashes=0)
        return before

    def move(
        self,
        id: str,
        to: JobStatus,
        *,
        attempt: int | None = None,
        error: Mapping[str, Any] | None = None,
        crashes: int | None = None,
    ) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        job = self._held(id, attempt)
        if to not in LEGAL_MOVES[job.status]:
            raise IllegalMove(f"Job {id} is {job.status}: it can't become {to}.")
        if to is JobStatus.QUEUED:
            self._keep_resources([*job.uses, *([job.result_id] if job.result_id else [])])
        changes: dict[str, Any] = {"status": to, "error": error, "lease_until": None}
        if crashes is not None:
            changes["crashes"] = crashes
        if to.ended:
            changes["finished_at"] = func.clock_timestamp()
        else:
            changes |= {"cancel_requested": False, "finished_at": None}
        if job.status.ended:
            changes["started_at"] = None
        self._connection.execute(update(jobs).where(jobs.c.id == id).values(changes))
        if to is JobStatus.QUEUED:
            self._announce(id)
        return self.get(id)

    def request_cancel(self, id: str) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        job = self._held(id, None)
        if job.status is not JobStatus.RUNNING:
            raise IllegalMove(f"Job {id} is {job.status}: it can't be asked to stop.")
        self._connection.execute(update(jobs).where(jobs.c.id == id).values(cancel_requested=True))
        return self.get(id)

    def waiting_for(self, id: str) -> Sequence[Job]:
        """See hindcast.jobs.ports.Jobs."""
        needs_it = exists().where(job_needs.c.job_id == jobs.c.id, job_needs.c.needed_id == id)
        waiting = _whole.where(jobs.c.status == JobStatus.QUEUED, needs_it).order_by(jobs.c.created_at, jobs.c.id)
        return [_job(row) for row in self._connection.execute(_locked(waiting))]

    def add_event(self, id: str, type: EventType, data: Mapping[str, Any]) -> None:
        """See hindcast.jobs.ports.Jobs."""
        # Counting on the job's row locks it, so events become visible in the order of their numbers.
        counted = update(jobs).where(jobs.c.id == id).values(last_event=jobs.c.last_event + 1)
        sequence = self._connection.scalar(counted.returning(jobs.c.last_event))
        if sequence is None:
            raise NotFound(f"There is no job {id!r}.")
        self._connection.execute(insert(job_events).values(job_id=id, sequence=sequence, type=type, data=dict(data)))

    def events(
        self,
        id: str,
        *,
        after: int = 0,
        limit: int = 500,
        types: Collection[EventType] | None = None,
        newest: bool = False,
    ) -> Sequence[JobEvent]:
        """See hindcast.jobs.ports.Jobs."""
        later = select(job_events).where(job_events.c.job_id == id, job_events.c.sequence > after)
        if types is not None:
            later = later.where(job_events.c.type.in_(types))
        place = job_events.c.sequence
        rows = self._connection.execute(later.order_by(place.desc() if newest else place).limit(limit)).all()
        told = [JobEvent(row.sequence, row.type, row.data, row.created_at) for row in rows]
        return told[::-1] if newest else told

    def curves(self, id: str, *, points: int) -> Sequence[Curve]:
        """See hindcast.jobs.ports.Jobs."""
        return drawn(self._told_metrics(id), points, partial(self._moments, id))

    def delete(self, id: str) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        job = self._held(id, None)
        if not job.status.ended:
            raise IllegalMove(f"Job {job.called} is {job.status}: only a job that has ended can be deleted.")
        if job.status is not JobStatus.SUCCEEDED and (waiting := self.waiting_for(id)):
            raise InUse(f"Job {waiting[0].called} waits for {job.called}: it can't be deleted.")
        never_made = (resources.c.id == job.result_id) & resources.c.artifact.is_(None)
        self._connection.execute(delete(resources).where(never_made))
        self._connection.execute(delete(jobs).where(jobs.c.id == id))
        return job

    def claimable(
        self, limit: int, *, kinds: Collection[str] | None = None, but: Collection[str] = ()
    ) -> Sequence[str]:
        """See hindcast.jobs.ports.Jobs."""
        waiting = select(jobs.c.id).where(_claimable, jobs.c.kind.not_in(but))
        oldest = waiting.order_by(jobs.c.created_at, jobs.c.id).limit(limit)
        if kinds is not None:
            oldest = oldest.where(jobs.c.kind.in_(kinds))
        return self._connection.scalars(oldest).all()

    def outbox(self, limit: int = 100) -> Sequence[str]:
        """See hindcast.jobs.ports.Jobs."""
        oldest = select(outbox.c.job_id).order_by(outbox.c.created_at, outbox.c.job_id).limit(limit)
        return self._connection.scalars(oldest).all()

    def delivered(self, ids: Sequence[str]) -> None:
        """See hindcast.jobs.ports.Jobs."""
        self._connection.execute(delete(outbox).where(outbox.c.job_id.in_(ids)))

    def _told_metrics(self, id: str) -> Sequence[ToldMetric]:
        """All values that the job's events tell."""
        names = self._metric_names(id)
        # A column for each takes a quarter of the time that jsonb_each() takes, which makes rows of them; as bytes they
        # take half of the time that an array of text takes.
        columns = (func.string_agg(func.float8send(func.coalesce(_metric(name), math.nan)), b"") for name in names)
        told = select(func.string_agg(func.int4send(job_events.c.sequence), b""), *columns).where(*_metrics_of(id))
        sequences, *values = (column or b"" for column in self._connection.execute(told).one())
        sequences_N = np.frombuffer(sequences, ">i4").astype(np.int64)
        metrics = []
        for name, column in zip(names, values, strict=True):
            values_N = np.frombuffer(column, ">f8").astype(np.float64)
            is_told_N = ~np.isnan(values_N)
            if is_told_N.any():
                metrics.append(ToldMetric(name, values_N[is_told_N], sequences_N[is_told_N]))
        return metrics

    def _metric_names(self, id: str) -> Sequence[str]:
        """Of all metrics that the job's events tell, and perhaps of more."""
        latest = self._connection.scalar(select(jobs.c.metrics).where(jobs.c.id == id)) or {}
        # Nearly always the latest of each are all there are: that no event has another is seen soon.
        others = job_events.c.data["metrics"].op("-")(literal([*latest], ARRAY(Text))) != literal({}, JSONB)
        more = select(func.jsonb_object_keys(job_events.c.data["metrics"])).where(*_metrics_of(id), others).distinct()
        return sorted({*latest, *self._connection.scalars(more)})

    def _moments(self, id: str, sequences: Collection[int]) -> Mapping[int, Moment]:
        done = cast(job_events.c.data["done"], Double)
        events = select(
            job_events.c.sequence, done, func.coalesce(job_events.c.data["unit"].astext, ""), job_events.c.created_at
        ).where(job_events.c.job_id == id, job_events.c.sequence == any_(literal([*sequences], ARRAY(Integer))))
        return {sequence: Moment(*moment) for sequence, *moment in self._connection.execute(events)}

    def _announce(self, id: str) -> None:
        self._connection.execute(insert_or(outbox).values(job_id=id).on_conflict_do_nothing())

    def _keep_resources(self, ids: Sequence[str]) -> None:
        """Lock them against deletion until this transaction has made its job's use of them visible."""
        there = select(resources.c.id).where(resources.c.id.in_(ids)).with_for_update(read=True, key_share=True)
        if missing := set(ids).difference(self._connection.scalars(there)):
            raise NotFound(f"There is no resource {min(missing)!r}.")

    def _held(self, id: str, attempt: int | None) -> Job:
        """The job, locked; LeaseLost unless it is running in `attempt`, where one is given."""
        if attempt is None:
            return self.hold([id])[0]
        row = self._connection.execute(_locked(_whole.where(jobs.c.id == id))).first()
        if row is None or (row.status, row.attempt) != (JobStatus.RUNNING, attempt):
            raise _lease_lost(id, attempt)
        return _job(row)

    def _change(self, id: str, attempt: int, **changes: Any) -> None:
        mine = (jobs.c.id == id) & (jobs.c.status == JobStatus.RUNNING) & (jobs.c.attempt == attempt)
        if self._connection.execute(update(jobs).where(mine).values(changes)).rowcount == 0:
            raise _lease_lost(id, attempt)


def _lease_lost(id: str, attempt: int) -> LeaseLost:
    return LeaseLost(f"Job {id} is no longer running in attempt {attempt}.")


def _from_now(seconds: float) -> Any:
    return func.clock_timestamp() + timedelta(seconds=seconds)


def _in_any_case(text: str) -> str:
    """A regular expression for the text. In a database without a locale, as `make up` has it, lower() and ILIKE know
    the case of ASCII letters alone."""
    return "".join(f"(?:{'|'.join(sorted(map(re.escape, {each.lower(), each.upper()})))})" for each in text)


def _metrics_of(id: str) -> Sequence[ColumnElement[bool]]:
    return job_events.c.job_id == id, job_events.c.type == "metric"


def _metric(name: str) -> ColumnElement[float]:
    return cast(job_events.c.data["metrics"][name].astext, Double)


def _oldest(ids: Collection[str]) -> Select[Any]:
    return _whole.where(jobs.c.id.in_(ids)).order_by(jobs.c.created_at, jobs.c.id)


def _locked(jobs_to_lock: Select[Any]) -> Select[Any]:
    return jobs_to_lock.with_for_update(of=jobs, key_share=True)


def _values(job: Job) -> dict[str, Any]:
    values = asdict(job)
    for relation in ("needs", "uses"):
        del values[relation]
    return values | {"uploads": list(job.uploads)}


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        kind=row.kind,
        name=row.name,
        status=JobStatus(row.status),
        spec=row.spec,
        digest=row.digest,
        needs=tuple(sorted(row.needs)),
        uses=tuple(sorted(row.uses)),
        result_type=row.result_type,
        result_id=row.result_id,
        created_at=row.created_at,
        uploads=tuple(row.uploads),
        attempt=row.attempt,
        crashes=row.crashes,
        progress=None if row.progress is None else JobProgress(**row.progress),
        metrics=row.metrics,
        error=row.error,
        checkpoint=row.checkpoint,
        cancel_requested=row.cancel_requested,
        started_at=row.started_at,
        finished_at=row.finished_at,
        lease_until=row.lease_until,
        label=row.label,
    )
