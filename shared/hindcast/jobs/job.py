"""A job, its states and the moves between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from hindcast.registry import ResourceType


class JobStatus(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


LEGAL_MOVES: Mapping[JobStatus, frozenset[JobStatus]] = {
    # queued -> failed: a job that it needs has failed; running -> queued: its child died, another attempt goes on.
    JobStatus.QUEUED: frozenset({JobStatus.RUNNING, JobStatus.CANCELLED, JobStatus.FAILED}),
    JobStatus.RUNNING: frozenset(
        {JobStatus.RUNNING, JobStatus.QUEUED, JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED}
    ),
    JobStatus.SUCCEEDED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.QUEUED}),
    JobStatus.CANCELLED: frozenset({JobStatus.QUEUED}),
}

EventType = Literal["status", "progress", "metric", "log"]


@dataclass(frozen=True)
class JobProgress:
    """How far a job is, for people."""

    fraction: float
    done: float
    total: float
    unit: str
    eta_seconds: float | None
    """None until enough was seen to say."""
    message: str


@dataclass(frozen=True)
class JobEvent:
    """One thing that happened to a job."""

    sequence: int
    """Rises within a job from 1: what `Last-Event-ID` carries."""
    type: EventType
    data: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Job:
    """One queued piece of work."""

    id: str
    kind: str
    name: str | None
    status: JobStatus
    spec: Mapping[str, Any]
    """The specification as validated JSON, references replaced by ids."""
    digest: str
    """SHA-256 of kind and spec: equal jobs have equal digests."""
    needs: Sequence[str]
    """Ids of jobs that must have succeeded before this one can be claimed."""
    uses: Sequence[str]
    """Ids of the resources that the spec refers to."""
    result_type: ResourceType | None
    result_id: str | None
    """The resource reserved for the result; it is ready when the job has succeeded."""
    created_at: datetime
    uploads: Sequence[str] = ()
    """Keys of artifacts that only this job reads: removed once it has succeeded or is deleted."""
    attempt: int = 0
    """Rises with each claim; every later write must carry it (fencing)."""
    crashes: int = 0
    """Attempts in a row that died without moving the checkpoint."""
    progress: JobProgress | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    """The latest value of each."""
    error: Mapping[str, Any] | None = None
    """The problem that ended it, as in an HTTP answer."""
    checkpoint: str | None = None
    """Key of the folder from which another attempt goes on."""
    cancel_requested: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    lease_until: datetime | None = None
    label: str | None = None
    """What people may call it where it has no name; another may have the same."""

    @property
    def called(self) -> str:
        """What requests can call it, in sentences: those who gave it a name know it by that."""
        return self.name or self.id
