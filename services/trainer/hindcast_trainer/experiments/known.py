"""What the database knows of an experiment's jobs, and of what they use and make."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from hindcast.jobs.job import Job, JobStatus
from hindcast.jobs.ports import Transaction
from hindcast.jobs.service import NEED_FAILED
from hindcast.registry import Resource
from hindcast.text.corpus import CorpusReference
from hindcast_trainer.experiments.document import Experiment, RowJobs

HeldOut = Literal["test", "valid"]


@dataclass(frozen=True)
class Known:
    """Jobs and resources by id. What was deleted lacks."""

    jobs: Mapping[str, Job]
    resources: Mapping[str, Resource] = field(default_factory=dict)

    def succeeded(self, id: str | None) -> Job | None:
        """The job, if it has succeeded."""
        job = self.jobs.get(id or "")
        return job if job and job.status is JobStatus.SUCCEEDED else None

    def statuses(self, ids: Iterable[str]) -> list[JobStatus]:
        """What became of the jobs. One that was deleted will never succeed."""
        return [self.jobs[id].status if id in self.jobs else JobStatus.FAILED for id in ids]

    def existing(self, ids: Iterable[str]) -> Iterator[Job]:
        """The jobs that were not deleted."""
        return (self.jobs[id] for id in ids if id in self.jobs)

    def models(self, ids: Iterable[str]) -> list[Resource]:
        """The models that are ready of those that these jobs make."""
        made = (self.resources.get(job.result_id or "") for job in self.existing(ids))
        return [model for model in made if model and model.ready]

    def names(self, ids: Iterable[str]) -> str:
        """What people call these resources."""
        return ", ".join((self.resources[id].name if id in self.resources else None) or id for id in ids)


def row_status(row: RowJobs, known: Known) -> JobStatus:
    """Failed, or cancelled, as soon as one of its own jobs is; succeeded when all have. Where one was cancelled, those
    that failed for want of it don't count."""
    statuses = known.statuses(row.own_jobs)
    failed = [known.jobs.get(id) for id, each in zip(row.own_jobs, statuses, strict=True) if each is JobStatus.FAILED]
    wants = [job for job in failed if job and (job.error or {}).get("type") == NEED_FAILED["type"]]
    if JobStatus.CANCELLED in statuses and len(wants) == len(failed):
        return JobStatus.CANCELLED
    if failed:
        return JobStatus.FAILED
    return statuses[0] if len(set(statuses)) == 1 else JobStatus.RUNNING


def held_out(language_model: Job) -> HeldOut | None:
    """The text whose perplexity counts."""
    for part in ("test", "valid"):
        if language_model.spec.get(part):
            return part
    return None


def held_out_text(language_model: Job) -> CorpusReference | None:
    """What that text is."""
    part = held_out(language_model)
    return CorpusReference.model_validate(language_model.spec[part]) if part else None


def jobs_of(transaction: Transaction, experiment: Experiment) -> Known:
    """The experiment's jobs: all that its status needs."""
    return Known(_jobs(transaction, experiment.jobs))


def all_of(transaction: Transaction, experiment: Experiment) -> Known:
    """The experiment's jobs and their resources: all that its table needs."""
    tables = transaction.resources.those([row.table for row in experiment.rows if row.table])
    makers = [table.job_id for table in tables if table.job_id]
    jobs = _jobs(transaction, [*experiment.jobs, *makers])
    used = {id for job in jobs.values() for id in (*job.uses, job.result_id) if id}
    resources = (*tables, *transaction.resources.those(used))
    return Known(jobs, {resource.id: resource for resource in resources})


def _jobs(transaction: Transaction, ids: Collection[str]) -> dict[str, Job]:
    return {job.id: job for job in transaction.jobs.those(ids)}
