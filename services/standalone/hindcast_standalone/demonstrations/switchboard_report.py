"""What `make switchboard` found, counted and written down."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from hindcast.bootstrap import Interval, p_of, scatter_of_seeds
from hindcast_scorer.rescoring.significance import interval, matched_pairs, resample
from hindcast_standalone.demonstrations.switchboard_judging import InSessions, Judged
from hindcast_standalone.demonstrations.switchboard_requests import Row

BASELINE = "baseline"
NGRAM = "n-gram"
COLUMNS = ("Language model", "PPL valid", "PPL test", "WER", "Change", "95 %", "p", "Beside the n-gram")
_NONE = "–"


@dataclass(frozen=True)
class Trained:
    """The models of one row: one for each seed."""

    row: Row
    dropout: float
    """With the lowest perplexity of valid, seed 1."""
    models: Sequence[str]
    valid: float
    """Perplexity, mean over seeds."""
    test: float

    @property
    def label(self) -> str:
        """As tables show it."""
        return self.row.label


@dataclass(frozen=True)
class Report:
    """All of it."""

    command: str
    trained: Mapping[str, Trained]
    found: Mapping[str, Sequence[Judged]]
    """By the row's key, one for each seed."""
    joined: Mapping[str, Sequence[Judged]]
    """Other ways to choose: without the sum, by the n-gram model, by both."""
    best: str
    """The row with the lowest perplexity of valid."""
    sessions: InSessions

    @property
    def first(self) -> Mapping[str, Any]:
        """What tuning says of the lists themselves: the best acoustic score, the oracle."""
        figures: Mapping[str, Any] = self.found[BASELINE][0].answer["cross_validation"]
        return figures


@dataclass(frozen=True)
class Difference:
    """Between two choices of the same lists, over all seeds."""

    points: float
    """Of WER, in percentage points."""
    low: float
    high: float
    p_value: float

    @classmethod
    def between(cls, after: Sequence[Judged], before: Sequence[Judged]) -> "Difference":
        """`after` less `before`: an interval over the utterances, all seeds' choices of one drawn together, and from
        two seeds on over the seeds as well. Where one has fewer seeds, its first stands for the others."""
        seeds = max(len(after), len(before))
        pairs = zip(_padded(after, seeds), _padded(before, seeds), strict=True)
        errors_U = sum((a.errors_U - b.errors_U for a, b in pairs), np.zeros(1, np.int64))
        words_U = seeds * before[0].words_U
        points = 100 * float(errors_U.sum() / words_U.sum())
        resampled_B = resample(errors_U, words_U)
        if seeds == 1:
            bounds = Interval.of(resampled_B)
            return cls(points, bounds.low, bounds.high, matched_pairs(errors_U))
        # What has one seed only, such as an n-gram model, has none to differ by.
        wers = [np.array([each.wer for each in judged]) for judged in (after, before) if len(judged) > 1]
        resampled_B = resampled_B + scatter_of_seeds(wers, len(resampled_B))
        bounds = Interval.of(resampled_B)
        return cls(points, bounds.low, bounds.high, p_of(resampled_B, points))


def rows(report: Report) -> list[tuple[str, ...]]:
    """The nine-best lists, a row for each way to choose."""
    before, baseline, ngram = report.first, report.found[BASELINE], report.joined.get(NGRAM)
    cells: list[tuple[str, ...]] = [
        ("best acoustic score", _NONE, _NONE, f"{before['wer_before']:.1f}", *(_NONE,) * 4),
        ("lowest possible", _NONE, _NONE, f"{before['wer_oracle']:.1f}", *(_NONE,) * 4),
    ]
    for key, row in report.trained.items():
        judged = report.found[key]
        compared = _compared(judged, baseline) if key != BASELINE else (_NONE,) * 3
        perplexities = (f"{row.valid:.1f}", f"{row.test:.1f}")
        cells.append((row.label, *perplexities, _wer(judged), *compared, _beside(judged, ngram)))
    for label, judged in report.joined.items():
        other = ngram if label != NGRAM else None
        cells.append((label, _NONE, _NONE, _wer(judged), *_compared(judged, baseline), _beside(judged, other)))
    return cells


