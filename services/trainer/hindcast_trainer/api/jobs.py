"""`/v1/jobs`: submit, watch, cancel, retry, delete."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Query, Response
from pydantic import JsonValue

from hindcast.errors import InvalidInput
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobStatus
from hindcast.jobs.ports import Database, JobFilter, Queue
from hindcast.registry import ResourceType
from hindcast.web.schemas import PageOf, PageQuery, Problem, Schema, Timestamp
from hindcast_trainer.experiments import lifecycle
from hindcast_trainer.kinds import KINDS, Order, submit
from hindcast_trainer.references import as_written


class ProgressAnswer(Schema):
    """How far a job is."""

    fraction: float = 0.0
    """From 0 to 1."""
    done: float = 0.0
    """In `unit`s."""
    total: float = 0.0
    """In `unit`s, as far as is known now; 0 before the job has begun."""
    unit: str = ""
    """What is counted: "tokens", "rounds"."""
    eta_seconds: float | None = None
    """null until enough was seen to say."""
    message: str = ""
    """What is going on, while the job is running."""

    @classmethod
    def of(cls, job: Job) -> "ProgressAnswer":
        """How far the job is, or was when its last attempt ended."""
        if job.progress is None:
            return cls()
        if job.status is JobStatus.RUNNING:
            return cls(**vars(job.progress))
        eta = 0.0 if job.status is JobStatus.SUCCEEDED else None
        return cls(**{**vars(job.progress), "message": "", "eta_seconds": eta})


class ResultAnswer(Schema):
    """What a job has made."""

    type: ResourceType
    id: str


class JobAnswer(Schema):
    """One queued piece of work."""

    id: str
    kind: str
    name: str | None
    label: str | None = None
    """What it may be called where it has no name: an upload's corpus, an experiment's row and seed."""
    status: JobStatus
    spec: dict[str, JsonValue]
    """With every default, and ids instead of names."""
    progress: ProgressAnswer
    metrics: dict[str, float]
    """The latest of each."""
    result: ResultAnswer | None
    """null until the job has succeeded, and for kinds that make nothing."""
    error: Problem | None
    """What ended it, if it failed."""
    attempt: int
    """Rises each time a worker takes it up."""
    cancel_requested: bool
    """It was asked to stop and still runs."""
    needs: list[str]
    """Jobs that must succeed before it starts."""
    uses: list[str]
    """Corpora, domains, tables and models that it refers to."""
    created_at: Timestamp
    started_at: Timestamp | None
    finished_at: Timestamp | None

    @classmethod
    def of(cls, job: Job) -> "JobAnswer":
        """The job, as it is told."""
        succeeded = job.status is JobStatus.SUCCEEDED
        made = succeeded and job.result_type and job.result_id
        return cls(
            id=job.id,
            kind=job.kind,
            name=job.name,
            label=job.label,
            status=job.status,
            spec=dict(job.spec),
            progress=ProgressAnswer.of(job),
            metrics=dict(job.metrics),
            result=ResultAnswer(type=job.result_type, id=job.result_id) if made else None,
            error=Problem.model_validate(job.error) if job.error else None,
            attempt=job.attempt,
            cancel_requested=job.cancel_requested and not job.status.ended,
            needs=list(job.needs),
            uses=list(job.uses),
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


def router(database: Database, queue: Queue) -> APIRouter:
    """/v1/jobs, but for the events."""
    api = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @api.post("", status_code=202)
    def submit_job(order: Order, response: Response, after: BackgroundTasks) -> JobAnswer:
        """Queue a job. What it refers to may still be in the making: it waits for that."""
        try:
            with database.transaction() as transaction:
                job = submit(transaction, order.spec, name=order.name)
        except InvalidInput as error:
            raise error.renamed(lambda field: as_written(field, order.written)) from error
        after.add_task(service.deliver, database, queue)
        response.headers["Location"] = f"/v1/jobs/{job.id}"
        return JobAnswer.of(job)

    @api.get("")
    def list_jobs(
        page: PageQuery,
        status: JobStatus | None = None,
        kind: Annotated[str | None, Query(description=f"One of {', '.join(KINDS)}.")] = None,
        name: str | None = None,
        search: Annotated[
            str | None,
            Query(min_length=1, max_length=200, description="Stands in the job's name or label, in any case."),
        ] = None,
        in_experiment: Annotated[
            bool | None, Query(description="true: only what experiments posted; false: only what they didn't.")
        ] = None,
    ) -> PageOf[JobAnswer]:
        """Jobs, newest first."""
        if kind is not None and kind not in KINDS:
            raise InvalidInput.field("kind", f"must be one of {', '.join(KINDS)}")
        wanted = JobFilter(status=status, kind=kind, name=name, search=search, in_experiment=in_experiment)
        with database.transaction() as transaction:
            jobs, cursor = transaction.jobs.list(page, wanted)
        return PageOf(items=[JobAnswer.of(job) for job in jobs], next_cursor=cursor)

    @api.get("/{job}")
    def get_job(job: str) -> JobAnswer:
        """One job, by id or name."""
        with database.transaction() as transaction:
            return JobAnswer.of(transaction.jobs.get(job))

    _add_moves(api, database, queue)
    return api


def _add_moves(api: APIRouter, database: Database, queue: Queue) -> None:
    @api.post("/{job}/cancel", status_code=202)
    def cancel_job(job: str) -> JobAnswer:
        """Cancel a queued job at once; a running one stops within five seconds."""
        with database.transaction() as transaction:
            return JobAnswer.of(service.cancel(transaction, transaction.jobs.get(job).id))

    @api.post("/{job}/retry", status_code=202)
    def retry_job(job: str, after: BackgroundTasks) -> JobAnswer:
        """Queue a failed or cancelled job again, to go on from its last checkpoint."""
        with database.transaction() as transaction:
            queued = service.retry(transaction, transaction.jobs.get(job).id)
        after.add_task(service.deliver, database, queue)
        return JobAnswer.of(queued)

    @api.delete("/{job}", status_code=204)
    def delete_job(job: str) -> None:
        """Remove a job that has ended; 409 while an experiment's table is made of it. What it made stays."""
        with database.transaction() as transaction:
            lifecycle.delete_job(transaction, job)
