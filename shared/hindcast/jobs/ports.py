"""What the job service needs from a database, a queue and a file store. `hindcast.adapters` and `hindcast.testing`
implement these; one contract test holds both to them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from hindcast.jobs.curves import Curve
from hindcast.jobs.job import EventType, Job, JobEvent, JobProgress, JobStatus
from hindcast.registry import Page, Resources


@dataclass(frozen=True)
class JobFilter:
    """Which jobs are listed: those that fit all that isn't None."""

    status: JobStatus | None = None
    kind: str | None = None
    name: str | None = None
    search: str | None = None
    """Stands, in any case, in the name or, where there is none, in the label."""
    in_experiment: bool | None = None
    """Whether an experiment's document has it under `made`."""


EVERY_JOB = JobFilter()


class Jobs(Protocol):
    """Jobs, inside one transaction. A method that takes `attempt` raises LeaseLost unless the job is running in it."""

    def add(self, job: Job) -> None:
        """Insert the job and an outbox row for it; NameTaken, and NotFound if a resource that it uses is gone: those
        that are there can't be deleted while it is queued or running."""

    def get(self, reference: str) -> Job:
        """By id or name; NotFound."""

    def those(self, ids: Collection[str]) -> Sequence[Job]:
        """Those of these jobs that there are, oldest first."""

    def hold(self, ids: Collection[str]) -> Sequence[Job]:
        """These jobs, kept from changing until the transaction ends, oldest first; NotFound if one is missing."""

    def list(self, page: Page, wanted: JobFilter = EVERY_JOB) -> tuple[Sequence[Job], str | None]:
        """Newest first, and the cursor of the next page."""

    def equal(self, digest: str) -> Job | None:
        """The newest job of that digest that is queued, running, or has succeeded and still has its result. A second
        transaction that asks waits for the end of the first, and so sees what that has added."""

    def claim(self, id: str, *, lease_seconds: float) -> Job | None:
        """Move it to running with a fresh lease and attempt, if it is queued with all needs succeeded, or running with
        a lease that ran out by the database's clock: that attempt died, so `crashes` rises. None where there is
        nothing to claim."""

    def renew(self, id: str, attempt: int, *, lease_seconds: float) -> Job:
        """Renew the lease; the answer says whether a cancel was requested."""

    def report(
        self, id: str, attempt: int, *, progress: JobProgress | None = None, metrics: Mapping[str, float] | None = None
    ) -> None:
        """Latest progress and metrics."""

    def save_checkpoint(self, id: str, attempt: int, key: str) -> str | None:
        """Point to a new checkpoint, set `crashes` to 0, return the key of the one before."""

    def move(
        self,
        id: str,
        to: JobStatus,
        *,
        attempt: int | None = None,
        error: Mapping[str, Any] | None = None,
        crashes: int | None = None,
    ) -> Job:
        """Change the status; IllegalMove if LEGAL_MOVES forbids it. To queued also writes an outbox row and clears the
        lease, the error and the cancel request, and is NotFound if a resource that the job uses or was to make is
        gone; to an ended state sets finished_at."""

    def request_cancel(self, id: str) -> Job:
        """Ask a running job to stop."""

    def waiting_for(self, id: str) -> Sequence[Job]:
        """Queued jobs that need this one."""

    def add_event(self, id: str, type: EventType, data: Mapping[str, Any]) -> None:
        """Append to the job's events."""

    def events(
        self,
        id: str,
        *,
        after: int = 0,
        limit: int = 500,
        types: Collection[EventType] | None = None,
        newest: bool = False,
    ) -> Sequence[JobEvent]:
        """Events with a sequence above `after`, of `types` alone where they are given, in order: the first `limit`, or
        with `newest` the last."""

    def curves(self, id: str, *, points: int) -> Sequence[Curve]:
        """All that the job's events tell of each metric, reduced to at most `points` (from FEWEST_POINTS) values by
        `hindcast.jobs.curves.extremes`, by name."""

    def delete(self, id: str) -> Job:
        """Remove an ended job and its events (IllegalMove otherwise) and the resource that it reserved but never
        made; a resource that is ready stays. InUse while a queued job needs it and it has not succeeded."""

    def claimable(
        self, limit: int, *, kinds: Collection[str] | None = None, but: Collection[str] = ()
    ) -> Sequence[str]:
        """Ids that `claim` would take now, of `kinds` alone where they are given, of none in `but`, oldest first."""

    def outbox(self, limit: int = 100) -> Sequence[str]:
        """Ids of jobs whose message has not gone out."""

    def delivered(self, ids: Sequence[str]) -> None:
        """Forget the outbox rows of these jobs."""


class Discards(Protocol):
    """Artifacts that nothing points to any more, inside one transaction: after its commit a worker's sweep removes
    them, however often that worker dies."""

    def add(self, *keys: str) -> None:
        """Have these keys, and all below them, removed."""

    def list(self, limit: int = 100) -> Sequence[str]:
        """Keys to remove, oldest first."""

    def removed(self, keys: Sequence[str]) -> None:
        """Forget these: they are gone."""


class Experiments(Protocol):
    """Experiments, inside one transaction: a document each; their state is derived from their jobs."""

    def add(self, id: str, name: str | None, document: Mapping[str, Any]) -> None:
        """Insert; NameTaken."""

    def get(self, reference: str) -> Mapping[str, Any]:
        """By id or name: the document, with `id`, `name` and `created_at` set; NotFound."""

    def list(
        self, page: Page, *, name: str | None = None, keep: Callable[[Mapping[str, Any]], bool] | None = None
    ) -> tuple[Sequence[Mapping[str, Any]], str | None]:
        """Newest first, and the cursor of the next page. `keep` says which documents count: what is derived from jobs
        is in no column."""

    def update(self, id: str, document: Mapping[str, Any]) -> None:
        """Replace the document."""

    def delete(self, id: str) -> None:
        """Remove it."""


class Transaction(Protocol):
    """One unit of work: all of it happens or nothing."""

    @property
    def jobs(self) -> Jobs:
        """The jobs."""

    @property
    def resources(self) -> Resources:
        """The resources."""

    @property
    def discards(self) -> Discards:
        """The artifacts to remove."""

    @property
    def experiments(self) -> Experiments:
        """The experiments."""


class Database(Protocol):
    """Where the truth is."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Commits at the end of the block, rolls back on an exception; Unavailable while the server is away."""

    def ping(self) -> None:
        """Unavailable if it can't be reached or its schema is not the one that this code needs."""


class Queue(Protocol):
    """A doorbell: a message carries a job's id and nothing else, and may be lost."""

    def ring(self, job_id: str) -> None:
        """Send the id to some worker; Unavailable."""


class Artifacts(Protocol):
    """Folders and files under keys. A key is written once and never changed."""

    def put(self, folder: Path, key: str) -> int:
        """Store a local folder (or file) under a fresh key; its size in bytes. The local one may be moved away."""

    def fetch(self, key: str) -> Path:
        """A local folder (or file) to read or map: the stored one itself, or a cached copy. NotFound."""

    def open_write(self, key: str) -> AbstractContextManager[BinaryIO]:
        """A stream to a fresh key: what was written is there only if the block ends well."""

    def delete(self, key: str) -> None:
        """Remove the key and all below it; nothing happens if there is none."""