def session_rows(report: Report) -> list[tuple[str, ...]]:
    """The ten-best lists, alone and in sessions."""
    told, words_U = report.sessions, report.sessions.alone.words_U
    difference_U = told.errors_U - told.alone.errors_U
    bounds = interval(difference_U, words_U)
    in_sessions = 100 * float(told.errors_U.sum() / words_U.sum())
    change = f"{in_sessions - told.alone.wer:+.2f}"
    perplexities = [
        math.exp(-logprob / told.tokens) for logprob in (told.reference_logprob_alone, told.reference_logprob)
    ]
    before = told.alone.answer["cross_validation"]
    return [
        ("first of the list", _NONE, f"{_first_wer(before):.1f}", _NONE, _NONE, _NONE),
        ("each alone", f"{perplexities[0]:.1f}", f"{told.alone.wer:.1f}", _NONE, _NONE, _NONE),
        (
            "in sessions",
            f"{perplexities[1]:.1f}",
            f"{in_sessions:.1f}",
            change,
            f"{bounds.low:+.2f} to {bounds.high:+.2f}",
            f"{matched_pairs(difference_U):.3f}",
        ),
    ]


SESSION_COLUMNS = ("Ten-best lists", "PPL of references", "WER", "Change", "95 %", "p")


def terminal_tables(report: Report) -> list[Table]:
    """For the screen."""
    tables = []
    for title, columns, cells in (
        ("Nine-best lists: word error rate in percent", COLUMNS, rows(report)),
        ("What sessions change", SESSION_COLUMNS, session_rows(report)),
    ):
        table = Table(title=title, title_justify="left")
        for index, column in enumerate(columns):
            table.add_column(column, justify="right" if index else "left")
        for row in cells:
            table.add_row(*row)
        tables.append(table)
    return tables


def write(folder: Path, report: Report) -> Path:
    """`switchboard.md` and `switchboard.json`; the former's path."""
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "switchboard.md"
    page.write_text(_page(report), encoding="utf-8")
    facts = {
        "command": report.command,
        "rows": [dict(zip(COLUMNS, row, strict=True)) for row in rows(report)],
        "sessions": [dict(zip(SESSION_COLUMNS, row, strict=True)) for row in session_rows(report)],
        "dropout": {key: row.dropout for key, row in report.trained.items()},
        "tuned": {key: [each.answer for each in judged] for key, judged in {**report.found, **report.joined}.items()},
        "tuned_ten_best": report.sessions.alone.answer,
    }
    page.with_suffix(".json").write_text(json.dumps(facts, indent=1, ensure_ascii=False), encoding="utf-8")
    return page


def _page(report: Report) -> str:
    seeds = len(report.found[BASELINE])
    dropouts = ", ".join(f"{row.label} {row.dropout:g}" for row in report.trained.values())
    lines = [
        "# Switchboard's n-best lists, rescored",
        "",
        f"`{report.command}`. {seeds} seed(s); perplexities and error rates are their means, changes (to the baseline",
        "without pre-training, in percentage points) those of the means. Intervals and p are by a bootstrap over",
        "utterances, from two seeds on over the seeds too (Student's t); with one, p is by matched pairs. The last",
        "column has the change to the n-gram model alone, and its interval. Each conversation is rescored by weights",
        "that the other ones gave. Filled pauses count as one word, fragments don't count.",
        f"Dropout, chosen on valid: {dropouts}.",
        "",
        *_markdown(COLUMNS, rows(report)),
        "",
        f"The ten-best lists have no scores: a hypothesis's place in the list stands for one. By one model, "
        f"{report.trained[report.best].label}, trained to look back beyond the sentence; a session for each side of a",
        "conversation, which goes on after what was chosen.",
        "",
        *_markdown(SESSION_COLUMNS, session_rows(report)),
    ]
    return "\n".join(lines) + "\n"


def _markdown(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *["---:"] * (len(columns) - 1)]
    return [f"| {' | '.join(row)} |" for row in (columns, rule, *cells)]


def _compared(after: Sequence[Judged], before: Sequence[Judged]) -> tuple[str, str, str]:
    found = Difference.between(after, before)
    return f"{found.points:+.2f}", f"{found.low:+.2f} to {found.high:+.2f}", f"{found.p_value:.3f}"


def _beside(judged: Sequence[Judged], ngram: Sequence[Judged] | None) -> str:
    if ngram is None:
        return _NONE
    points, bounds, _ = _compared(judged, ngram)
    return f"{points} ({bounds})"


def _wer(judged: Sequence[Judged]) -> str:
    return f"{sum(each.wer for each in judged) / len(judged):.1f}"


def _first_wer(figures: Mapping[str, Any]) -> float:
    return float(figures["wer_before"])


def _padded(judged: Sequence[Judged], seeds: int) -> Sequence[Judged]:
    return [*judged, *[judged[0]] * (seeds - len(judged))]
