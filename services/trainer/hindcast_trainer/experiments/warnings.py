"""What makes the rows of an experiment hard to compare."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from hindcast.registry import Resource
from hindcast_trainer.experiments.document import Experiment, RowJobs
from hindcast_trainer.experiments.known import Known, held_out


def warnings(experiment: Experiment, known: Known) -> list[str]:
    """A sentence for each thing in which models that are ready differ, though perplexities assume it equal."""
    differences: Mapping[str, Callable[[RowJobs], set[str]]] = {
        "vocabularies": lambda row: {_vocabulary(model) for model in known.models(row.language_models)},
        "pipelines": lambda row: {model.facts["pipeline"] for model in known.models(row.language_models)},
        "texts": lambda row: {_text(job.spec, held_out(job)) for job in known.existing(row.language_models)},
    }
    return [
        f"Perplexities over different {what} can't be compared: {_told(labels)}."
        for what, of in differences.items()
        if len(labels := _labels(experiment, of)) > 1
    ]


def _labels(experiment: Experiment, of: Callable[[RowJobs], set[str]]) -> dict[str, list[str]]:
    """Labels of the rows, by what they have."""
    labels: dict[str, list[str]] = {}
    for row in experiment.rows:
        for value in sorted(of(row)):
            labels.setdefault(value, []).append(row.label)
    return labels


def _told(labels: Mapping[str, list[str]]) -> str:
    return "; ".join(f"{', '.join(rows)} ({value})" for value, rows in labels.items())


def _vocabulary(model: Resource) -> str:
    facts = model.facts["vocabulary"]
    return f"{facts['size']:,} words, sha256 {facts['sha256'][:12]}…"


def _text(spec: Mapping[str, Any], part: str | None) -> str:
    return f"{part} {json.dumps(spec[part])}" if part else "none"
