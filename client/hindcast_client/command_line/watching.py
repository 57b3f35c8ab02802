"""Watching what runs: bars, live figures and what is left in a terminal; lines in a log; events as JSON."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from shlex import quote
from typing import Protocol

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn
from rich.text import Text

from hindcast_client.answers import EventAnswer, EventPage, ExperimentProgress, JobAnswer, ProgressAnswer
from hindcast_client.command_line.connection import Connection, print_json
from hindcast_client.command_line.failures import Failure, tell
from hindcast_client.command_line.listing import duration, number, printable
from hindcast_client.command_line.queued import waits_told
from hindcast_client.errors import HindcastError
from hindcast_client.request import at, get

FIRST_TOLD = (
    *("train_loss", "valid_loss", "train_perplexity", "valid_perplexity", "test_perplexity"),
    *("oov_rate", "tokens_per_second"),
)
"""Of the metrics that there are; others come after them."""
LEFT_OUT = ("epoch", "epochs", "best_epoch", "learning_rate", "parameters")
MOST_TOLD = 5
MOST_TELLING = ("test_perplexity", "valid_perplexity", "train_perplexity", "valid_loss", "train_loss")
_INDENT = "  "


class Shown(Protocol):
    """Whoever is told what happens to a job."""

    def happened(self, event: EventAnswer) -> None:
        """One thing more."""

    def waits(self, what: str) -> None:
        """What a queued job waits for, from another thread."""


def watch(to: Connection, job: str, *, name: str | None = None, as_json: bool = False) -> JobAnswer:
    """The job once it has ended, whatever its end; until then it is shown how far it is, or its events are printed as
    JSON lines. Ctrl-C leaves it running."""
    # Asked before the job, which tells what the events up to then have come to.
    seen = 0 if as_json or not sys.stderr.isatty() else _last_event(to, job)
    begun = to.jobs.get(job)
    told = name or begun.name or begun.label or begun.id
    shown = _shown(begun, told, as_json=as_json)
    with (
        left_running("job", begun.name or begun.id),
        shown as screen,
        waits_told(to.transport, begun, screen.waits),
        closing(to.jobs.events(job, after=seen, on_away=tell_away)) as events,
    ):
        for event in events:
            screen.happened(event)
    return to.jobs.get(begun.id)


def watch_to_its_end(to: Connection, job: str) -> None:
    """Shows how far a job is, and how it has ended on standard output: in a sentence, or by its events as JSON lines.
    Failure where it hasn't succeeded."""
    ended = watch(to, job, as_json=to.json)
    if ended.status == "succeeded" and to.json:
        return
    _tell_end(ended)


def _tell_end(job: JobAnswer) -> None:
    name = job.name or job.label or job.id
    if job.status == "failed":
        raise Failure(f"{name} failed: {job.error.detail if job.error else 'nobody said why'}")
    if job.status != "succeeded":
        again = f"hindcast retry {quote(job.name or job.id)}"
        raise Failure(f"{name} was cancelled. `{again}` lets it go on from where it was.")
    took = (
        "" if job.finished_at is None or job.started_at is None else f" in {duration(job.finished_at - job.started_at)}"
    )
    made = f"{job.result.type} {job.result.id}" if job.result else ""
    typer.echo(f"{printable(name)} succeeded{took}: " + ", ".join(filter(None, [made, figures(job.metrics)])))


def figures(metrics: Mapping[str, float]) -> str:
    """`train loss 2.393, valid loss 2.182, valid perplexity 8.864`."""
    of_valid = {name.replace("valid_", "train_") for name in metrics if name == "valid_perplexity"}
    known = [name for name in FIRST_TOLD if name in metrics and name not in of_valid]
    others = [name for name in metrics if name not in FIRST_TOLD + LEFT_OUT]
    return printable(", ".join(_figure(name, metrics[name]) for name in (*known, *others)[:MOST_TOLD]))


def _figure(name: str, value: float) -> str:
    if name == "tokens_per_second":
        return f"{value:,.0f} tokens/s"
    return f"{name.replace('_', ' ')} {number(value)}"


def headline(metrics: Mapping[str, float]) -> str | None:
    """The figure that tells most: `test perplexity 8.871`."""
    found = (name for name in (*MOST_TELLING, *metrics) if name in metrics)
    return next((_figure(name, metrics[name]) for name in found), None)


def tell_away(error: HindcastError) -> None:
    """Whoever watches would take silence for a job that stands still."""
    tell(f"The server is waited for. {error}")


