"""`/v1/experiments`: submit, read the table, cancel, retry, delete."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Query, Response
from pydantic import Discriminator, Tag

from hindcast.jobs import service
from hindcast.jobs.job import JobStatus
from hindcast.jobs.ports import Database, Queue, Transaction
from hindcast.web.schemas import PageOf, PageQuery
from hindcast_trainer.experiments import lifecycle, presets
from hindcast_trainer.experiments.answer import ExperimentAnswer, ExperimentSummary
from hindcast_trainer.experiments.document import Experiment
from hindcast_trainer.experiments.formats import as_csv, as_markdown
from hindcast_trainer.experiments.known import all_of, jobs_of
from hindcast_trainer.experiments.presets import PresetRequest
from hindcast_trainer.experiments.request import ExperimentRequest
from hindcast_trainer.experiments.table import summarize, tabulate

Format = Literal["json", "markdown", "csv"]

FORMATS: Mapping[Format, tuple[str, Callable[[ExperimentAnswer], str]]] = {
    "json": ("application/json", ExperimentAnswer.model_dump_json),
    "markdown": ("text/markdown; charset=utf-8", as_markdown),
    "csv": ("text/csv; charset=utf-8", as_csv),
}


def _form(written: Any) -> str:
    """Which of the two forms of a request is meant; a tag is the title that its form has in OpenAPI."""
    return "PresetRequest" if isinstance(written, dict) and "preset" in written else "ExperimentRequest"


AnyRequest = Annotated[
    Annotated[ExperimentRequest, Tag("ExperimentRequest")] | Annotated[PresetRequest, Tag("PresetRequest")],
    Discriminator(_form),
]

_TEXT = {"schema": {"type": "string"}}


def router(database: Database, queue: Queue) -> APIRouter:
    """/v1/experiments."""
    api = APIRouter(prefix="/v1/experiments", tags=["experiments"])

    @api.post("", status_code=202)
    def submit_experiment(request: AnyRequest, response: Response, after: BackgroundTasks) -> ExperimentAnswer:
        """Pre-train, train a language model on each table and with each seed, and compare. A job that was run before
        is not run again."""
        with database.transaction() as transaction:
            answer = _table(transaction, _submit(transaction, request))
        after.add_task(service.deliver, database, queue)
        response.headers["Location"] = f"/v1/experiments/{answer.id}"
        return answer

    @api.get("")
    def list_experiments(
        page: PageQuery, status: JobStatus | None = None, name: str | None = None
    ) -> PageOf[ExperimentSummary]:
        """Experiments, newest first, without their tables."""
        with database.transaction() as transaction:
            keep = partial(_has_status, transaction, status) if status else None
            stored, cursor = transaction.experiments.list(page, name=name, keep=keep)
            items = [_summary(transaction, each) for each in stored]
        return PageOf(items=items, next_cursor=cursor)

    @api.get(
        "/{experiment}",
        response_model=ExperimentAnswer,
        responses={200: {"content": {"text/markdown": _TEXT, "text/csv": _TEXT}}},
    )
    def get_experiment(
        experiment: str, format: Annotated[Format, Query(description="How the table is written.")] = "json"
    ) -> Response:
        """One experiment, by id or name, with its table as far as it is known."""
        with database.transaction() as transaction:
            answer = _table(transaction, lifecycle.find(transaction, experiment))
        media_type, write = FORMATS[format]
        return Response(write(answer), media_type=media_type)

    @api.post("/{experiment}/cancel", status_code=202)
    def cancel_experiment(experiment: str) -> ExperimentAnswer:
        """Cancel those of its jobs that nobody else has a use for."""
        with database.transaction() as transaction:
            return _table(transaction, lifecycle.cancel(transaction, experiment))

    @api.post("/{experiment}/retry", status_code=202)
    def retry_experiment(experiment: str, after: BackgroundTasks) -> ExperimentAnswer:
        """Queue its failed and cancelled jobs again, to go on from their last checkpoints."""
        with database.transaction() as transaction:
            answer = _table(transaction, lifecycle.retry(transaction, experiment))
        after.add_task(service.deliver, database, queue)
        return answer

    @api.delete("/{experiment}", status_code=204)
    def delete_experiment(experiment: str) -> None:
        """Remove an experiment that has ended. Its jobs, tables and models stay."""
        with database.transaction() as transaction:
            lifecycle.delete(transaction, experiment)

    return api


def _submit(transaction: Transaction, request: ExperimentRequest | PresetRequest) -> Experiment:
    if isinstance(request, PresetRequest):
        return presets.submit(transaction, request)
    return lifecycle.submit(transaction, request)


def _has_status(transaction: Transaction, status: JobStatus, stored: Mapping[str, Any]) -> bool:
    return _summary(transaction, stored).status is status


def _summary(transaction: Transaction, stored: Mapping[str, Any]) -> ExperimentSummary:
    experiment = Experiment.of(stored)
    return summarize(experiment, jobs_of(transaction, experiment))


def _table(transaction: Transaction, experiment: Experiment) -> ExperimentAnswer:
    return tabulate(experiment, all_of(transaction, experiment))
