"""The table as a picture: each row's change to the baseline, the paper's beside ours."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from hindcast_standalone.demonstrations.table1_report import Figures, percent

# Okabe and Ito's blue and vermilion: told apart with any eyes, and by their shapes in grey.
OURS, PAPER, FAINT, GREY, INK = "#0072B2", "#D55E00", "#C9CED6", "#5A6270", "#22262E"
STATUSES = ("queued", "running", "cancelled")
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
OFFSET = 0.14
"""Of a row's height, between its middle and our dot, or the paper's."""


@dataclass(frozen=True)
class Gain:
    """What pre-training brings at one amount of text to learn."""

    words: int
    change: float
    interval: tuple[float, float] | None


def plot_table(rows: Sequence[Figures], *, title: str, note: str, folder: Path, stem: str) -> list[Path]:
    """`stem.png` and `stem.svg` of all rows but the baseline. A row that has no perplexity says why."""
    shown = [row for row in rows if row.change is not None or row.paper_change is not None or row.remark]
    height = ABOVE + ROW * len(shown) + BELOW
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes((LEFT, BELOW / height, RIGHT - LEFT, ROW * len(shown) / height))
        figure.text(0.02, 1 - 0.3 / height, title, fontsize=13, fontweight="bold", va="center")
        figure.text(0.02, 0.18 / height, note, fontsize=8.5, color=GREY, va="center")
        for place, row in enumerate(shown):
            _row(axes, place, row)
        _frame(axes, shown)
        _columns(figure, axes, shown)
        return _saved(figure, folder, stem)


def plot_curve(gains: Sequence[Gain], *, title: str, note: str, folder: Path, stem: str) -> list[Path]:
    """`stem.png` and `stem.svg`: the change that pre-training brings, over the amount of text to learn."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.6), layout="constrained")
        axes = figure.add_subplot()
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        figure.supxlabel(note, x=0.01, ha="left", fontsize=8.5, color=GREY)
        words, changes = [gain.words for gain in gains], [100 * gain.change for gain in gains]
        axes.plot(words, changes, color=OURS, marker="o", markersize=7, linewidth=1.6)
        for gain in gains:
            if gain.interval:
                axes.vlines(gain.words, 100 * gain.interval[0], 100 * gain.interval[1], color=OURS, linewidth=2.2)
            here = (gain.words, 100 * gain.change)
            axes.annotate(percent(gain.change), here, (9, -15), textcoords="offset points")  # below a rising line
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
        return _saved(figure, folder, stem)


def _row(axes: Axes, place: int, row: Figures) -> None:
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


def _frame(axes: Axes, rows: Sequence[Figures]) -> None:
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.tick_params(axis="y", length=0)
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    axes.grid(axis="x", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.margins(x=0.08)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("perplexity, change to the model without pre-training in % (less is better)")
    own = next((place for place, row in enumerate(rows) if row.paper_change is None), None)
    if own and all(row.paper_change is None for row in rows[own:]):
        axes.axhline(own - 0.5, color=FAINT, linewidth=1.2, linestyle=(0, (4, 3)))


def _columns(figure: Figure, axes: Axes, rows: Sequence[Figures]) -> None:
    """The same in figures, at the right; their headings are the legend."""
    beside = blended_transform_factory(figure.transFigure, axes.transData)

    def write(x: float, y: float, text: str, **how: Any) -> None:
        axes.text(x, y, text, transform=beside, va="center", ha="right", clip_on=False, **how)

    write(OUR_COLUMN, -0.9, "● ours", color=OURS, fontweight="bold")
    write(PAPER_COLUMN, -0.9, "◇ the paper", color=PAPER, fontweight="bold")
    for place, row in enumerate(rows):
        if row.change is not None:
            write(OUR_COLUMN, place, percent(row.change), color=OURS)
        elif row.remark:
            short = row.remark if row.remark in STATUSES else "failed"
            write(OUR_COLUMN, place, short, color=GREY, style="italic")
        write(PAPER_COLUMN, place, percent(row.paper_change), color=PAPER)


def _saved(figure: Figure, folder: Path, stem: str) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    png, svg = folder / f"{stem}.png", folder / f"{stem}.svg"
    figure.savefig(png, dpi=160, facecolor="white")
    figure.savefig(svg, facecolor="white", metadata={"Date": None})
    return [png, svg]
