"""`/v1/jobs/{job}/events`: what happens to a job, as server-sent events or as a page of JSON."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic import JsonValue

from hindcast.errors import NotFound, Unavailable
from hindcast.jobs.job import EventType, Job, JobEvent
from hindcast.jobs.ports import Database
from hindcast.web.negotiation import preferred
from hindcast.web.schemas import Schema, Timestamp, timestamp

POLL_SECONDS = 0.5
"""How often a stream looks for new events."""
PING_SECONDS = 15.0
"""A stream in which nothing happens says so often that it is alive."""
BATCH = 500
LARGEST_SEQUENCE = 2**31 - 1
MOST_EVENTS = 1000
"""On a page, and of `last`."""
STREAM, PAGE = "text/event-stream", "application/json"

Types = Collection[EventType] | None
"""The types of events that are meant; None: all."""


class EventAnswer(Schema):
    """One thing that happened to a job."""

    id: int
    """Rises from 1: what `Last-Event-ID` carries."""
    type: EventType
    data: dict[str, JsonValue]
    created_at: Timestamp

    @classmethod
    def of(cls, event: JobEvent) -> "EventAnswer":
        """The event, as it is told."""
        return cls(id=event.sequence, type=event.type, data=dict(event.data), created_at=event.created_at)


class EventPage(Schema):
    """Events of a job, oldest first."""

    items: list[EventAnswer]
    next_cursor: str | None
    """Send it as `cursor` for the events after these; null while there are none."""


def router(database: Database) -> APIRouter:
    """The endpoint."""
    router = APIRouter(tags=["jobs"])

    def found(job: str) -> Job:
        """Looked up before anything is sent: an unknown job is a 404, not an empty stream."""
        with database.transaction() as transaction:
            return transaction.jobs.get(job)

    @router.get(
        "/v1/jobs/{job}/events",
        response_model=EventPage,
        responses={200: {"content": {STREAM: {"schema": {"type": "string"}}}}},
    )
    def job_events(
        job: Annotated[Job, Depends(found)],
        accept: Annotated[str | None, Header()] = None,
        last_event_id: Annotated[
            int, Header(ge=0, le=LARGEST_SEQUENCE, description="The last event that was seen.")
        ] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_EVENTS, description="Events on a page.")] = 100,
        cursor: Annotated[int, Query(ge=0, le=LARGEST_SEQUENCE, description="`next_cursor` of the page before.")] = 0,
        type: Annotated[
            list[EventType] | None, Query(description="These alone; may stand there several times.")
        ] = None,
        last: Annotated[
            int | None,
            Query(ge=1, le=MOST_EVENTS, description="Of what has happened so far only the last so many."),
        ] = None,
    ) -> Response:
        """All that happened to the job and, as a stream, what happens until it has ended: `status`, `progress`,
        `metric` and `log`. With `Accept: application/json` a page of what happened so far."""
        after = max(last_event_id, cursor)
        if last is not None and not last_event_id:  # a stream that was interrupted goes on where it was
            after = _before_the_last(database, job.id, last, after=after, types=type)
        if preferred(accept, [STREAM, PAGE]) == PAGE:
            page = _page(database, job.id, after=after, limit=limit, types=type)
            return Response(page.model_dump_json(), media_type=PAGE)
        # An intermediary that buffers or stores would hold events back.
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        return EventSourceResponse(stream(database, job.id, after=after, types=type), headers=headers)

    return router


def _before_the_last(database: Database, id: str, last: int, *, after: int, types: Types) -> int:
    """The place in the job's events after which there are `last` of `types`, or fewer; never before `after`."""
    with database.transaction() as transaction:
        recent = transaction.jobs.events(id, after=after, limit=last, types=types, newest=True)
    return recent[0].sequence - 1 if recent else after


def _page(database: Database, id: str, *, after: int, limit: int, types: Types) -> EventPage:
    with database.transaction() as transaction:
        happened = transaction.jobs.events(id, after=after, limit=limit + 1, types=types)
    shown = happened[:limit]
    return EventPage(
        items=[EventAnswer.of(event) for event in shown],
        next_cursor=str(shown[-1].sequence) if len(happened) > limit else None,
    )


async def stream(database: Database, id: str, *, after: int, types: Types = None) -> AsyncIterator[bytes]:
    """The job's events as they happen, until it has ended and all are told, or was deleted. While the database is away
    the stream stays open."""
    heard = time.monotonic()
    while True:
        ended, events = await run_in_threadpool(_look, database, id, after, types)
        for event in events:
            yield _encoded(event)
            after = event.sequence
        if len(events) == BATCH:
            continue
        if ended:
            return
        if events:
            heard = time.monotonic()
        elif time.monotonic() - heard > PING_SECONDS:
            yield KEEPALIVE_COMMENT
            heard = time.monotonic()
        await asyncio.sleep(POLL_SECONDS)


def _look(database: Database, id: str, after: int, types: Types) -> tuple[bool, Sequence[JobEvent]]:
    """Whether the job has ended, and its next events of those types."""
    try:
        with database.transaction() as transaction:
            # In this order: the end and its last event are committed together, so an end that is seen here is told.
            ended = transaction.jobs.get(id).status.ended
            return ended, transaction.jobs.events(id, after=after, limit=BATCH, types=types)
    except NotFound:
        return True, ()
    except Unavailable:
        return False, ()


def _encoded(event: JobEvent) -> bytes:
    data = {**event.data, "created_at": timestamp(event.created_at)}
    return format_sse_event(event=event.type, data_str=json.dumps(data), id=str(event.sequence))
