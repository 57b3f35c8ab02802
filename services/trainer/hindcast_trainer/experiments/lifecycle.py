"""What can be done with an experiment. Each function is one use case inside a transaction that its caller opens."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hindcast.errors import Conflict, IllegalMove, InUse, InvalidInput
from hindcast.jobs import service
from hindcast.jobs.job import Job, JobStatus
from hindcast.jobs.ports import Transaction
from hindcast.registry import Page, new_id
from hindcast.text.corpus import CorpusReference
from hindcast_trainer.comparison import ComparisonJob
from hindcast_trainer.experiments.answer import RowPretraining
from hindcast_trainer.experiments.document import Experiment, RowJobs
from hindcast_trainer.experiments.known import all_of, held_out_text, jobs_of
from hindcast_trainer.experiments.plan import RowPlan, field_of, plan
from hindcast_trainer.experiments.prepared import Prepared, result_of
from hindcast_trainer.experiments.pretraining import pretraining_of
from hindcast_trainer.experiments.request import ExperimentRequest
from hindcast_trainer.experiments.table import status
from hindcast_trainer.kinds import submit as submit_job
from hindcast_trainer.probe import ProbeJob
from hindcast_trainer.references import Spec, as_written, with_ids
from hindcast_trainer.topical_probe import AutoProbes, TopicalProbeJob


def submit(transaction: Transaction, request: ExperimentRequest) -> Experiment:
    """Queue the experiment's jobs, but those that were run or are queued already: equal jobs are run once.

    InvalidInput with the field of a row that is wrong; NameTaken.
    """
    plans = plan(request)
    experiment = Experiment(
        id=new_id("experiment"),
        name=request.name,
        created_at=datetime.now(UTC),
        request=request.model_dump(mode="json"),
    )
    transaction.experiments.add(experiment.id, experiment.name, experiment.document())
    queue = _Queue(transaction, request)
    experiment = replace(experiment, rows=[_row(queue, request, number, row) for number, row in enumerate(plans)])
    rows = [_with_statistics(queue, experiment, row) for row in experiment.rows]
    prepared = queue.prepared.finished()
    experiment = replace(experiment, prepared=prepared, rows=rows, made=frozenset(queue.made))
    known = all_of(transaction, experiment)
    rows = [replace(row, pretraining=_told(pretraining_of(row, known))) for row in experiment.rows]
    _update(transaction, replace(experiment, rows=rows))
    return find(transaction, experiment.id)


def find(transaction: Transaction, reference: str) -> Experiment:
    """By id or name; NotFound."""
    return Experiment.of(transaction.experiments.get(reference))


def cancel(transaction: Transaction, reference: str) -> Experiment:
    """Cancel the jobs that nobody else has a use for: experiments brought them into being, and no other that goes on
    has them. IllegalMove if it has ended."""
    experiment = find(transaction, reference)
    known = jobs_of(transaction, experiment)
    if (now := status(experiment, known)).ended:
        raise IllegalMove(f"Experiment {experiment.called} has ended ({now}): it can't be cancelled.")
    others = [other for other in _all(transaction) if other.id != experiment.id]
    made = experiment.made.union(*(other.made for other in others if other.cancelled))
    wanted = {id for other in others if not other.cancelled for id in other.jobs}
    # Dependents first: cancelled, they don't fail for want of what they need.
    for job in reversed(transaction.jobs.hold((made & known.jobs.keys()) - wanted)):
        waiting = {other.id for other in transaction.jobs.waiting_for(job.id)}
        if not job.status.ended and waiting.issubset(experiment.jobs):
            service.cancel(transaction, job.id)
    return _update(transaction, replace(experiment, cancelled=True))


def retry(transaction: Transaction, reference: str) -> Experiment:
    """Queue its failed and cancelled jobs again. IllegalMove if there are none; Conflict if one can't be."""
    experiment = find(transaction, reference)
    known = jobs_of(transaction, experiment)
    if missing := [id for id in experiment.jobs if id not in known.jobs]:
        raise Conflict(f"Job {missing[0]} of experiment {experiment.called} was deleted: post a new experiment.")
    if stopping := [job.id for job in known.jobs.values() if job.cancel_requested and not job.status.ended]:
        raise IllegalMove(
            f"Job {stopping[0]} of experiment {experiment.called} is still being stopped: try in a moment."
        )
    bad = (JobStatus.FAILED, JobStatus.CANCELLED)
    again = [id for id, job in known.jobs.items() if job.status in bad]
    if not again and not experiment.cancelled:
        raise IllegalMove(f"No job of experiment {experiment.called} has failed or was cancelled.")
    for id in again:
        service.retry(transaction, id)
    return _update(transaction, replace(experiment, cancelled=False))


def delete(transaction: Transaction, reference: str) -> None:
    """Remove an experiment that has ended; its jobs and models stay. IllegalMove if it hasn't."""
    experiment = find(transaction, reference)
    if not (now := status(experiment, jobs_of(transaction, experiment))).ended:
        raise IllegalMove(f"Experiment {experiment.called} is {now}: only one that has ended can be deleted.")
    transaction.experiments.delete(experiment.id)


def delete_job(transaction: Transaction, reference: str) -> Job:
    """Remove a job that has ended. InUse while an experiment's table is made of it; else as the job service's."""
    job = transaction.jobs.get(reference)
    user = next((experiment.called for experiment in _all(transaction) if job.id in experiment.jobs), None)
    if user is not None:
        raise InUse(f"Experiment {user} needs job {job.called}: delete the experiment first.")
    return service.delete(transaction, job.id)


