"""`/v1/corpora`: upload, describe, delete."""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from io import BufferedIOBase
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Query, Request, Response

from hindcast.errors import HindcastError, NameTaken, NotFound
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobStatus
from hindcast.jobs.ports import Artifacts, Database, Queue, Transaction
from hindcast.registry import Name, Resource, ResourceStatus
from hindcast.text.pipeline import PipelineName
from hindcast.web.resumable import RESUMABLE
from hindcast.web.schemas import PageOf, PageQuery, Problem, Schema, Timestamp
from hindcast.web.uploads import BUFFER_BYTES, received
from hindcast_trainer.ingest import Ingest
from hindcast_trainer.kinds import submit
from hindcast_trainer.splits import SplitBy, parse_splits
from hindcast_trainer.uploads import Format, Received, Upload

_FILE: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_UPLOAD = {"requestBody": {"required": True, "content": {"application/octet-stream": _FILE}}}


CorpusStatus = Literal["ingesting", "ready", "failed"]
_STATUSES: Mapping[CorpusStatus, ResourceStatus] = {"ingesting": "pending", "ready": "ready", "failed": "failed"}


class SplitAnswer(Schema):
    """How much text is in a part of a corpus."""

    documents: int
    paragraphs: int
    sentences: int
    tokens: int
    """Words, and one `</s>` for each sentence."""
    words: int


class CorpusAnswer(Schema):
    """A corpus; when it is ready, with what is in it."""

    id: str
    name: str | None
    status: CorpusStatus
    job: str | None
    """The job that reads its text."""
    error: Problem | None = None
    """Why it failed."""
    created_at: Timestamp
    size_bytes: int | None = None
    """On disk."""
    documents: int | None = None
    paragraphs: int | None = None
    sentences: int | None = None
    tokens: int | None = None
    """Words, and one `</s>` for each sentence."""
    words: int | None = None
    types: int | None = None
    """Different words, without `</s>`."""
    splits: dict[str, SplitAnswer] | None = None
    domains: dict[str, int] | None = None
    """Documents with each label."""
    pipeline: PipelineName | None = None
    """What splits its text into words; models and tables made of it inherit it."""
    sha256: str | None = None
    """Of the file as it was sent, in hexadecimal."""
    split_by: SplitBy | None = None
    """`given` by the documents, drawn for each `document` by its id, or drawn for blocks of paragraphs
    (`paragraph_blocks`) where there are fewer than 20 documents."""

    @classmethod
    def of(cls, resource: Resource, job: Job | None) -> "CorpusAnswer":
        """The corpus, as it is told; fields that don't apply are left unset."""
        about: dict[str, Any] = {"id": resource.id, "name": resource.name, "job": resource.job_id}
        about["created_at"] = resource.created_at
        if resource.ready:
            facts = {name: value for name, value in resource.facts.items() if name in cls.model_fields}
            return cls(**about, status="ready", size_bytes=resource.size_bytes, **facts)
        if job is not None and not job.status.ended:
            return cls(**about, status="ingesting")
        return cls(**about, status="failed", error=_why(job))


def _why(job: Job | None) -> Problem:
    if job is not None and job.error is not None:
        return Problem.model_validate(job.error)
    detail = "Its job was cancelled: retry that, or delete the corpus and upload the text again."
    return Problem(title="The text was not read", status=409, detail=detail)


