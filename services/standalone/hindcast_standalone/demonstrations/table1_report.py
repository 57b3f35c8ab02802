"""The table as the paper has it, its perplexities beside ours: for the terminal, Markdown, CSV and JSON."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from hindcast_client.changes import Change, changes_of, percent, probability


@dataclass(frozen=True)
class Figures:
    """One row. Changes are to the baseline of the same column: -0.14 is 14 % less."""

    label: str
    unit: str | None
    objective: str | None
    perplexity: float | None
    deviation: float | None
    """Over the seeds."""
    change: float | None
    interval: tuple[float, float] | None
    """Of the change, 95 %."""
    p_value: float | None
    median_rank: float | None
    """Of the test text's topical words, given the document so far."""
    median_rank_in_sentence: float | None
    """Of the same words, given their sentence alone."""
    paper_perplexity: float | None
    paper_change: float | None
    remark: str
    """Why there is no change, or not even a perplexity."""

    def at(self, words: int) -> "Figures":
        """The same, labelled with the words that were learned, and without the paper's: it has but one size."""
        return replace(self, label=f"{self.label}, {words:,} words", paper_perplexity=None, paper_change=None)


def figures(answer: Mapping[str, Any]) -> list[Figures]:
    """Of every row of an experiment's answer."""
    return [_row(row, change) for row, change in zip(answer["rows"], changes_of(answer), strict=True)]


def _row(row: Mapping[str, Any], change: Change) -> Figures:
    pretraining, perplexity, ranks = row["pretraining"] or {}, row["perplexity"] or {}, row["ranks"] or {}
    return Figures(
        label=change.label,
        unit=pretraining.get("unit"),
        objective=pretraining.get("objective"),
        perplexity=perplexity.get("mean"),
        deviation=perplexity.get("std"),
        change=change.change,
        interval=change.interval,
        p_value=change.p_value,
        median_rank=ranks.get("median"),
        median_rank_in_sentence=ranks.get("sentence", {}).get("median"),
        paper_perplexity=row["paper_perplexity"],
        paper_change=change.paper_change,
        remark=change.remark,
    )


HEADER = (
    "Pre-trained embeddings",
    "Unit",
    "Objective",
    "PPL",
    "Change",
    "95 %",
    "p",
    "Rank",
    "in sentence",
    "Paper",
    "Change",
)
"""Rank: the median of the test text's topical words, given the document so far, and given their sentence alone."""


def cells(row: Figures) -> list[str]:
    """A row as it is printed, below HEADER."""
    deviation = f" ± {row.deviation:.1f}" if row.deviation is not None else ""
    low_high = " to ".join(percent(end) for end in row.interval) if row.interval else ""
    return [
        row.label,
        row.unit or "/",
        row.objective or "/",
        row.remark if row.perplexity is None else f"{row.perplexity:.1f}{deviation}",
        percent(row.change),
        low_high,
        probability(row.p_value),
        rank(row.median_rank),
        rank(row.median_rank_in_sentence),
        "" if row.paper_perplexity is None else f"{row.paper_perplexity:g}",
        percent(row.paper_change),
    ]


def rank(median: float | None) -> str:
    """1204.5 as 1,204."""
    return "" if median is None else f"{median:,.0f}"


def terminal_table(rows: Sequence[Figures]) -> Table:
    """For rich; narrow enough for eighty columns."""
    # The rows' names say the first two; where an interval stands, there is no room for more.
    left_out = {HEADER.index(name) for name in ("Unit", "Objective", "p", "in sentence")}
    shown = [number for number in range(len(HEADER)) if number not in left_out]
    table = Table(title="Perplexity of the test text", title_justify="left")
    for number in shown:
        table.add_column(HEADER[number], justify="right" if number else "left")
    for row in rows:
        table.add_row(*(cells(row)[number] for number in shown))
    return table


def write(
    folder: Path,
    stem: str,
    *,
    title: str,
    described: Sequence[str],
    rows: Sequence[Figures],
    document: Mapping[str, Any],
) -> None:
    """`stem.md`, `stem.csv` and, with all that is known, `stem.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{stem}.md").write_text(_markdown(title, described, rows), encoding="utf-8")
    (folder / f"{stem}.json").write_text(
        json.dumps({**document, "rows": [asdict(row) for row in rows]}, indent=1, ensure_ascii=False), encoding="utf-8"
    )
    with (folder / f"{stem}.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(asdict(rows[0])))
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _markdown(title: str, described: Sequence[str], rows: Sequence[Figures]) -> str:
    ruler = ["---"] * 3 + ["---:"] * (len(HEADER) - 3)
    lines = [f"| {' | '.join(line)} |" for line in (HEADER, ruler, *map(_escaped, rows))]
    return "\n".join([f"# {title}", "", *lines, "", *described]) + "\n"


def _escaped(row: Figures) -> list[str]:
    return [" ".join(cell.split()).replace("|", "\\|") for cell in cells(row)]
