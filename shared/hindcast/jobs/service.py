"""What can happen to a job, and what is promised about it.

1. A submitted job is never lost, and no two attempts at it count: whatever a worker writes carries the number of its
   attempt, and is refused (LeaseLost) once another attempt has begun or the job has ended.
2. A job whose worker or process died goes on from its last checkpoint. After MAX_CRASHES deaths in a row without a
   new checkpoint it fails instead of dying for ever.
3. What a job makes is visible whole, from the moment in which the job has succeeded, or never.
4. A job that needs what another makes starts after that has succeeded, and fails if that fails or is cancelled.
5. Whatever nothing points to any more is removed, even if everything stops in between.

Each function is one use case inside a transaction that its caller opens: none commits. `deliver` and
`remove_discarded`, at the end, do what follows a commit, and open their own.
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hindcast.errors import Conflict, IllegalMove, NotFound, Unavailable
from hindcast.jobs.job import Job, JobProgress, JobStatus
from hindcast.jobs.ports import Artifacts, Database, Queue, Transaction
from hindcast.jobs.references import Reference, jobs_that_make, resolve, with_ids
from hindcast.registry import NOUNS, Resource, ResourceType, new_id

MAX_CRASHES = 3
"""So many deaths in a row without a new checkpoint, and the job has failed."""

ARTIFACT_FOLDERS: Mapping[ResourceType, str] = {
    "corpus": "corpora",
    "domains": "domains",
    "table": "tables",
    "model": "models",
    "ngram": "ngrams",
}

# A job's error is stored as the HTTP answer that will tell it: these two arise nowhere else.
NEED_FAILED = {"type": "/problems/need-failed", "title": "A job that it needs did not succeed", "status": 424}
CRASHED = {"type": "/problems/crashed", "title": "Its process died again and again", "status": 500}

_ENDED: Mapping[JobStatus, str] = {
    JobStatus.SUCCEEDED: "has succeeded",
    JobStatus.FAILED: "has failed",
    JobStatus.CANCELLED: "was cancelled",
}
"""In sentences."""


@dataclass(frozen=True)
class Made:
    """What a job has stored, before anyone can see it."""

    artifact: str
    """Its key: `artifact_key(job)`."""
    size_bytes: int
    facts: Mapping[str, Any] = field(default_factory=dict)


def submit(
    transaction: Transaction,
    *,
    kind: str,
    spec: Mapping[str, Any],
    references: Sequence[Reference] = (),
    check: Callable[[Mapping[str, Resource]], None] = lambda found: None,
    result_type: ResourceType | None = None,
    name: str | None = None,
    result_name: str | None = None,
    label: str | None = None,
    uploads: Sequence[str] = (),
    id: str | None = None,
    reuse_equal: bool = False,
) -> Job:
    """Queue a job and reserve what it will make.

    `spec` is the validated specification as JSON; the names in it are replaced by ids, at the paths of `references`.
    `check` is given the resources at these paths, ready or not, and raises what speaks against the job.
    `name` is the job's and its result's, `result_name` the result's alone, `label` what people may call what has no
    name. `uploads` are keys of artifacts that only
    this job reads. With `reuse_equal`, a job of the same kind and specification that is queued, running or has
    succeeded is the answer instead of a new one; who gives the new one's `id` can tell.

    InvalidInput names the field of a reference that is unknown, of the wrong type, or to be made by a job that failed;
    NameTaken.
    """
    resources = resolve(transaction, references)
    check(resources)
    needs = jobs_that_make(transaction, resources)
    document = with_ids(spec, {path: resource.id for path, resource in resources.items()})
    digest = digest_of(kind, document)
    if reuse_equal and (equal := transaction.jobs.equal(digest)) is not None:
        return equal
    job = Job(
        id=id or new_id("job"),
        kind=kind,
        name=name,
        status=JobStatus.QUEUED,
        spec=document,
        digest=digest,
        needs=needs,
        uses=tuple(sorted({resource.id for resource in resources.values()})),
        result_type=result_type,
        result_id=new_id(result_type) if result_type else None,
        created_at=datetime.now(UTC),
        uploads=tuple(uploads),
        label=label,
    )
    transaction.jobs.add(job)
    _reserve(transaction, job, name=result_name or name)
    _tell_status(transaction, job)
    return job


def claim(transaction: Transaction, id: str, *, lease_seconds: float) -> Job | None:
    """Begin an attempt, or None where there is nothing to begin: another has the job, it has ended, it waits for
    another job, or it was to be cancelled or had crashed once too often when its worker died."""
    job = transaction.jobs.claim(id, lease_seconds=lease_seconds)
    if job is None:
        return None
    if job.cancel_requested:
        stopped(transaction, id, job.attempt)
        return None
    if job.crashes >= MAX_CRASHES:
        _fail_crashed(transaction, job, "its worker died or lost touch with the database")
        return None
    _tell_status(transaction, job)
    return job


def report(
    transaction: Transaction,
    id: str,
    attempt: int,
    *,
    progress: JobProgress | None = None,
    metrics: Mapping[str, float] | None = None,
) -> None:
    """Tell how far an attempt is. A metric that is no finite number is left out: JSON knows none."""
    finite = {name: value for name, value in (metrics or {}).items() if math.isfinite(value)}
    transaction.jobs.report(id, attempt, progress=progress, metrics=finite)
    if progress is not None:
        transaction.jobs.add_event(id, "progress", asdict(progress))
    if finite:
        at = {"done": progress.done, "unit": progress.unit} if progress else {}
        transaction.jobs.add_event(id, "metric", {"metrics": finite, **at})


def log(transaction: Transaction, id: str, attempt: int, message: str) -> None:
    """Add a line to the job's log."""
    transaction.jobs.report(id, attempt)
    transaction.jobs.add_event(id, "log", {"message": message})