def made_of(spec: Mapping[str, Any]) -> list[str]:
    """The tables, and the model, from which a job of that specification makes its own."""
    table = (spec.get("input") or {}).get("table")
    return [id for id in (table, spec.get("init_from"), *spec.get("tables", ())) if id]


class _Queue:
    """Queues jobs and remembers which of them are new."""

    def __init__(self, transaction: Transaction, request: ExperimentRequest) -> None:
        self._transaction = transaction
        self._of = f"{request.name}: " if request.name else ""
        self.made: set[str] = set()
        self.prepared = Prepared(request, self.job)

    def job(self, spec: Spec, field: Callable[[str], str], *, label: str) -> Job:
        """A queued job, or an equal one from before; `field` says what a field of it is called in the request, `label`
        what it is within the experiment."""
        spec = self.prepared.filled_in(spec, field)
        id = new_id("job")
        try:
            job = submit_job(self._transaction, spec, id=id, label=self._of + label, reuse_equal=True)
        except InvalidInput as error:
            raise error.renamed(field) from error
        if job.id == id:
            self.made.add(id)
        return job

    def those(self, ids: Sequence[str]) -> list[Job]:
        """Jobs that are there, in this order."""
        return [self._transaction.jobs.get(id) for id in ids]

    def pretraining(self, row: RowJobs) -> list[CorpusReference]:
        """The texts that the row's table, or the model that it goes on from, was trained on, as far as they are known
        and there."""
        [model] = self.those(row.language_models[:1])
        jobs = [*self.those([row.pretrain] if row.pretrain else []), *self._makers(made_of(model.spec))]
        corpora: list[CorpusReference] = []
        while jobs:
            learned = [job.spec.get("corpus") or job.spec.get("train") for job in jobs]
            corpora += [CorpusReference.model_validate(each) for each in learned if each]
            jobs = self._makers([id for job in jobs for id in made_of(job.spec)])
        there = self._transaction.resources.those
        return [each for each in dict.fromkeys(corpora) if len(there(each.corpora)) == len(each.corpora)]

    def _makers(self, ids: Sequence[str]) -> list[Job]:
        """The jobs that made these tables and models, or will."""
        makers = [made.job_id for made in self._transaction.resources.those(ids) if made.job_id]
        return list(self._transaction.jobs.those(makers))


def _told(pretraining: RowPretraining | None) -> Mapping[str, Any] | None:
    return None if pretraining is None else pretraining.model_dump(mode="json")


def _row(queue: _Queue, request: ExperimentRequest, number: int, row: RowPlan) -> RowJobs:
    label = request.rows[number].label
    pretrain = queue.prepared.table(request.rows[number].table, f"rows.{number}.table")
    if row.pretrain:
        written = request.written
        pretrain = queue.job(
            row.pretrain, lambda field: as_written(f"rows.{number}.pretrain.{field}", written), label=label
        )
    language_models: list[str] = []
    probes: list[str] = []
    for place, spec in enumerate(row.language_models):
        if pretrain:
            spec = with_ids(spec, {"input.table": result_of(pretrain)})
        seeded = f"{label}, seed {spec.seed}"
        model = queue.job(spec, partial(field_of, request=request, row=number, seed=place), label=seeded)
        language_models.append(model.id)
        if request.probes:
            probes.append(queue.job(_probe(request, model), lambda field: field, label=seeded).id)
    return RowJobs(
        label=label,
        learns_input=row.learns_input,
        pretrain=pretrain.id if pretrain else None,
        table=None if pretrain else model.spec["input"].get("table"),
        language_models=language_models,
        probes=probes,
        paper_perplexity=request.rows[number].paper_perplexity,
    )


def _probe(request: ExperimentRequest, model: Job) -> Spec:
    """What ranks the words of interest by a language model."""
    if not isinstance(request.probes, AutoProbes):
        return ProbeJob(model=result_of(model), probes=request.probes)
    text = held_out_text(model)
    assert text is not None  # plan() saw to it
    return TopicalProbeJob(model=result_of(model), text=text, probes=request.probes)


def _with_statistics(queue: _Queue, experiment: Experiment, row: RowJobs) -> RowJobs:
    """Queue what takes the row's intervals: two jobs, lest a baseline that fails take along what doesn't need it."""
    models = queue.those(row.language_models)
    text = held_out_text(models[0])
    if text is None:
        return row
    own = ComparisonJob(models=tuple(map(result_of, models)), text=text, pretraining=tuple(queue.pretraining(row)))
    row = replace(row, intervals=queue.job(own, lambda field: field, label=row.label).id)
    baseline = experiment.baseline
    if baseline is None or baseline.label == row.label:
        return row
    others = queue.those(baseline.language_models)
    if held_out_text(others[0]) != text:
        return row
    beside = ComparisonJob(models=own.models, baseline=tuple(map(result_of, others)), text=text)
    label = f"{row.label} beside {baseline.label}"
    return replace(row, comparison=queue.job(beside, lambda field: field, label=label).id)


def _all(transaction: Transaction) -> Iterator[Experiment]:
    page: Page | None = Page(limit=100)
    while page:
        stored, cursor = transaction.experiments.list(page)
        yield from map(Experiment.of, stored)
        page = Page(limit=100, cursor=cursor) if cursor else None


def _update(transaction: Transaction, experiment: Experiment) -> Experiment:
    transaction.experiments.update(experiment.id, experiment.document())
    return experiment
