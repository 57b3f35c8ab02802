"""The jobs that an experiment prepares for its rows: `@name` in a specification is what one of them makes."""

from collections.abc import Callable
from typing import Protocol

from hindcast.errors import FieldError, InvalidInput
from hindcast.jobs import references
from hindcast.jobs.job import Job
from hindcast_trainer.experiments.document import MARK, PreparedJob
from hindcast_trainer.experiments.request import ExperimentRequest
from hindcast_trainer.kinds import parse
from hindcast_trainer.references import Spec, as_written


class QueueJob(Protocol):
    """Queues a job."""

    def __call__(self, spec: Spec, field: Callable[[str], str], *, label: str) -> Job:
        """`field` says what a field of it is called in the request, `label` what it is within the experiment."""


class Prepared:
    """Queues a preparation when the first job refers to it, so that rows are worked on in their order."""

    def __init__(self, request: ExperimentRequest, queue: QueueJob) -> None:
        self._request = request
        self._queue = queue
        self._numbers = {each.name: number for number, each in enumerate(request.prepare)}
        self._jobs: dict[str, Job] = {}
        self._within = len(request.prepare)
        """The number of the preparation whose own references are being looked up: it may name those before it."""

    def table(self, reference: str | None, field: str) -> Job | None:
        """The job that makes a row's `@table`; None where the row names another or none. InvalidInput."""
        if reference is None or not reference.startswith(MARK):
            return None
        job = self._job(reference, field)
        if job.result_type != "table":
            raise InvalidInput.field(field, f"{reference!r} is a {job.result_type}, not a table")
        return job

    def filled_in(self, spec: Spec, field: Callable[[str], str]) -> Spec:
        """The specification with the id of what is prepared for every `@name`; `field` says what a field of it is
        called in the request. InvalidInput for a name that isn't prepared."""
        named = [reference for reference in spec.references() if reference.value.startswith(MARK)]
        ids = {each.field: result_of(self._job(each.value, field(each.field))) for each in named}
        return parse(spec.kind, references.with_ids(spec.model_dump(mode="json"), ids)) if ids else spec

    def finished(self) -> list[PreparedJob]:
        """What was prepared, each after what it needs. InvalidInput for a preparation that nothing refers to."""
        idle = [
            FieldError(f"prepare.{number}.name", f"nothing refers to {MARK}{name}")
            for name, number in self._numbers.items()
            if name not in self._jobs
        ]
        if idle:
            raise InvalidInput.fields(idle)
        return [PreparedJob(name, job.id) for name, job in self._jobs.items()]

    def _job(self, reference: str, field: str) -> Job:
        name = reference.removeprefix(MARK)
        number = self._numbers.get(name)
        if number is None or number >= self._within:
            known = ", ".join(MARK + each.name for each in self._request.prepare[: self._within])
            there = f"there are {known}" if known else "there is none"
            raise InvalidInput.field(field, f"nothing that is prepared before is called {reference!r}: {there}")
        if name not in self._jobs:
            within, self._within = self._within, number
            self._jobs[name] = self._queue(self._request.prepare[number].job, self._field(number), label=name)
            self._within = within
        return self._jobs[name]

    def _field(self, number: int) -> Callable[[str], str]:
        return lambda field: as_written(f"prepare.{number}.job.{field}", self._request.written)


def result_of(job: Job) -> str:
    """The id of what a job makes."""
    assert job.result_id is not None  # it is reserved when the job is queued
    return job.result_id