def save_checkpoint(transaction: Transaction, id: str, attempt: int, key: str) -> None:
    """From now on another attempt would go on from `key`; the checkpoint before is let go."""
    before = transaction.jobs.save_checkpoint(id, attempt, key)
    # The same key comes again when a commit went through but its answer was lost.
    if before is not None and before != key:
        transaction.discards.add(before)


def finish(
    transaction: Transaction,
    id: str,
    attempt: int,
    *,
    made: Made | None,
    metrics: Mapping[str, float] | None = None,
) -> Job:
    """The attempt is done: in one and the same transaction its result becomes visible and the job has succeeded."""
    report(transaction, id, attempt, metrics=metrics)
    job = transaction.jobs.get(id)
    if job.progress is not None:
        complete = replace(job.progress, fraction=1.0, done=job.progress.total, eta_seconds=0.0)
        transaction.jobs.report(id, attempt, progress=complete)
    if made is not None and job.result_id is not None:
        transaction.resources.complete(
            job.result_id, artifact=made.artifact, facts=made.facts, size_bytes=made.size_bytes
        )
    # Earlier attempts may have died between storing their result and this moment.
    earlier = [artifact_key(job, attempt=number) for number in range(1, attempt)] if job.result_id else []
    transaction.discards.add(checkpoint_folder(job), *job.uploads, *earlier)
    return _move(transaction, id, JobStatus.SUCCEEDED, attempt=attempt)


def fail(transaction: Transaction, id: str, attempt: int, problem: Mapping[str, Any]) -> Job:
    """The attempt ended in `problem`: the job has failed, and so have those that wait for it."""
    job = _move(transaction, id, JobStatus.FAILED, attempt=attempt, error=problem)
    _fail_dependents(transaction, job)
    return job


def crash(transaction: Transaction, id: str, attempt: int, how: str) -> Job:
    """The attempt's process died (`how`: "it was killed by SIGKILL"): the job is queued again, or has failed if that
    has happened too often."""
    job = transaction.jobs.get(id)
    if job.cancel_requested:
        return stopped(transaction, id, attempt)
    job = replace(job, attempt=attempt, crashes=job.crashes + 1)
    if job.crashes >= MAX_CRASHES:
        return _fail_crashed(transaction, job, how)
    return _move(transaction, id, JobStatus.QUEUED, attempt=attempt, crashes=job.crashes, message=how)


def release(transaction: Transaction, id: str, attempt: int) -> Job:
    """The attempt's worker is being stopped: the job is queued again at once."""
    return _move(transaction, id, JobStatus.QUEUED, attempt=attempt, message="its worker was stopped")


def stopped(transaction: Transaction, id: str, attempt: int) -> Job:
    """The attempt has stopped, as was requested: the job is cancelled."""
    job = _move(transaction, id, JobStatus.CANCELLED, attempt=attempt)
    _fail_dependents(transaction, job)
    return job


def cancel(transaction: Transaction, id: str) -> Job:
    """Cancel a queued job at once; ask a running one to stop. IllegalMove if it has ended."""
    [job] = transaction.jobs.hold([id])
    if job.status is JobStatus.RUNNING:
        transaction.jobs.add_event(id, "log", {"message": "It was asked to stop."})
        return transaction.jobs.request_cancel(id)
    if job.status.ended:
        raise IllegalMove(
            f"Job {job.called} {_ENDED[job.status]} already: only what is queued or runs can be cancelled."
        )
    job = _move(transaction, id, JobStatus.CANCELLED)
    _fail_dependents(transaction, job)
    return job


