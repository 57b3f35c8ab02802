"""From the states of an experiment's jobs to its table. Pure: everything is derived, nothing is remembered."""

from collections.abc import Mapping, Sequence
from statistics import mean, median, stdev
from typing import Any

from hindcast.jobs.job import Job, JobStatus
from hindcast_trainer.experiments.answer import (
    Comparison,
    ExperimentAnswer,
    ExperimentProgress,
    ExperimentSummary,
    Interval,
    PreparedAnswer,
    Rank,
    RankFigures,
    RowAnswer,
    RowPerplexity,
    RowProbe,
    RowRanks,
)
from hindcast_trainer.experiments.document import Experiment, RowJobs
from hindcast_trainer.experiments.known import Known, held_out, row_status
from hindcast_trainer.experiments.pretraining import pretraining_of
from hindcast_trainer.experiments.warnings import comparable, warnings
from hindcast_trainer.topical_probe import CONTEXTS, FIGURES

AUTO = "auto"
"""The field of `probes` where the test text chooses the words."""


def summarize(experiment: Experiment, known: Known) -> ExperimentSummary:
    """The experiment without its table."""
    return ExperimentSummary(
        id=experiment.id,
        name=experiment.name,
        status=status(experiment, known),
        progress=_progress(experiment, known),
        created_at=experiment.created_at,
    )


def tabulate(experiment: Experiment, known: Known) -> ExperimentAnswer:
    """The whole table."""
    probes, baseline = experiment.request["probes"], experiment.baseline
    rows = [_row(row, baseline, probes, known) for row in experiment.rows]
    return ExperimentAnswer(
        **dict(summarize(experiment, known)),
        baseline=baseline.label if baseline else None,
        seeds=experiment.request["seeds"],
        probes=probes,
        prepared=[
            PreparedAnswer(name=each.name, job=each.job, status=known.statuses([each.job])[0])
            for each in experiment.prepared
        ],
        rows=rows,
        warnings=warnings(experiment, known),
        spec=dict(experiment.request),
    )


def status(experiment: Experiment, known: Known) -> JobStatus:
    """Succeeded once all jobs have ended and at least one row has succeeded."""
    if experiment.cancelled:
        return JobStatus.CANCELLED
    statuses = known.statuses(experiment.jobs)
    if not all(each.ended for each in statuses):
        return JobStatus.QUEUED if set(statuses) == {JobStatus.QUEUED} else JobStatus.RUNNING
    ends = {row_status(row, known) for row in experiment.rows}
    return next(end for end in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED) if end in ends)


def _progress(experiment: Experiment, known: Known) -> ExperimentProgress:
    ids = experiment.jobs
    ended = sum(each.ended for each in known.statuses(ids))
    fractions = [_fraction(known.jobs.get(id)) for id in ids]
    return ExperimentProgress(fraction=mean(fractions), done=ended, total=len(ids))


def _fraction(job: Job | None) -> float:
    if job is None or job.status.ended:
        return 1.0
    return job.progress.fraction if job.progress and job.status is JobStatus.RUNNING else 0.0


def _row(row: RowJobs, baseline: RowJobs | None, probes: Any, known: Known) -> RowAnswer:
    trained = [known.succeeded(id) for id in row.language_models]
    asked = [known.succeeded(id) for id in row.probes]
    parameters = _first(trained, "parameters")
    return RowAnswer(
        label=row.label,
        status=row_status(row, known),
        error=_error(row, known),
        pretraining=pretraining_of(row, known),
        jobs=row.jobs,
        models=[model.id for model in known.models(row.language_models)],
        perplexity=_perplexity(row, known),
        paper_perplexity=row.paper_perplexity,
        relative_to_baseline=None if baseline is None or baseline is row else _comparison(row, baseline, known),
        oov_rate=_first(trained, "oov_rate"),
        parameters=None if parameters is None else int(parameters),
        seconds=sum(_seconds(job) for job in known.existing(row.language_models)),
        probes=[] if AUTO in probes else _probes(probes, asked),
        ranks=_ranks(asked) if AUTO in probes else None,
    )


