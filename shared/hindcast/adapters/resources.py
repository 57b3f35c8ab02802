"""Corpora, domains, tables and models, as rows."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from hindcast.adapters.discards import PostgresDiscards
from hindcast.adapters.pages import cut, place_of
from hindcast.adapters.tables import job_uses, jobs, resources
from hindcast.errors import InUse, NameTaken, NotFound
from hindcast.jobs.job import JobStatus
from hindcast.registry import NOUNS, Page, Resource, ResourceStatus, ResourceType

ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)


class PostgresResources:
    """See hindcast.registry.Resources."""

    def __init__(self, connection: Connection, discards: PostgresDiscards) -> None:
        self._connection = connection
        self._discards = discards

    def add(self, resource: Resource) -> None:
        """See hindcast.registry.Resources."""
        values = {
            "id": resource.id,
            "type": resource.type,
            "name": resource.name,
            "artifact": resource.artifact,
            "facts": dict(resource.facts),
            "size_bytes": resource.size_bytes,
            "job_id": resource.job_id,
            "created_at": resource.created_at,
            "uses": list(resource.uses),
            "label": resource.label,
        }
        added = insert(resources).values(values).on_conflict_do_nothing().returning(resources.c.id)
        if self._connection.scalar(added) is None:
            first = self._connection.scalar(
                select(resources.c.id).where(resources.c.type == resource.type, resources.c.name == resource.name)
            )
            raise NameTaken(f"The name {resource.name!r} belongs to {NOUNS[resource.type]} {first}.")

    def get(self, reference: str, type: ResourceType | None = None) -> Resource:
        """See hindcast.registry.Resources."""
        row = self._connection.execute(_named(reference, type)).first()
        if row is None:
            raise NotFound(f"There is no {NOUNS[type] if type else 'resource'} {reference!r}.")
        return _resource(row)

    def those(self, ids: Collection[str]) -> Sequence[Resource]:
        """See hindcast.registry.Resources."""
        there = select(resources).where(resources.c.id.in_(ids))
        oldest = there.order_by(resources.c.created_at, resources.c.id)
        return [_resource(row) for row in self._connection.execute(oldest)]

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
        newest = select(resources).where(resources.c.type == type)
        newest = newest.order_by(resources.c.created_at.desc(), resources.c.id.desc())
        if status is not None:
            newest = newest.where(_is(status))
        if name is not None:
            newest = newest.where(resources.c.name == name)
        for fact, value in (facts or {}).items():
            newest = newest.where(resources.c.facts[fact].astext == value)
        if place := place_of(page):
            newest = newest.where(tuple_(resources.c.created_at, resources.c.id) < tuple_(*place))
        rows = self._connection.execute(newest.limit(page.limit + 1)).all()
        rows, cursor = cut(rows, page, lambda row: (row.created_at, row.id))
        return [_resource(row) for row in rows], cursor

    def complete(self, id: str, *, artifact: str, facts: Mapping[str, Any], size_bytes: int) -> None:
        """See hindcast.registry.Resources."""
        ready = update(resources).where(resources.c.id == id, resources.c.artifact.is_(None))
        values = {"artifact": artifact, "facts": dict(facts), "size_bytes": size_bytes}
        values["created_at"] = case(
            (resources.c.type == "corpus", resources.c.created_at), else_=func.clock_timestamp()
        )
        if self._connection.execute(ready.values(values)).rowcount == 0:
            raise NotFound(f"Nothing is reserved under {id!r}.")

    def delete(self, id: str) -> Resource:
        """See hindcast.registry.Resources."""
        # The lock comes first: a job that is being submitted either is seen below, or finds the resource gone.
        row = self._connection.execute(select(resources).where(resources.c.id == id).with_for_update()).first()
        if row is None:
            raise NotFound(f"There is no resource {id!r}.")
        if (user := self._connection.scalar(_active_job(row))) is not None:
            raise InUse(f"Job {user} needs {id}: it can't be deleted before the job has ended.")
        self._connection.execute(delete(resources).where(resources.c.id == id))
        if row.artifact is not None:
            self._discards.add(row.artifact)
        return _resource(row)


def _named(reference: str, type: ResourceType | None) -> Select[Any]:
    by_id = resources.c.id == reference
    if type is None:
        return select(resources).where(by_id)
    by_name = resources.c.name == reference
    return select(resources).where(resources.c.type == type, or_(by_id, by_name)).order_by(by_id.desc())


def _is(status: ResourceStatus) -> ColumnElement[bool]:
    if status == "ready":
        return resources.c.artifact.is_not(None)
    in_the_making = exists().where(jobs.c.id == resources.c.job_id, jobs.c.status.in_(ACTIVE))
    return and_(resources.c.artifact.is_(None), in_the_making if status == "pending" else ~in_the_making)


def _active_job(resource: Row[Any]) -> Select[tuple[str]]:
    uses_it = exists().where(job_uses.c.job_id == jobs.c.id, job_uses.c.resource_id == resource.id)
    makes_it = jobs.c.result_id == resource.id
    return select(jobs.c.id).where(and_(jobs.c.status.in_(ACTIVE), or_(uses_it, makes_it))).limit(1)


def _resource(row: Row[Any]) -> Resource:
    return Resource(
        id=row.id,
        type=row.type,
        name=row.name,
        artifact=row.artifact,
        facts=row.facts,
        size_bytes=row.size_bytes,
        job_id=row.job_id,
        created_at=row.created_at,
        uses=tuple(row.uses),
        label=row.label,
    )
