"""Experiments as pictures, by matplotlib, which the extra `plot` brings: each row's change to the baseline, the paper's
beside it, and what pre-training brings over the amount of text to learn."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from textwrap import shorten
from typing import Any, Protocol

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from hindcast_client.changes import NO_BASELINE, NO_TEXT, NOT_COMPARABLE, Gain, percent

# Okabe and Ito's blue and vermilion: told apart with any eyes, and by their shapes in grey.
OURS, PAPER, FAINT, GREY, INK = "#0072B2", "#D55E00", "#C9CED6", "#5A6270", "#22262E"
CURVES, MARKERS = (OURS, PAPER, "#009E73", "#CC79A7", "#E69F00", "#56B4E9"), "oDs^vP"
"""Of curves in one picture, by the same two authors."""
REMARKS = ("queued", "running", "cancelled", NOT_COMPARABLE, NO_BASELINE, NO_TEXT)
"""Short enough to stand in a column; all others are failures."""
STYLE: Any = {
    "font.family": "DejaVu Sans",  # matplotlib brings it
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "hindcast",
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
WIDTH, ROW, ABOVE, BELOW = 10.0, 0.46, 0.95, 1.0
"""Inches: of the picture, and the height of a row, of what stands above the rows and below."""
LEFT, RIGHT, OUR_COLUMN, PAPER_COLUMN = 0.245, 0.745, 0.835, 0.965
"""Shares of the width: where the dots' field begins and ends, and where the figures' columns end."""
LONGEST_NAME = 60
"""Letters, of the baseline's below the axis."""
OFFSET = 0.14
"""Of a row's height, between its middle and our dot, or the paper's."""


class Row(Protocol):
    """What is drawn of a row; see `Change`."""

    @property
    def label(self) -> str:
        """Its name."""

    @property
    def change(self) -> float | None:
        """To the baseline: -0.14 is 14 % less."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the change, 95 %."""

    @property
    def paper_change(self) -> float | None:
        """The paper's, to its own baseline."""

    @property
    def remark(self) -> str:
        """Why there is no change."""


def draw_changes(rows: Sequence[Row], *, baseline: str, title: str, note: str) -> Figure:
    """All rows but the baseline, whose label the axis names. One that has no change says why."""
    shown = [row for row in rows if row.change is not None or row.paper_change is not None or row.remark]
    height = ABOVE + ROW * len(shown) + BELOW
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes((LEFT, BELOW / height, RIGHT - LEFT, ROW * len(shown) / height))
        figure.text(0.02, 1 - 0.3 / height, title, fontsize=13, fontweight="bold", va="center")
        figure.text(0.02, 0.18 / height, note, fontsize=8.5, color=GREY, va="center")
        for place, row in enumerate(shown):
            _row(axes, place, row)
        _frame(axes, shown, baseline)
        _columns(figure, axes, shown)
        return figure


def draw_gains(gains: Mapping[str, Sequence[Gain]], *, title: str, note: str) -> Figure:
    """A curve for each row, by its label: the change that pre-training brings, over the amount of text to learn."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.6), layout="constrained")
        axes = figure.add_subplot()
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        figure.supxlabel(note, x=0.01, ha="left", fontsize=8.5, color=GREY)
        for (label, curve), color, marker in zip(gains.items(), cycle(CURVES), cycle(MARKERS), strict=False):
            _curve(axes, label, curve, color=color, marker=marker)
        if len(gains) > 1:
            axes.legend(frameon=False)
        words = sorted({gain.words for curve in gains.values() for gain in curve})
        axes.axhline(0, color=INK, linewidth=1)
        axes.set_xscale("log")
        axes.set_xticks(words, [f"{count:,}" for count in words])
        axes.set_xticks([], minor=True)
        axes.set_xlabel("words that the language model learns (logarithmic)")
        axes.set_ylabel("perplexity, change in %\n(less is better)")
        axes.margins(x=0.16, y=0.25)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.grid(axis="y", color=FAINT, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def save(figure: Figure, path: Path) -> None:
    """As the path's ending says: .png, .svg or .pdf. The same figure is the same file, byte by byte. OSError."""
    # Nothing that changes from day to day.
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
    with mpl.rc_context(STYLE):
        figure.savefig(path, dpi=160, facecolor="white", metadata=metadata)


def _curve(axes: Axes, label: str, gains: Sequence[Gain], *, color: str, marker: str) -> None:
    words, changes = [gain.words for gain in gains], [100 * gain.change for gain in gains]
    axes.plot(words, changes, color=color, marker=marker, markersize=7, linewidth=1.6, label=label)
    for gain in gains:
        if gain.interval:
            axes.vlines(gain.words, 100 * gain.interval[0], 100 * gain.interval[1], color=color, linewidth=2.2)
        here = (gain.words, 100 * gain.change)
        axes.annotate(percent(gain.change), here, (9, -15), textcoords="offset points")  # below a rising line


def _row(axes: Axes, place: int, row: Row) -> None:
    apart = OFFSET if row.paper_change is not None else 0
    if row.change is not None:
        if row.interval:
            low, high = (100 * end for end in row.interval)
            axes.hlines(place - apart, low, high, color=OURS, linewidth=2.4, zorder=2)
        axes.plot(100 * row.change, place - apart, "o", color=OURS, markersize=8, zorder=3)
    if row.paper_change is not None:
        axes.plot(
            *(100 * row.paper_change, place + OFFSET),
            *("D",),
            color="white",
            markeredgecolor=PAPER,
            markeredgewidth=1.8,
            markersize=7,
            zorder=3,
        )


def _frame(axes: Axes, rows: Sequence[Row], baseline: str) -> None:
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
    axes.spines[["top", "right", "left"]].set_visible(False)
    beside = shorten(baseline, LONGEST_NAME, placeholder="…")
    axes.set_xlabel(f"perplexity, change to {beside} in % (less is better)")
    own = next((place for place, row in enumerate(rows) if row.paper_change is None), None)
    if own and all(row.paper_change is None for row in rows[own:]):
        axes.axhline(own - 0.5, color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)))


def _columns(figure: Figure, axes: Axes, rows: Sequence[Row]) -> None:
    """The same in figures, at the right; their headings are the legend."""
    beside = blended_transform_factory(figure.transFigure, axes.transData)

    def write(x: float, y: float, text: str, **how: Any) -> None:
        axes.text(x, y, text, transform=beside, va="center", ha="right", clip_on=False, **how)

    write(OUR_COLUMN, -0.9, "● ours", color=OURS, fontweight="bold")
    if any(row.paper_change is not None for row in rows):
        write(PAPER_COLUMN, -0.9, "◇ the paper", color=PAPER, fontweight="bold")
    for place, row in enumerate(rows):
        if row.change is not None:
            write(OUR_COLUMN, place, percent(row.change), color=OURS)
        elif row.remark:
            short = row.remark if row.remark in REMARKS else "failed"
            write(OUR_COLUMN, place, short, color=GREY, style="italic")
        write(PAPER_COLUMN, place, percent(row.paper_change), color=PAPER)