def _error(row: RowJobs, known: Known) -> str | None:
    """What went wrong first: a job that fails for want of another comes after it."""
    if row_status(row, known) is not JobStatus.FAILED:
        return None
    for id in row.own_jobs:
        job = known.jobs.get(id)
        if job is None:
            return f"job {id} was deleted"
        if job.status is JobStatus.FAILED:
            seed = f" (seed {job.spec['seed']})" if id in row.language_models else ""
            return f"{job.kind} {id}{seed} failed: {(job.error or {}).get('detail')}"
    return None


def _perplexity(row: RowJobs, known: Known) -> RowPerplexity | None:
    on = next(map(held_out, known.existing(row.language_models)), None)
    if on is None:
        return None
    jobs = [known.succeeded(id) for id in row.language_models]
    per_seed = [job.metrics.get(f"{on}_perplexity") if job else None for job in jobs]
    values = [value for value in per_seed if value is not None]
    return RowPerplexity(
        on=on,
        mean=mean(values) if values else None,
        std=stdev(values) if len(values) > 1 else None,
        ci95=_interval(known.succeeded(row.intervals), "perplexity"),
        per_seed=per_seed,
    )


def _comparison(row: RowJobs, baseline: RowJobs, known: Known) -> Comparison | None:
    ours, theirs = _perplexity(row, known), _perplexity(baseline, known)
    if ours is None or theirs is None:
        return None
    # Of the seeds that both have: one may have failed.
    pairs = zip(ours.per_seed, theirs.per_seed, strict=True)
    both = [(own, other) for own, other in pairs if own is not None and other is not None]
    if not both:
        return None
    if not comparable(row, baseline, known):
        return Comparison(change=None, ci95=None, p_value=None)
    job = known.succeeded(row.comparison)
    return Comparison(
        change=sum(own for own, _ in both) / sum(other for _, other in both) - 1,
        ci95=_interval(job, "change"),
        p_value=job.metrics.get("p_value") if job else None,
    )


def _interval(comparison: Job | None, figure: str) -> Interval | None:
    ends = [comparison.metrics.get(f"{figure}_{end}") if comparison else None for end in ("low", "high")]
    low, high = ends
    return None if low is None or high is None else (low, high)


def _first(jobs: Sequence[Job | None], metric: str) -> float | None:
    return next((job.metrics[metric] for job in jobs if job and metric in job.metrics), None)


def _seconds(job: Job) -> float:
    return (job.finished_at - job.started_at).total_seconds() if job.finished_at and job.started_at else 0.0


def _probes(probes: Sequence[Mapping[str, str]], asked: Sequence[Job | None]) -> list[RowProbe]:
    return [_probe(probe["target"], [_rank(job, number) for job in asked]) for number, probe in enumerate(probes)]


def _ranks(asked: Sequence[Job | None]) -> RowRanks | None:
    known = [job.metrics for job in asked if job and job.metrics.get("words")]
    if not known:
        return None
    document, sentence = (
        {name: median(metrics[f"{context}_{name}"] for metrics in known) for name in FIGURES} for context in CONTEXTS
    )
    return RowRanks(**document, words=int(known[0]["words"]), sentence=RankFigures(**sentence))


def _rank(job: Job | None, number: int) -> Rank | None:
    if job is None:
        return None
    rank, probability = (job.metrics.get(f"probe_{number}_{what}") for what in ("rank", "probability"))
    return Rank(rank=None if rank is None else int(rank), probability=probability)


def _probe(target: str, per_seed: list[Rank | None]) -> RowProbe:
    known = [rank for rank in per_seed if rank]
    return RowProbe(
        target=target,
        rank=_median([rank.rank for rank in known]),
        probability=_median([rank.probability for rank in known]),
        per_seed=per_seed,
    )


def _median(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return median(numbers) if numbers else None
