"""Jobs, resources, queue and artifacts in memory: shipped with the code and held to the same contract tests as the
real ones, so that tests of what stands on them need no server."""

import json
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.adapters.pages import Place, cut, place_of
from hindcast.errors import IllegalMove, InUse, InvalidInput, LeaseLost, NameTaken, NotFound
from hindcast.jobs.curves import Curve, Moment, ToldMetric, drawn
from hindcast.jobs.job import LEGAL_MOVES, EventType, Job, JobEvent, JobProgress, JobStatus
from hindcast.jobs.ports import EVERY_JOB, JobFilter
from hindcast.registry import NOUNS, Page, Resource, ResourceStatus, ResourceType

Item = TypeVar("Item")


def now() -> datetime:
    """The moment, in UTC."""
    return datetime.now(UTC)


@dataclass
class _Experiment:
    name: str | None
    document: Mapping[str, Any]
    created_at: datetime


@dataclass
class _State:
    """All that a transaction can change. What the dictionaries hold is replaced, never changed in place."""

    jobs: dict[str, Job] = field(default_factory=dict)
    events: dict[str, tuple[JobEvent, ...]] = field(default_factory=dict)
    outbox: dict[str, None] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    experiments: dict[str, _Experiment] = field(default_factory=dict)
    discards: dict[str, None] = field(default_factory=dict)

    def copy(self) -> "_State":
        return _State(**{name: dict(values) for name, values in vars(self).items()})


class MemoryDatabase:
    """Everything in this process. One transaction at a time; a second waits for the first."""

    def __init__(self, *, clock: Callable[[], datetime] = now) -> None:
        self._clock = clock
        self._state = _State()
        self._one_at_a_time = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator["MemoryTransaction"]:
        """See hindcast.jobs.ports.Database."""
        with self._one_at_a_time:
            state = self._state.copy()
            yield MemoryTransaction(state, self._clock)
            self._state = state

    def ping(self) -> None:
        """See hindcast.jobs.ports.Database."""


class MemoryTransaction:
    """One unit of work over a copy of the state, which its database takes over at the end."""

    def __init__(self, state: _State, clock: Callable[[], datetime]) -> None:
        self.discards = MemoryDiscards(state)
        self.jobs = MemoryJobs(state, clock)
        self.resources = MemoryResources(state, clock)
        self.experiments = MemoryExperiments(state, clock)


