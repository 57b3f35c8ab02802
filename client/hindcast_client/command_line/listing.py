"""Answers for people and for pipes: aligned and coloured in a terminal, plain and parted by tabs in anything else."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

STYLES = {
    "succeeded": "green",
    "ready": "green",
    "ok": "green",
    "running": "cyan",
    "ingesting": "cyan",
    "failed": "red",
    "cancelled": "yellow",
    "queued": "dim",
}
"""By status."""
NOTHING = "–"
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_KILO = 1_000
_GAP = 2
_NARROWEST = 12
"""That a flexible column is cut to."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    heading: str
    shown: Callable[[Any], str] = str
    """How a value is written for people. Pipes get it whole."""
    right: bool = False
    flexible: bool = False
    """May be cut where the terminal is narrow."""
    spare: bool = False
    """May be left out where it is narrower still."""
    rare: bool = False
    """Is left out of a terminal's table where nothing stands in it."""
    piped: bool = False
    """Is for pipes alone: a terminal shows it elsewhere."""


LABEL = Column("LABEL", piped=True)
"""What people call a thing that may have no name. Stands last, where it moves no column that scripts know."""


def figure(heading: str, shown: Callable[[Any], str] = "{:,}".format, *, spare: bool = False) -> Column:
    """A column of numbers."""
    return Column(heading, shown, right=True, spare=spare)


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> None:
    """Rows as they are known; None is nothing."""
    rows = list(rows)
    if not sys.stdout.isatty():
        for line in ([column.heading for column in columns], *rows):
            typer.echo("\t".join(map(_plain, line)))
        return
    kept = [
        number
        for number, column in enumerate(columns)
        if not column.piped and (not column.rare or any(row[number] for row in rows))
    ]
    columns, rows = [columns[number] for number in kept], [[row[number] for number in kept] for row in rows]
    cells = [[_cell(column, value) for column, value in zip(columns, row, strict=True)] for row in rows]
    console = Console()
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), header_style="bold")
    widths = _fitting(columns, _widths(columns, cells), console.width)
    for number, width in widths.items():
        column = columns[number]
        justify: Literal["right", "left"] = "right" if column.right else "left"
        table.add_column(column.heading, justify=justify, overflow="ellipsis", no_wrap=True, width=width)
    for row in cells:
        table.add_row(*(row[number] for number in widths))
    # Where even that is too much, the terminal breaks lines: half an id is none.
    console.width = max(console.width, sum(width + _GAP for width in widths.values()))
    console.print(table)


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[Text]]) -> Sequence[int]:
    """That each column would take, in cells of the terminal."""
    headings = [Text(column.heading) for column in columns]
    return [max(each.cell_len for each in column) for column in zip(headings, *cells, strict=True)]


def _fitting(columns: Sequence[Column], widths: Sequence[int], room: int) -> Mapping[int, int]:
    """The columns that there is room for, and the width of each: the last spare ones are left out first, then flexible
    ones are cut."""
    least = [
        min(width, _NARROWEST) if column.flexible else width for column, width in zip(columns, widths, strict=True)
    ]
    shown = list(range(len(columns)))

    def left() -> int:
        return room - sum(least[number] + _GAP for number in shown) + _GAP

    for number in reversed(range(len(columns))):
        if left() < 0 and columns[number].spare:
            shown.remove(number)
    for number in shown:
        least[number] += max(0, min(widths[number] - least[number], left()))
    return {number: least[number] for number in shown}


def print_facts(facts: Sequence[tuple[str, Any]]) -> None:
    """What is known of one thing, a line each. What is None isn't said."""
    known = [(name, value) for name, value in facts if value is not None and value != ""]
    if not sys.stdout.isatty():
        for name, value in known:
            typer.echo(f"{name}\t{_plain(value)}")
        return
    table = Table(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in known:
        table.add_row(name, _cell(Column(name, _for_people), value))
    Console().print(table)


def called(name: str | None, label: str | None) -> str | None:
    """A name; for people the label, in brackets, where there is none. Scripts get what can stand for an id alone, and
    the label in a column of its own."""
    return f"({label})" if name is None and label is not None and sys.stdout.isatty() else name


def printable(text: str) -> str:
    """Without what would move a terminal's cursor, change its colours, or end a line."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def ago(moment: datetime) -> str:
    """`3 min ago`."""
    return f"{duration((datetime.now(UTC) - moment).total_seconds())} ago"


def duration(seconds: float | timedelta) -> str:
    """In its largest unit, or in two: `45 s`, `12 min`, `3 h 20 min`, `5 d`."""
    total = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    if total < _MINUTE:
        return f"{max(0, total):.0f} s"
    if total < _HOUR:
        return f"{total // _MINUTE:.0f} min"
    if total < _DAY:
        hours, minutes = divmod(int(total // _MINUTE), 60)
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{total // _DAY:.0f} d"


def size(bytes: float) -> str:
    """`1.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if bytes < _KILO:
            return f"{bytes:.0f} {unit}" if unit == "B" else f"{bytes:.1f} {unit}"
        bytes /= _KILO
    return f"{bytes:.1f} TB"


def share(fraction: float) -> str:
    """`12.5 %`."""
    return f"{100 * fraction:.1f} %"


def number(value: float) -> str:
    """Whole and large ones with commas, others with four digits that count."""
    return f"{value:,.0f}" if float(value).is_integer() or abs(value) >= 10 * _KILO else f"{value:,.4g}"


def probability(value: float) -> str:
    """Four digits after the point, or as a power of ten where these would hide it."""
    return f"{value:.4f}" if value >= 0.001 or value == 0 else f"{value:.2e}"


def _cell(column: Column, value: Any) -> Text:
    if value is None:
        return Text(NOTHING, style="dim")
    written = printable(column.shown(value))
    return Text(written, style=STYLES.get(written, ""))


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return printable(str(value).replace("\t", " ").replace("\n", " "))


def _for_people(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.astimezone():%Y-%m-%d %H:%M:%S} ({ago(value)})"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, int | float) else str(value)
