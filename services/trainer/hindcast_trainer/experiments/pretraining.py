"""What a row's table was made of, as the paper's Table 1 tells it."""

from collections.abc import Iterable

from hindcast.jobs.job import Job
from hindcast.registry import Resource
from hindcast_trainer.experiments.answer import RowPretraining
from hindcast_trainer.experiments.document import RowJobs
from hindcast_trainer.experiments.known import Known
from hindcast_trainer.kinds import OBJECTIVES


def pretraining_of(row: RowJobs, known: Known) -> RowPretraining | None:
    """None where the language models begin from nothing."""
    if row.pretraining is not None:
        return RowPretraining.model_validate(row.pretraining)
    job = known.jobs.get(row.pretrain or "")
    if job is not None:
        return _of_job(job, known)
    if (table := known.resources.get(row.table or "")) is not None:
        return _of_table(table, known)
    source = next((model.spec.get("init_from") for model in known.existing(row.language_models)), None)
    return RowPretraining(dataset=known.names([source]), unit=None, objective="language model") if source else None


def _of_job(job: Job, known: Known) -> RowPretraining:
    if "corpus" in job.spec:
        dataset = known.names(job.spec["corpus"]["corpora"])
        return RowPretraining(dataset=dataset, unit=job.spec["unit"], objective=OBJECTIVES[job.kind])
    tables = [known.resources[id] for id in job.spec["tables"] if id in known.resources]
    parts = [_of_table(table, known) for table in tables]
    units = [part.unit for part in parts if part.unit]
    return RowPretraining(
        dataset=_joined(part.dataset for part in parts),
        unit=_joined(units) or None,
        objective=_joined(part.objective for part in parts),
    )


def _of_table(table: Resource, known: Known) -> RowPretraining:
    job = known.jobs.get(table.job_id or "")
    if job is not None:
        return _of_job(job, known)
    objective = table.facts.get("objective", "imported")
    return RowPretraining(dataset=table.name or table.id, unit=table.facts.get("unit"), objective=objective)


def _joined(parts: Iterable[str]) -> str:
    return " + ".join(dict.fromkeys(parts))