class MemoryJobs:
    """See hindcast.jobs.ports.Jobs."""

    def __init__(self, state: _State, clock: Callable[[], datetime]) -> None:
        self._state = state
        self._clock = clock

    def add(self, job: Job) -> None:
        """See hindcast.jobs.ports.Jobs."""
        self._keep_resources(job.uses)
        for other in self._state.jobs.values():
            if job.name is not None and other.name == job.name:
                raise NameTaken(f"The name {job.name!r} belongs to job {other.id}.")
        self._state.jobs[job.id] = replace(job, spec=_as_json(job.spec))
        self._state.outbox[job.id] = None

    def get(self, reference: str) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        named = (job for job in self._state.jobs.values() if job.name == reference)
        found = self._state.jobs.get(reference) or next(named, None)
        if found is None:
            raise NotFound(f"There is no job {reference!r}.")
        return found

    def those(self, ids: Collection[str]) -> Sequence[Job]:
        """See hindcast.jobs.ports.Jobs."""
        return sorted((job for id, job in self._state.jobs.items() if id in ids), key=_place)

    def hold(self, ids: Collection[str]) -> Sequence[Job]:
        """See hindcast.jobs.ports.Jobs."""
        if missing := set(ids).difference(self._state.jobs):
            raise NotFound(f"There is no job {min(missing)!r}.")
        return sorted((self._state.jobs[id] for id in set(ids)), key=_place)

    def list(self, page: Page, wanted: JobFilter = EVERY_JOB) -> tuple[Sequence[Job], str | None]:
        """See hindcast.jobs.ports.Jobs."""
        exact = {"status": wanted.status, "kind": wanted.kind, "name": wanted.name}
        fitting = [
            job
            for job in self._state.jobs.values()
            if all(value is None or getattr(job, field) == value for field, value in exact.items())
        ]
        if wanted.search is not None:
            search = wanted.search.lower()
            fitting = [job for job in fitting if search in (job.name or job.label or "").lower()]
        if wanted.in_experiment is not None:
            made = {id for experiment in self._state.experiments.values() for id in experiment.document["made"]}
            fitting = [job for job in fitting if (job.id in made) == wanted.in_experiment]
        return _page(fitting, page, _place)

    def equal(self, digest: str) -> Job | None:
        """See hindcast.jobs.ports.Jobs."""
        equals = [job for job in self._state.jobs.values() if job.digest == digest and self._counts(job)]
        return max(equals, key=_place, default=None)

    def claim(self, id: str, *, lease_seconds: float) -> Job | None:
        """See hindcast.jobs.ports.Jobs."""
        job = self._state.jobs.get(id)
        if job is None or not self._claimable(job):
            return None
        return self._put(
            replace(
                job,
                status=JobStatus.RUNNING,
                attempt=job.attempt + 1,
                crashes=job.crashes + (job.status is JobStatus.RUNNING),
                lease_until=self._clock() + timedelta(seconds=lease_seconds),
                started_at=job.started_at or self._clock(),
            )
        )

    def renew(self, id: str, attempt: int, *, lease_seconds: float) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        until = self._clock() + timedelta(seconds=lease_seconds)
        return self._put(replace(self._running(id, attempt), lease_until=until))

    def report(
        self, id: str, attempt: int, *, progress: JobProgress | None = None, metrics: Mapping[str, float] | None = None
    ) -> None:
        """See hindcast.jobs.ports.Jobs."""
        job = self._running(id, attempt)
        latest = {**job.metrics, **_as_json(metrics or {})}
        self._put(replace(job, progress=progress or job.progress, metrics=latest))

    def save_checkpoint(self, id: str, attempt: int, key: str) -> str | None:
        """See hindcast.jobs.ports.Jobs."""
        job = self._running(id, attempt)
        self._put(replace(job, checkpoint=key, crashes=0))
        return job.checkpoint

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
        job = self.hold([id])[0] if attempt is None else self._running(id, attempt)
        if to not in LEGAL_MOVES[job.status]:
            raise IllegalMove(f"Job {id} is {job.status}: it can't become {to}.")
        if to is JobStatus.QUEUED:
            self._keep_resources([*job.uses, *([job.result_id] if job.result_id else [])])
            self._state.outbox[id] = None
        return self._put(
            replace(
                job,
                status=to,
                error=error,
                crashes=job.crashes if crashes is None else crashes,
                lease_until=None,
                cancel_requested=job.cancel_requested and to.ended,
                started_at=None if job.status.ended else job.started_at,
                finished_at=self._clock() if to.ended else None,
            )
        )

    def request_cancel(self, id: str) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        job = self.hold([id])[0]
        if job.status is not JobStatus.RUNNING:
            raise IllegalMove(f"Job {id} is {job.status}: it can't be asked to stop.")
        return self._put(replace(job, cancel_requested=True))

    def waiting_for(self, id: str) -> Sequence[Job]:
        """See hindcast.jobs.ports.Jobs."""
        queued = (job for job in self._state.jobs.values() if job.status is JobStatus.QUEUED)
        return sorted((job for job in queued if id in job.needs), key=_place)

    def add_event(self, id: str, type: EventType, data: Mapping[str, Any]) -> None:
        """See hindcast.jobs.ports.Jobs."""
        self.hold([id])
        before = self._state.events.get(id, ())
        self._state.events[id] = (*before, JobEvent(len(before) + 1, type, _as_json(data), self._clock()))

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
        later = self._state.events.get(id, ())[after:]
        told = [event for event in later if types is None or event.type in types]
        return told[max(0, len(told) - limit) :] if newest else told[:limit]

    def curves(self, id: str, *, points: int) -> Sequence[Curve]:
        """See hindcast.jobs.ports.Jobs."""
        events = {event.sequence: event for event in self.events(id, limit=sys.maxsize) if event.type == "metric"}
        told: dict[str, dict[int, float]] = {}
        for sequence, event in events.items():
            for name, value in event.data["metrics"].items():
                told.setdefault(name, {})[sequence] = value
        metrics = [
            ToldMetric(name, np.array([*values.values()], np.float64), np.array([*values], np.int64))
            for name, values in told.items()
        ]
        return drawn(metrics, points, lambda kept: {sequence: _moment(events[sequence]) for sequence in kept})

    def delete(self, id: str) -> Job:
        """See hindcast.jobs.ports.Jobs."""
        job = self.hold([id])[0]
        if not job.status.ended:
            raise IllegalMove(f"Job {job.called} is {job.status}: only a job that has ended can be deleted.")
        if job.status is not JobStatus.SUCCEEDED and (waiting := self.waiting_for(id)):
            raise InUse(f"Job {waiting[0].called} waits for {job.called}: it can't be deleted.")
        result = self._state.resources.get(job.result_id or "")
        if result is not None and not result.ready:
            del self._state.resources[result.id]
        del self._state.jobs[id]
        self._state.events.pop(id, None)
        self._state.outbox.pop(id, None)
        for other in [other for other in self._state.jobs.values() if id in other.needs]:
            self._put(replace(other, needs=tuple(need for need in other.needs if need != id)))
        return job

    def claimable(
        self, limit: int, *, kinds: Collection[str] | None = None, but: Collection[str] = ()
    ) -> Sequence[str]:
        """See hindcast.jobs.ports.Jobs."""
        oldest = sorted((job for job in self._state.jobs.values() if self._claimable(job)), key=_place)
        asked = (job for job in oldest if (kinds is None or job.kind in kinds) and job.kind not in but)
        return [job.id for job in asked][:limit]

    def outbox(self, limit: int = 100) -> Sequence[str]:
        """See hindcast.jobs.ports.Jobs."""
        return [*self._state.outbox][:limit]

    def delivered(self, ids: Sequence[str]) -> None:
        """See hindcast.jobs.ports.Jobs."""
        for id in ids:
            self._state.outbox.pop(id, None)

    def _keep_resources(self, ids: Sequence[str]) -> None:
        if missing := set(ids).difference(self._state.resources):
            raise NotFound(f"There is no resource {min(missing)!r}.")

    def _put(self, job: Job) -> Job:
        self._state.jobs[job.id] = job
        return job

    def _running(self, id: str, attempt: int) -> Job:
        job = self._state.jobs.get(id)
        if job is None or (job.status, job.attempt) != (JobStatus.RUNNING, attempt):
            raise LeaseLost(f"Job {id} is no longer running in attempt {attempt}.")
        return job

    def _claimable(self, job: Job) -> bool:
        if job.status is JobStatus.RUNNING:
            return job.lease_until is not None and job.lease_until <= self._clock()
        needed = [self._state.jobs[id].status for id in job.needs]
        return job.status is JobStatus.QUEUED and all(status is JobStatus.SUCCEEDED for status in needed)

    def _counts(self, job: Job) -> bool:
        if job.status is JobStatus.SUCCEEDED:
            result = self._state.resources.get(job.result_id or "")
            return job.result_id is None or (result is not None and result.ready)
        return not job.status.ended and not job.cancel_requested


