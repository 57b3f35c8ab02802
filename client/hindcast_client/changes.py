"""What pre-training brings, by an experiment's answer: each row's change to the baseline, the paper's beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Change:
    """Of one row. Changes are to the baseline of the same column: -0.14 is 14 % less."""

    label: str
    change: float | None
    interval: tuple[float, float] | None
    """Of the change, 95 %."""
    p_value: float | None
    """Of the change: how likely so large a one were if there was none."""
    paper_change: float | None
    remark: str
    """Why there is no change, or not even a perplexity."""


NOT_COMPARABLE = "not comparable"
"""The remark on a row whose models differ from the baseline's in vocabulary, pipeline or text."""
NO_TEXT = "no held-out text"
"""The remark on a row whose language models have neither test nor valid text."""
NO_BASELINE = "no baseline yet"
"""The remark on a row that has its perplexity before the baseline has, which may have failed."""


@dataclass(frozen=True)
class Gain:
    """What pre-training brings at one amount of text to learn."""

    words: int
    change: float
    interval: tuple[float, float] | None


def changes_of(answer: Mapping[str, Any]) -> Sequence[Change]:
    """Of every row of an experiment's answer, the baseline among them."""
    papers = {row["label"]: row["paper_perplexity"] for row in answer["rows"]}
    return [_change(row, answer["baseline"], papers.get(answer["baseline"] or "")) for row in answer["rows"]]


def gains_of(experiments: Sequence[tuple[int, Mapping[str, Any]]]) -> Mapping[str, Sequence[Gain]]:
    """Of each row that is in experiments with so many words to learn, by its label; rows without a change are left
    out."""
    gains: dict[str, list[Gain]] = {}
    for words, answer in sorted(experiments, key=lambda each: each[0]):
        for row in changes_of(answer):
            if row.change is not None:
                gains.setdefault(row.label, []).append(Gain(words, row.change, row.interval))
    return gains


def words_learned(answer: Mapping[str, Any]) -> int | None:
    """By the language models of an experiment, where what was posted says it; None where it means all that there is."""
    train = answer["spec"].get("lm", {}).get("train")
    return train.get("limit_tokens") if isinstance(train, dict) else None


def percent(share: float | None) -> str:
    """-0.143 as −14.3 %."""
    return "" if share is None else f"{share:+.1%}".replace("-", "−").replace("%", " %")


def probability(p_value: float | None) -> str:
    """0.0312 as 0.031, 0.0001 as <0.001."""
    if p_value is None:
        return ""
    return "<0.001" if p_value < 0.001 else f"{p_value:.3f}"


def _change(row: Mapping[str, Any], baseline: str | None, paper_baseline: float | None) -> Change:
    comparison = row["relative_to_baseline"] or {}
    interval, paper = comparison.get("ci95"), row["paper_perplexity"]
    is_compared = paper is not None and paper_baseline is not None and paper != paper_baseline
    return Change(
        label=row["label"],
        change=comparison.get("change"),
        interval=(interval[0], interval[1]) if interval else None,
        p_value=comparison.get("p_value"),
        paper_change=paper / paper_baseline - 1 if is_compared else None,
        remark=_remark(row, baseline),
    )


def _remark(row: Mapping[str, Any], baseline: str | None) -> str:
    if row["perplexity"] is None and row["status"] == "succeeded":
        return NO_TEXT
    if (row["perplexity"] or {}).get("mean") is None:
        return str(row["error"] or row["status"])
    if row["label"] == baseline or baseline is None:
        return ""
    comparison = row["relative_to_baseline"]
    if comparison is None:
        return NO_BASELINE
    return NOT_COMPARABLE if comparison["change"] is None else ""
