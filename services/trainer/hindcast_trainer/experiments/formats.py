"""An experiment's table for people and for spreadsheets."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

from hindcast_trainer.experiments.answer import ExperimentAnswer, Interval, RowAnswer, RowPretraining, RowRanks
from hindcast_trainer.probe import Probe
from hindcast_trainer.topical_probe import FIGURES, AutoProbes

NOTHING = RowPretraining(dataset="/", unit=None, objective="/")
"""How the paper's Table 1 shows a row without pre-training."""
AUTO_HEADER = ["Median rank", "MRR", "Hits@10", "Hits@100", "Median rank, sentence alone"]
"""Of the topical words that the test text chose."""


def as_markdown(answer: ExperimentAnswer) -> str:
    """A table as the paper's Table 1, and below it what is missing or hard to compare."""
    auto, paper = isinstance(answer.probes, AutoProbes), any(row.paper_perplexity for row in answer.rows)
    ranks = AUTO_HEADER if isinstance(answer.probes, AutoProbes) else _targets(answer.probes)
    header = ["Row", "Dataset", "Unit", "Objective", "PPL", "Change", "p", *(["Paper"] if paper else []), *ranks]
    ruler = ["---"] * 4 + ["---:"] * (len(header) - 4)
    cells = [header, ruler, *(_cells(row, auto=auto, paper=paper) for row in answer.rows)]
    failures = [_verbatim(f"{row.label}: {row.error}") for row in answer.rows if row.error]
    parts = [
        f"# {_verbatim(answer.name or answer.id)}",
        "\n".join(map(_line, cells)),
        _legend(answer),
        *failures,
        *map(_verbatim, answer.warnings),
    ]
    return "\n\n".join(parts) + "\n"


def as_csv(answer: ExperimentAnswer) -> str:
    """The table, a line for each row, below the names of its columns."""
    records = [_record(row, auto=isinstance(answer.probes, AutoProbes)) for row in answer.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(records[0]))
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()


def _cells(row: RowAnswer, *, auto: bool, paper: bool) -> list[str]:
    pretraining = row.pretraining or NOTHING
    described = [_verbatim(row.label), _verbatim(pretraining.dataset), pretraining.unit or "/", pretraining.objective]
    of_paper = [f"{row.paper_perplexity:g}" if row.paper_perplexity else ""] if paper else []
    return [*described, _perplexity(row), _change(row), _p_value(row), *of_paper, *_ranks(row, auto=auto)]


def _perplexity(row: RowAnswer) -> str:
    """The mean, the deviation and the interval; where there is none yet, why."""
    if row.perplexity is None or row.perplexity.mean is None:
        return row.status
    deviation = "" if row.perplexity.std is None else f" ± {row.perplexity.std:.1f}"
    interval = "" if row.perplexity.ci95 is None else " [{:.1f}, {:.1f}]".format(*row.perplexity.ci95)
    return f"{row.perplexity.mean:.1f}{deviation}{interval}"


def _change(row: RowAnswer) -> str:
    """-6.2% [-7.0, -5.4]."""
    comparison = row.relative_to_baseline
    if comparison is None or comparison.change is None:
        return ""
    if comparison.ci95 is None:
        return f"{comparison.change:+.1%}"
    low, high = comparison.ci95
    return f"{comparison.change:+.1%} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _p_value(row: RowAnswer) -> str:
    """As papers print it."""
    comparison = row.relative_to_baseline
    if comparison is None or comparison.p_value is None:
        return ""
    return "<0.001" if comparison.p_value < 0.001 else f"{comparison.p_value:.3f}"


def _targets(probes: Sequence[Probe]) -> list[str]:
    return [f"Rank of *{_verbatim(probe.target)}*" for probe in probes]


def _ranks(row: RowAnswer, *, auto: bool) -> list[str]:
    if not auto:
        return ["" if probe.rank is None else f"{probe.rank:,.0f}" for probe in row.probes]
    if row.ranks is None:
        return [""] * len(AUTO_HEADER)
    ranks = row.ranks
    hits = [f"{share:.1%}" for share in (ranks.hits_at_10, ranks.hits_at_100)]
    return [f"{ranks.median:,.0f}", f"{ranks.mrr:.3f}", *hits, f"{ranks.sentence.median:,.0f}"]


_MARKUP = re.compile(r"[\\`*<\[~]|&(?=#?\w+;)|(?<!\w)_|_(?!\w)")
"""What Markdown takes for emphasis, code, a tag, a link or an entity; a _ within a word is none of these."""


def _verbatim(text: str) -> str:
    """What users have written, as it is to be read."""
    return _MARKUP.sub(r"\\\g<0>", text)


def _line(cells: Sequence[str]) -> str:
    # A bar or a line break within a cell would end it.
    escaped = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _legend(answer: ExperimentAnswer) -> str:
    texts = sorted({row.perplexity.on for row in answer.rows if row.perplexity})
    if not texts:
        return "There is no held-out text."
    seeds = len(answer.seeds)
    over = "one model a row" if seeds == 1 else f"mean and standard deviation over {seeds} models a row"
    told = [f"PPL: perplexity of the {' and '.join(texts)} text, {over}."]
    changes = [row.relative_to_baseline for row in answer.rows if row.relative_to_baseline]
    if answer.baseline is not None and any(each.change is not None for each in changes):
        told.append(f"Changes are to {_verbatim(answer.baseline)}.")
    own = [row.perplexity for row in answer.rows if row.perplexity]
    if any(each.ci95 for each in own) or any(each.ci95 for each in changes):
        covered = "sentences" if seeds == 1 else "sentences, and over the seeds by Student's t"
        told.append(f"In brackets: 95 % intervals by a paired bootstrap over its {covered}.")
    if any(change.p_value is not None for change in changes):
        told.append("p: of the change, two-sided, by the same.")
    if found := next((row.ranks for row in answer.rows if row.ranks), None):
        told.append(f"Ranks: of {found.words:,} topical words of that text, given the document so far.")
    return " ".join(told)


def _record(row: RowAnswer, *, auto: bool) -> dict[str, Any]:
    pretraining, perplexity, comparison = row.pretraining, row.perplexity, row.relative_to_baseline
    return {
        "row": row.label,
        "status": row.status,
        "dataset": pretraining and pretraining.dataset,
        "unit": pretraining and pretraining.unit,
        "objective": pretraining and pretraining.objective,
        "perplexity": perplexity and perplexity.mean,
        "std": perplexity and perplexity.std,
        **_ends("perplexity", perplexity.ci95 if perplexity else None),
        "on": perplexity and perplexity.on,
        "change": comparison and comparison.change,
        **_ends("change", comparison.ci95 if comparison else None),
        "p_value": comparison and comparison.p_value,
        "paper_perplexity": row.paper_perplexity,
        "oov_rate": row.oov_rate,
        "parameters": row.parameters,
        "seconds": row.seconds,
        **{f"rank {number}: {probe.target}": probe.rank for number, probe in enumerate(row.probes, 1)},
        **(_rank_record(row.ranks) if auto else {}),
        "error": row.error,
    }


def _ends(figure: str, interval: Interval | None) -> dict[str, float | None]:
    low, high = interval or (None, None)
    return {f"{figure}_low": low, f"{figure}_high": high}


def _rank_record(ranks: RowRanks | None) -> dict[str, float | None]:
    contexts = {"document": ranks, "sentence": ranks.sentence if ranks else None}
    figures = {f"{context} {name}": getattr(of, name, None) for context, of in contexts.items() for name in FIGURES}
    return {"topical words": ranks.words if ranks else None, **figures}