class MemoryResources:
    """See hindcast.registry.Resources."""

    def __init__(self, state: _State, clock: Callable[[], datetime]) -> None:
        self._state = state
        self._clock = clock

    def add(self, resource: Resource) -> None:
        """See hindcast.registry.Resources."""
        for other in self._state.resources.values():
            if resource.name is not None and (other.type, other.name) == (resource.type, resource.name):
                raise NameTaken(f"The name {resource.name!r} belongs to {NOUNS[resource.type]} {other.id}.")
        self._state.resources[resource.id] = replace(resource, facts=_as_json(resource.facts))

    def get(self, reference: str, type: ResourceType | None = None) -> Resource:
        """See hindcast.registry.Resources."""
        fitting = [other for other in self._state.resources.values() if type in (None, other.type)]
        by_id = (resource for resource in fitting if resource.id == reference)
        by_name = (resource for resource in fitting if type is not None and resource.name == reference)
        found = next(by_id, None) or next(by_name, None)
        if found is None:
            raise NotFound(f"There is no {NOUNS[type] if type else 'resource'} {reference!r}.")
        return found

    def those(self, ids: Collection[str]) -> Sequence[Resource]:
        """See hindcast.registry.Resources."""
        return sorted((resource for id, resource in self._state.resources.items() if id in ids), key=_place)

    def list(
        self,
        type: ResourceType,
        page: Page,
        *,
        status: ResourceStatus | None = "ready",
        name: str | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> tuple[Sequence[Resource], str | None]:
        """See hindcast.registry.Resources."""
        fitting = [
            resource
            for resource in self._state.resources.values()
            if resource.type == type
            and status in (None, self._status(resource))
            and name in (None, resource.name)
            and all(resource.facts.get(fact) == value for fact, value in (facts or {}).items())
        ]
        return _page(fitting, page, _place)

    def _status(self, resource: Resource) -> ResourceStatus:
        if resource.ready:
            return "ready"
        job = self._state.jobs.get(resource.job_id or "")
        return "failed" if job is None or job.status.ended else "pending"

    def complete(self, id: str, *, artifact: str, facts: Mapping[str, Any], size_bytes: int) -> None:
        """See hindcast.registry.Resources."""
        resource = self._state.resources.get(id)
        if resource is None or resource.ready:
            raise NotFound(f"Nothing is reserved under {id!r}.")
        created_at = resource.created_at if resource.type == "corpus" else self._clock()
        made = {"artifact": artifact, "facts": _as_json(facts), "size_bytes": size_bytes, "created_at": created_at}
        self._state.resources[id] = replace(resource, **made)

    def delete(self, id: str) -> Resource:
        """See hindcast.registry.Resources."""
        if id not in self._state.resources:
            raise NotFound(f"There is no resource {id!r}.")
        for job in self._state.jobs.values():
            if not job.status.ended and (id in job.uses or id == job.result_id):
                raise InUse(f"Job {job.id} needs {id}: it can't be deleted before the job has ended.")
        resource = self._state.resources.pop(id)
        if resource.artifact is not None:
            self._state.discards[resource.artifact] = None
        return resource


class MemoryDiscards:
    """See hindcast.jobs.ports.Discards."""

    def __init__(self, state: _State) -> None:
        self._state = state

    def add(self, *keys: str) -> None:
        """See hindcast.jobs.ports.Discards."""
        self._state.discards.update(dict.fromkeys(keys))

    def list(self, limit: int = 100) -> Sequence[str]:
        """See hindcast.jobs.ports.Discards."""
        return [*self._state.discards][:limit]

    def removed(self, keys: Sequence[str]) -> None:
        """See hindcast.jobs.ports.Discards."""
        for key in keys:
            self._state.discards.pop(key, None)


class MemoryExperiments:
    """See hindcast.jobs.ports.Experiments."""

    def __init__(self, state: _State, clock: Callable[[], datetime]) -> None:
        self._state = state
        self._clock = clock

    def add(self, id: str, name: str | None, document: Mapping[str, Any]) -> None:
        """See hindcast.jobs.ports.Experiments."""
        for other_id, other in self._state.experiments.items():
            if name is not None and other.name == name:
                raise NameTaken(f"The name {name!r} belongs to experiment {other_id}.")
        self._state.experiments[id] = _Experiment(name, _as_json(document), self._clock())

    def get(self, reference: str) -> Mapping[str, Any]:
        """See hindcast.jobs.ports.Experiments."""
        named = (id for id, experiment in self._state.experiments.items() if experiment.name == reference)
        id = reference if reference in self._state.experiments else next(named, None)
        if id is None:
            raise NotFound(f"There is no experiment {reference!r}.")
        return self._whole(id)

    def list(
        self, page: Page, *, name: str | None = None, keep: Callable[[Mapping[str, Any]], bool] | None = None
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """See hindcast.jobs.ports.Experiments."""
        documents = [self._whole(id) for id in self._state.experiments]
        if name is not None:
            documents = [document for document in documents if document["name"] == name]
        if keep is not None:
            documents = [document for document in documents if keep(document)]
        return _page(documents, page, lambda document: (document["created_at"], document["id"]))

    def update(self, id: str, document: Mapping[str, Any]) -> None:
        """See hindcast.jobs.ports.Experiments."""
        self._state.experiments[id] = replace(self._existing(id), document=_as_json(document))

    def delete(self, id: str) -> None:
        """See hindcast.jobs.ports.Experiments."""
        self._existing(id)
        del self._state.experiments[id]

    def _existing(self, id: str) -> _Experiment:
        if id not in self._state.experiments:
            raise NotFound(f"There is no experiment {id!r}.")
        return self._state.experiments[id]

    def _whole(self, id: str) -> Mapping[str, Any]:
        found = self._existing(id)
        return {**found.document, "id": id, "name": found.name, "created_at": found.created_at}


class MemoryQueue:
    """A doorbell that remembers who rang."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        """Ids of jobs, in the order in which they were rung for."""

    def ring(self, job_id: str) -> None:
        """See hindcast.jobs.ports.Queue."""
        self.rung.append(job_id)


def temporary_artifacts(folder: Path) -> FileArtifacts:
    """A file store below an empty folder of a test."""
    return FileArtifacts((folder / "artifacts").as_uri(), folder / "cache")


def _moment(event: JobEvent) -> Moment:
    return Moment(event.data.get("done"), event.data.get("unit", ""), event.created_at)


def _place(item: Job | Resource) -> Place:
    return item.created_at, item.id


def _page(items: Sequence[Item], page: Page, place: Callable[[Item], Place]) -> tuple[Sequence[Item], str | None]:
    newest = sorted(items, key=place, reverse=True)
    if (last := place_of(page)) is not None:
        newest = [item for item in newest if place(item) < last]
    return cut(newest[: page.limit + 1], page, place)


def _as_json(value: Any) -> Any:
    """What comes back from a database that stores JSON."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except ValueError as error:
        raise InvalidInput("A value is too large to be stored, or holds a NUL character.") from error