def retry(transaction: Transaction, id: str) -> Job:
    """Queue a failed or cancelled job again, to go on from its checkpoint. IllegalMove; Conflict if what it uses or was
    to make is gone.

    It alone: a job that it needs and that failed has to be retried too, and until that has succeeded this one waits.
    Jobs that failed because they needed this one stay as they are.
    """
    [job] = transaction.jobs.hold([id])
    if job.status not in (JobStatus.FAILED, JobStatus.CANCELLED):
        now = _ENDED.get(job.status, f"is {job.status}")
        raise IllegalMove(f"Job {job.called} {now}: only what failed or was cancelled can be retried.")
    failed = [
        need.id for need in transaction.jobs.hold(job.needs) if need.status in (JobStatus.FAILED, JobStatus.CANCELLED)
    ]
    message = f"It waits for {', '.join(failed)}: retry that too." if failed else None
    try:
        return _move(transaction, id, JobStatus.QUEUED, crashes=0, message=message)
    except NotFound as error:
        raise Conflict(f"Job {job.called} can't be retried: {error.detail} Submit a new job.") from error


def delete(transaction: Transaction, id: str) -> Job:
    """Remove a job that has ended, with its events and all that it stored, except a result that is ready. IllegalMove
    if it hasn't ended; InUse while another waits for it."""
    job = transaction.jobs.delete(id)
    transaction.discards.add(checkpoint_folder(job), *job.uploads)
    if job.status is not JobStatus.SUCCEEDED and job.result_id is not None:
        transaction.discards.add(_result_folder(job))
    return job


def abandon(transaction: Transaction, job: Job, key: str) -> None:
    """Let go of a result that an attempt stored before it lost its lease."""
    if job.result_id is None:
        return
    with suppress(NotFound):
        # The lease is also lost to the attempt's own success, if that was committed and the answer was lost.
        if transaction.resources.get(job.result_id).artifact == key:
            return
    transaction.discards.add(key)


def digest_of(kind: str, spec: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of what makes two jobs equal."""
    canonical = json.dumps([kind, spec], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def checkpoint_folder(job: Job) -> str:
    """The key below which all checkpoints of the job are."""
    return f"checkpoints/{job.id}"


def artifact_key(job: Job, *, attempt: int | None = None) -> str:
    """The key for the result of the job's present attempt, or of another: no two share one."""
    return f"{_result_folder(job)}/{attempt or job.attempt}"


def _result_folder(job: Job) -> str:
    assert job.result_type is not None
    return f"{ARTIFACT_FOLDERS[job.result_type]}/{job.result_id}"


def _reserve(transaction: Transaction, job: Job, *, name: str | None) -> None:
    if job.result_type is None or job.result_id is None:
        return
    transaction.resources.add(
        Resource(
            id=job.result_id,
            type=job.result_type,
            name=name,
            artifact=None,
            facts={},
            size_bytes=0,
            job_id=job.id,
            created_at=job.created_at,
            uses=job.uses,
            label=job.label,
        )
    )


def _move(transaction: Transaction, id: str, to: JobStatus, *, message: str | None = None, **changes: Any) -> Job:
    job = transaction.jobs.move(id, to, **changes)
    _tell_status(transaction, job, message=message)
    return job


def _tell_status(transaction: Transaction, job: Job, *, message: str | None = None) -> None:
    told = {"status": job.status, "attempt": job.attempt, "error": job.error, "message": message}
    transaction.jobs.add_event(job.id, "status", {key: value for key, value in told.items() if value is not None})


def _fail_crashed(transaction: Transaction, job: Job, how: str) -> Job:
    detail = f"{MAX_CRASHES} attempts in a row died before they got further; the last time, {how}."
    return fail(transaction, job.id, job.attempt, {**CRASHED, "detail": detail})


def _fail_dependents(transaction: Transaction, job: Job) -> None:
    """Fail the queued jobs that need `job`, and those that need them."""
    how = "was cancelled" if job.status is JobStatus.CANCELLED else f"failed: {(job.error or {}).get('detail')}"
    what = f"the {NOUNS[job.result_type]} {job.result_id} of " if job.result_type else ""
    problem = {**NEED_FAILED, "detail": f"It needs {what}the {job.kind} job {job.id}, which {how}"}
    # Asked anew each time: the first to fail may take others of them along.
    while waiting := transaction.jobs.waiting_for(job.id):
        failed = _move(transaction, waiting[0].id, JobStatus.FAILED, error=problem)
        _fail_dependents(transaction, failed)


def deliver(database: Database, queue: Queue) -> None:
    """Ring for the jobs that were queued, after the commit. What is away now is left to a worker's next sweep."""
    with suppress(Unavailable):
        with database.transaction() as transaction:
            waiting = transaction.jobs.outbox()
        sent: list[str] = []
        with suppress(Unavailable):
            for id in waiting:
                queue.ring(id)
                sent.append(id)
        if sent:
            with database.transaction() as transaction:
                transaction.jobs.delivered(sent)


def remove_discarded(database: Database, artifacts: Artifacts) -> None:
    """Remove the artifacts that nothing points to any more; Unavailable."""
    with database.transaction() as transaction:
        keys = transaction.discards.list()
    for key in keys:
        artifacts.delete(key)
    if keys:
        with database.transaction() as transaction:
            transaction.discards.removed(keys)
