"""What makes the rows of an experiment hard to compare, and what keeps them from being compared."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hindcast.jobs.job import JobStatus
from hindcast.jobs.service import NEED_FAILED
from hindcast.registry import Resource
from hindcast_trainer.experiments.document import Experiment, RowJobs
from hindcast_trainer.experiments.known import Known, held_out, row_status
from hindcast_trainer.overlap import WORDS, Overlap

Trait = Callable[[RowJobs, Known], set[str]]


def warnings(experiment: Experiment, known: Known) -> list[str]:
    """A sentence for each thing to mind."""
    return [
        *_differences(experiment, known),
        *_failures(experiment, known),
        *_of_rows(experiment, known),
        *_few_words(experiment, known),
        *_few_seeds(experiment, known),
    ]


def comparable(row: RowJobs, other: RowJobs, known: Known) -> bool:
    """Whether the models of two rows, as far as they are ready, are equal in all that perplexities assume equal."""
    return all(len(trait(row, known) | trait(other, known)) <= 1 for trait in _TRAITS.values())


def _differences(experiment: Experiment, known: Known) -> Iterator[str]:
    for what, trait in _TRAITS.items():
        labels: dict[str, list[str]] = {}
        for row in experiment.rows:
            for value in sorted(trait(row, known)):
                labels.setdefault(value, []).append(row.label)
        if len(labels) > 1:
            yield f"Perplexities and ranks over different {what} can't be compared: {_told(labels)}."


def _failures(experiment: Experiment, known: Known) -> Iterator[str]:
    """The baseline's, if there is one, and those of intervals that no other failure explains."""
    baseline = experiment.baseline
    if baseline is None and len(experiment.rows) > 1:
        yield "No row learns its input, and no `baseline` was named: rows are not compared with each other."
    lacks_baseline = baseline is not None and _is_bad(baseline, known)
    if baseline is not None and lacks_baseline and len(experiment.rows) > 1:
        ended = row_status(baseline, known)
        yield f"The baseline, {baseline.label}, was not finished ({ended}): no row is compared with all of it."
    for row in experiment.rows:
        is_bad = _is_bad(row, known)
        change = _problem(row.comparison, known, explained=is_bad or lacks_baseline)
        # In older experiments one job takes both.
        needs_baseline = row.intervals == row.comparison
        own = _problem(row.intervals, known, explained=is_bad or (needs_baseline and lacks_baseline))
        if own == change:
            yield from (f"{row.label} has no intervals: {problem}" for problem in filter(None, [own]))
        else:
            yield from (f"{row.label} has no interval of its perplexity: {problem}" for problem in filter(None, [own]))
            yield from (f"{row.label} has no interval of its change: {problem}" for problem in filter(None, [change]))


def _problem(job_id: str | None, known: Known, *, explained: bool) -> str | None:
    """Why a job took no interval, if it failed and no other warning explains it."""
    job = known.jobs.get(job_id or "")
    if job is None or job.status is not JobStatus.FAILED:
        return None
    error = job.error or {}
    if error.get("type") != NEED_FAILED["type"]:
        return str(error.get("detail"))
    # A model was retried alone, or by another experiment that shares it: what failed for want of it was not.
    return None if explained else "models were lacking when it was due. Retry the experiment."


def _is_bad(row: RowJobs, known: Known) -> bool:
    return row_status(row, known) in (JobStatus.FAILED, JobStatus.CANCELLED)


def _of_rows(experiment: Experiment, known: Known) -> Iterator[str]:
    """What to mind in the figures of some rows, such as test text that their models or tables were trained on."""
    told: dict[str, list[str]] = {}
    for row in experiment.rows:
        for sentence in dict.fromkeys(_of_row(row, known)):
            told.setdefault(sentence, []).append(row.label)
    for sentence, labels in told.items():
        yield f"{_labels(labels)}: {sentence}"


def _of_row(row: RowJobs, known: Known) -> Iterator[str]:
    for model in known.models(row.language_models):
        for text in model.facts.get("data", {}).values():
            if "overlap" in text and (found := Overlap(**text["overlap"])).notable:
                yield found.told("the train text")
        yield from model.facts.get("warnings", ())
    intervals = known.succeeded(row.intervals)
    share = intervals.metrics.get("pretraining_overlap", 0.0) if intervals else 0.0
    if (found := Overlap(WORDS, share)).notable:
        yield found.told("the pre-training text")


def _few_words(experiment: Experiment, known: Known) -> Iterator[str]:
    """Test texts with fewer topical words than were asked for."""
    probes = experiment.request.get("probes")
    wanted: int = probes["auto"] if isinstance(probes, Mapping) else 0
    for row in experiment.rows if wanted else ():
        asked = [job.metrics for job in map(known.succeeded, row.probes) if job]
        if asked and (found := asked[0].get("words", 0)) < wanted:
            yield f"{row.label}: the text has {found:,.0f} topical words to ask for, not {wanted:,}."


def _few_seeds(experiment: Experiment, known: Known) -> Iterator[str]:
    """Changes that are told of less than all seeds, for good."""
    baseline, seeds = experiment.baseline, experiment.request["seeds"]
    if baseline is None or not any(map(held_out, known.existing(baseline.language_models))):
        return
    for row in experiment.rows:
        pairs = list(zip(row.language_models, baseline.language_models, strict=True))
        if row is baseline or not all(status.ended for pair in pairs for status in known.statuses(pair)):
            continue
        both = [seed for seed, pair in zip(seeds, pairs, strict=True) if all(map(known.succeeded, pair))]
        if both and len(both) < len(seeds) and comparable(row, baseline, known):
            alone = f"seed {both[0]}" if len(both) == 1 else f"the seeds {', '.join(map(str, both))}"
            yield f"{row.label}: its change is of {alone} alone, which the baseline has too."


def _told(labels: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{_labels(rows)} ({value})" for value, rows in labels.items())


def _labels(rows: Sequence[str]) -> str:
    """With commas between them; one that has a comma itself is in quotation marks."""
    return ", ".join(f'"{label}"' if "," in label and len(rows) > 1 else label for label in rows)


def _vocabulary(model: Resource) -> str:
    facts = model.facts["vocabulary"]
    return f"{facts['size']:,} words, sha256 {facts['sha256'][:12]}…"


def _text(spec: Mapping[str, Any], part: str | None) -> str:
    return f"{part} {json.dumps(spec[part])}" if part else "none"


_TRAITS: Mapping[str, Trait] = {
    "vocabularies": lambda row, known: {_vocabulary(model) for model in known.models(row.language_models)},
    "pipelines": lambda row, known: {model.facts["pipeline"] for model in known.models(row.language_models)},
    "texts": lambda row, known: {_text(job.spec, held_out(job)) for job in known.existing(row.language_models)},
}