@contextmanager
def left_running(what: str, name: str) -> Iterator[None]:
    """Says that Ctrl-C ends the watching alone."""
    try:
        yield
    except KeyboardInterrupt:
        again, stop = ("watch", "cancel") if what == "job" else (f"{what} watch", f"{what} cancel")
        typed = quote(name)
        tell(f"{name} goes on. `hindcast {again} {typed}` shows it again, `hindcast {stop} {typed}` stops it.")
        raise


@contextmanager
def jobs_shown(name: str) -> Iterator["JobsBar"]:
    """A bar for the jobs of an experiment, on standard error, where that is a terminal."""
    bar = _bar()
    task = bar.add_task(printable(name), total=1.0, left="")
    if not sys.stderr.isatty():
        yield JobsBar(bar, task)
        return
    with Live(bar, console=Console(stderr=True)):
        yield JobsBar(bar, task)


class JobsBar:
    """How many jobs have ended."""

    def __init__(self, bar: Progress, task: int) -> None:
        self._bar = bar
        self._task = task

    def told(self, progress: ExperimentProgress) -> None:
        """How far they are."""
        left = f"{progress.done} of {progress.total} jobs"
        self._bar.update(self._task, completed=progress.fraction, left=left)  # type: ignore[arg-type]
        if not sys.stderr.isatty():
            tell(f"{100 * progress.fraction:.0f} %: {left} have ended")


class _AsJson:
    def happened(self, event: EventAnswer) -> None:
        print_json(event.model_dump_json().encode())

    def waits(self, what: str) -> None:
        """Is no event."""


class _AsLines:
    """What a log has room for: each thing said once."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._message = ""
        self._figures_due = False

    def happened(self, event: EventAnswer) -> None:
        if event.type == "status":
            self._tell(event, str(event.data["status"]))
        elif event.type == "log":
            self._tell(event, str(event.data.get("message")))
        elif event.type == "progress" and (message := event.data.get("message")) != self._message:
            self._message, self._figures_due = str(message), True
            self._tell(event, f"{100 * event.data.get('fraction', 0):.0f} % {self._message}")
        elif event.type == "metric" and self._figures_due and (told := figures(event.data.get("metrics", {}))):
            self._figures_due = False
            self._tell(event, told)

    def waits(self, what: str) -> None:
        self._tell_at(datetime.now(UTC), f"queued: {what}")

    def _tell(self, event: EventAnswer, what: str) -> None:
        self._tell_at(event.created_at, what)

    def _tell_at(self, moment: datetime, what: str) -> None:
        tell(printable(f"{moment.astimezone():%H:%M:%S} {self._name}: {what}"))


class _AsBar:
    """A bar with what is going on and the latest figures below it."""

    def __init__(self, job: JobAnswer, name: str) -> None:
        self._bar = _bar()
        self._task = self._bar.add_task(printable(name), total=1.0, left="")
        self._metrics = dict(job.metrics)
        self._status: str = job.status
        self._progress = job.progress
        self._waits = ""
        self._move()

    def __rich__(self) -> RenderableType:
        going_on = self._status
        if going_on == "running":
            going_on = printable(self._progress.message)
        elif going_on == "queued" and self._waits:
            going_on = printable(f"queued: {self._waits}")
        lines = [
            Text(_INDENT + line, style="dim", overflow="ellipsis", no_wrap=True)
            for line in (going_on, figures(self._metrics))
            if line
        ]
        return Group(self._bar, *lines)

    def happened(self, event: EventAnswer) -> None:
        if event.type == "status":
            self._status = str(event.data["status"])
        elif event.type == "metric":
            self._metrics |= event.data.get("metrics", {})
        elif event.type == "progress":
            self._progress = ProgressAnswer.model_validate(event.data)
        self._move()

    def waits(self, what: str) -> None:
        self._waits = what

    def _move(self) -> None:
        eta = self._progress.eta_seconds
        left = f"{duration(eta)} left" if eta and self._status == "running" else ""
        fraction = 1.0 if self._status == "succeeded" else self._progress.fraction
        self._bar.update(self._task, completed=fraction, left=left)


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}"),
    )


@contextmanager
def _shown(job: JobAnswer, name: str, *, as_json: bool) -> Iterator[Shown]:
    if as_json:
        yield _AsJson()
    elif not sys.stderr.isatty():
        yield _AsLines(name)
    else:
        bar = _AsBar(job, name)
        with Live(bar, console=Console(stderr=True)):
            yield bar


def _last_event(to: Connection, job: str) -> int:
    page = to.transport.ask(get(at("jobs", job, "events"), last=1), EventPage)
    return page.items[-1].id if page.items else 0