def router(database: Database, queue: Queue, artifacts: Artifacts) -> APIRouter:
    """/v1/corpora."""
    api = APIRouter(prefix="/v1/corpora", tags=["corpora"])

    @api.post("", status_code=202, response_model_exclude_unset=True, openapi_extra=_UPLOAD | RESUMABLE)
    def upload_corpus(
        request: Request,
        response: Response,
        after: BackgroundTasks,
        format: Annotated[Format, Query(description="text: a paragraph a line, a blank line ends a document.")],
        pipeline: PipelineName = "plain",
        splits: Annotated[str, Query(description="Percentages of train, valid and test: `90,5,5`.")] = "100",
        name: Annotated[Name | None, Query()] = None,
    ) -> CorpusAnswer:
        """Upload text. The body is the file, streamed; Content-Encoding gzip, xz or zstd is unpacked. Encoding,
        compression and JSON are checked as it arrives: 422 with the line, and no corpus."""
        key = f"uploads/{secrets.token_hex(8)}"
        with received(request) as body:
            shares = parse_splits(splits)
            _check_free(database, name)
            with artifacts.open_write(key) as sink:
                arrived = _receive(body, Upload(sink, format=format, encoding=request.headers.get("content-encoding")))
        spec = Ingest(upload=key, format=format, pipeline=pipeline, splits=shares, sha256=arrived.sha256)
        answer = _reserve(database, artifacts, spec, name)
        after.add_task(service.deliver, database, queue)
        response.headers["Location"] = f"/v1/corpora/{answer.id}"
        return answer

    @api.get("", response_model_exclude_unset=True)
    def list_corpora(
        page: PageQuery,
        status: CorpusStatus | None = None,
        pipeline: Annotated[PipelineName | None, Query(description="Of those that are ready.")] = None,
        name: str | None = None,
    ) -> PageOf[CorpusAnswer]:
        """Corpora, newest first, also those that are not ready or failed."""
        with database.transaction() as transaction:
            resources, cursor = transaction.resources.list(
                "corpus",
                page,
                status=_STATUSES[status] if status else None,
                name=name,
                facts={"pipeline": pipeline} if pipeline else None,
            )
            items = [_answer(transaction, resource) for resource in resources]
        return PageOf(items=items, next_cursor=cursor)

    @api.get("/{corpus}", response_model_exclude_unset=True)
    def get_corpus(corpus: str) -> CorpusAnswer:
        """One corpus, by id or name."""
        with database.transaction() as transaction:
            return _answer(transaction, transaction.resources.get(corpus, "corpus"))

    @api.delete("/{corpus}", status_code=204)
    def delete_corpus(corpus: str) -> None:
        """Delete a corpus; 409 while a queued or running job needs it."""
        with database.transaction() as transaction:
            resource = transaction.resources.get(corpus, "corpus")
            transaction.resources.delete(resource.id)
            job = _job(transaction, resource)
            if job is not None and job.status is not JobStatus.SUCCEEDED:
                transaction.discards.add(*job.uploads)

    return api


def _check_free(database: Database, name: str | None) -> None:
    """NameTaken, or Unavailable, before the body is read, where that can be told already."""
    with database.transaction() as transaction, suppress(NotFound):
        if name is not None:
            first = transaction.resources.get(name, "corpus")
            failed = _answer(transaction, first).status == "failed"
            why = ", which failed: deleting that one frees the name" if failed else ""
            raise NameTaken(f"The name {name!r} belongs to corpus {first.id}{why}.")


def _receive(body: BufferedIOBase, upload: Upload) -> Received:
    # Not `read`, which would keep what has come to itself until there is more.
    while block := body.read1(BUFFER_BYTES):
        upload.feed(block)
    return upload.close()


def _reserve(database: Database, artifacts: Artifacts, spec: Ingest, name: str | None) -> CorpusAnswer:
    """The corpus and the job that fills it."""
    committing = False
    try:
        with database.transaction() as transaction:
            job = submit(transaction, spec, result_name=name, label=name, uploads=[spec.upload])
            answer = _answer(transaction, transaction.resources.get(job.result_id or ""))
            committing = True
    except HindcastError:
        # Whether a commit that failed went through is not known: its job may need the upload.
        if not committing:
            artifacts.delete(spec.upload)
        raise
    return answer


def _answer(transaction: Transaction, resource: Resource) -> CorpusAnswer:
    return CorpusAnswer.of(resource, None if resource.ready else _job(transaction, resource))


def _job(transaction: Transaction, resource: Resource) -> Job | None:
    with suppress(NotFound):
        return transaction.jobs.get(resource.job_id or "")
    return None
