"""What a service that reads resources keeps: what the database said of them, and those it has opened."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from operator import attrgetter
from typing import Generic, TypeVar

from hindcast.errors import NotFound, Unavailable
from hindcast.jobs.ports import Database
from hindcast.jobs.references import why_not_ready
from hindcast.registry import Resource, ResourceType

Opened = TypeVar("Opened")


class Catalogue:
    """What the database says of resources of one type: remembered for a moment, and for longer while it is away."""

    def __init__(
        self,
        database: Database,
        type: ResourceType,
        *,
        refresh_seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        on_deleted: Callable[[str], None] = lambda id: None,
    ) -> None:
        """`on_deleted` hears the id of a resource that was there when last asked for, and is there no more."""
        self._database = database
        self._type = type
        self._refresh_seconds = refresh_seconds
        self._clock = clock
        self._on_deleted = on_deleted
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._seen: dict[str, tuple[float, Resource]] = {}

    def get(self, reference: str) -> Resource:
        """One that is ready, by id or name. NotFound; Unavailable while the database is away, unless it was seen.

        One thread at a time asks anew for what was seen; meanwhile the others go on with that.
        """
        with self._lock:
            moment, seen = self._seen.get(reference, (0.0, None))
        if seen is None:
            return self._ask(reference)
        if self._clock() - moment < self._refresh_seconds or not self._asking.acquire(blocking=False):
            return seen
        try:
            return self._ask(reference)
        except Unavailable:
            # Nobody waits for it again before the next refresh is due.
            self._remember(reference, seen)
            return seen
        except NotFound:
            self.forget(seen.id)
            self._on_deleted(seen.id)
            raise
        finally:
            self._asking.release()

    def forget(self, reference: str) -> None:
        """Ask the database the next time."""
        with self._lock:
            for key, (_, resource) in list(self._seen.items()):
                if reference in (key, resource.id, resource.name):
                    del self._seen[key]

    def _ask(self, reference: str) -> Resource:
        with self._database.transaction() as transaction:
            resource = transaction.resources.get(reference, self._type)
            if not resource.ready:
                raise NotFound(why_not_ready(transaction, resource))
        self._remember(reference, resource)
        return resource

    def _remember(self, reference: str, resource: Resource) -> None:
        with self._lock:
            self._seen[reference] = (self._clock(), resource)


@dataclass(frozen=True)
class _Entry(Generic[Opened]):
    size_bytes: int
    future: "Future[Opened]"


class Shelf(Generic[Opened]):
    """What was opened, within a budget of memory; the one used longest ago goes first.

    One that is larger than the whole budget is still served, alone.
    """

    def __init__(
        self,
        open: Callable[[Resource], Opened],
        *,
        memory_bytes: int,
        weigh: Callable[[Resource], int] = attrgetter("size_bytes"),
    ) -> None:
        """`weigh` says how many bytes one takes when it is open: as many as its artifact, if nothing else is said."""
        self._open = open
        self._weigh = weigh
        self._memory_bytes = memory_bytes
        self._lock = threading.Lock()
        self._entries: OrderedDict[str, _Entry[Opened]] = OrderedDict()

    def get(self, resource: Resource) -> Opened:
        """The opened resource. The first to ask opens it and whoever asks meanwhile waits for that; a failure is
        theirs too, but is not remembered."""
        with self._lock:
            entry = self._entries.get(resource.id)
            first = entry is None
            if entry is None:
                entry = self._entries[resource.id] = _Entry(self._weigh(resource), Future())
                self._make_room()
            self._entries.move_to_end(resource.id)
        if first:
            self._fill(resource, entry)
        return entry.future.result()

    def drop(self, id: str) -> None:
        """Close it; whoever is computing with it goes on undisturbed."""
        with self._lock:
            self._entries.pop(id, None)

    @property
    def ids(self) -> Sequence[str]:
        """What is open, the one used longest ago first."""
        with self._lock:
            return list(self._entries)

    def _fill(self, resource: Resource, entry: _Entry[Opened]) -> None:
        try:
            entry.future.set_result(self._open(resource))
        except BaseException as error:
            with self._lock:
                if self._entries.get(resource.id) is entry:
                    del self._entries[resource.id]
            entry.future.set_exception(error)

    def _make_room(self) -> None:
        while len(self._entries) > 1 and sum(e.size_bytes for e in self._entries.values()) > self._memory_bytes:
            self._entries.popitem(last=False)
