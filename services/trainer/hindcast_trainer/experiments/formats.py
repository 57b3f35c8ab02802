"""An experiment's table for people and for spreadsheets."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from hindcast_trainer.experiments.answer import ExperimentAnswer, RowAnswer, RowPretraining

NOTHING = RowPretraining(dataset="/", unit=None, objective="/")
"""How the paper's Table 1 shows a row without pre-training."""


def as_markdown(answer: ExperimentAnswer) -> str:
    """A table as the paper's Table 1, and below it what is missing or hard to compare."""
    ranks = [f"Rank of *{probe.target}*" for probe in answer.probes]
    header = ["Row", "Dataset", "Unit", "Objective", "PPL", "Change", *ranks]
    ruler = ["---"] * 4 + ["---:"] * (len(header) - 4)
    table = "\n".join(_line(cells) for cells in (header, ruler, *map(_cells, answer.rows)))
    failures = [f"{row.label}: {row.error}" for row in answer.rows if row.error]
    return "\n\n".join([f"# {answer.name or answer.id}", table, _legend(answer), *failures, *answer.warnings]) + "\n"


def as_csv(answer: ExperimentAnswer) -> str:
    """The table, a line for each row, below the names of its columns."""
    records = [_record(row) for row in answer.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _cells(row: RowAnswer) -> list[str]:
    pretraining = row.pretraining or NOTHING
    described = [row.label, pretraining.dataset, pretraining.unit or "/", pretraining.objective]
    change = f"{row.relative_to_baseline.change:+.1%}" if row.relative_to_baseline else ""
    ranks = ["" if probe.rank is None else f"{probe.rank:,.0f}" for probe in row.probes]
    return [*described, _perplexity(row), change, *ranks]


def _perplexity(row: RowAnswer) -> str:
    """The mean and the deviation; where there is none yet, why."""
    if row.perplexity is None or row.perplexity.mean is None:
        return row.status
    deviation = "" if row.perplexity.std is None else f" ± {row.perplexity.std:.1f}"
    return f"{row.perplexity.mean:.1f}{deviation}"


def _line(cells: Sequence[str]) -> str:
    # A bar or a line break within a cell would end it.
    escaped = (" ".join(cell.split()).replace("\\", "\\\\").replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _legend(answer: ExperimentAnswer) -> str:
    texts = sorted({row.perplexity.on for row in answer.rows if row.perplexity})
    seeds = len(answer.seeds)
    over = "one model a row" if seeds == 1 else f"mean and standard deviation over {seeds} models a row"
    return f"PPL: perplexity of the {' and '.join(texts)} text, {over}." if texts else "There is no held-out text."


def _record(row: RowAnswer) -> dict[str, Any]:
    pretraining, perplexity, comparison = row.pretraining, row.perplexity, row.relative_to_baseline
    return {
        "row": row.label,
        "status": row.status,
        "dataset": pretraining and pretraining.dataset,
        "unit": pretraining and pretraining.unit,
        "objective": pretraining and pretraining.objective,
        "perplexity": perplexity and perplexity.mean,
        "std": perplexity and perplexity.std,
        "on": perplexity and perplexity.on,
        "change": comparison and comparison.change,
        "oov_rate": row.oov_rate,
        "parameters": row.parameters,
        "seconds": row.seconds,
        **{f"rank {number}: {probe.target}": probe.rank for number, probe in enumerate(row.probes, 1)},
        "error": row.error,
    }
