"""`hindcast experiment …`: rows of pre-training and language models, as one table."""

import sys
from shlex import quote
from typing import Annotated, Any, Literal

import typer

from hindcast_client.answers import ExperimentAnswer, ExperimentSummary, RowAnswer
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking, print_json
from hindcast_client.command_line.failures import tell, wrong_usage
from hindcast_client.command_line.listing import Column, ago, figure, print_table, printable, share
from hindcast_client.command_line.pages import FIRST_PAGE, Cursor, Limit, Name, Yes, list_page, remove
from hindcast_client.command_line.specification import File as Spec
from hindcast_client.command_line.specification import Set, Specification
from hindcast_client.command_line.watching import jobs_shown, left_running, tell_away
from hindcast_client.request import at, get, post

app = typer.Typer(help="Experiments: which pre-trained vectors make better models?", no_args_is_help=True)

Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show how far it is until it has ended, and its table.")]


def change(of: float) -> str:
    """`-14.3 %`."""
    return f"{100 * of:+.1f} %"


COLUMNS = (
    Column("ID"),
    Column("NAME", flexible=True),
    Column("STATUS"),
    figure("DONE", share),
    Column("JOBS"),
    Column("CREATED", ago),
)
ROWS = (
    Column("ROW", flexible=True),
    Column("STATUS"),
    figure("PERPLEXITY", "{:,.2f}".format),
    figure("CHANGE", change),
    figure("95 % FROM", change),
    figure("TO", change),
    figure("P", "{:.3g}".format),
    figure("MEDIAN RANK", "{:,.0f}".format),
    figure("STD", "{:,.2f}".format, spare=True),
    figure("PERPLEXITY FROM", "{:,.2f}".format, spare=True),
    figure("PERPLEXITY TO", "{:,.2f}".format, spare=True),
)


@app.command("run")
@asking
def run(
    to: Connection,
    spec: Spec = None,
    name: names.NewName = None,
    settings: Set = None,
    watch: Watch = False,
) -> None:
    """Queue an experiment: a file in YAML or JSON says its rows, or a preset. Prints its id.

    The fields are those of POST /v1/experiments, which the server describes at /docs.

    Examples:

    hindcast experiment run rows.yaml --name which-vectors --watch

    hindcast experiment run rows.yaml --set seeds=[1,2,3] --set lm.optimizer.epochs=3
    """
    if spec is None and not settings:
        wrong_usage("Say what to run: a file, or --set. `hindcast experiment run --help` has examples.")
    asked = Specification(spec, example="preset: table-1")
    asked.options({"name": name})
    asked.settings(settings or [])
    to.naming(asked.source)
    experiment, body = to.answer(post(at("experiments"), asked.fields, once=True), ExperimentAnswer)
    if watch:
        tell(f"{experiment.id} is queued.")
        _watched(to, experiment.id)
        return
    if to.json:
        print_json(body)
        return
    typer.echo(experiment.id)
    for warning in experiment.warnings:
        tell(printable(f"Note: {warning}"))
    if sys.stdout.isatty():
        shown = f"hindcast experiment watch {quote(experiment.name or experiment.id)}"
        tell(printable(f"It is queued: `{shown}` shows how far it is."))


@app.command("list")
@asking
def list_(
    to: Connection,
    status: Annotated[
        Literal["queued", "running", "succeeded", "failed", "cancelled"] | None, typer.Option(help="Only these.")
    ] = None,
    name: Name = None,
    limit: Limit = FIRST_PAGE,
    cursor: Cursor = None,
) -> None:
    """List experiments, the newest first.

    Examples:

    hindcast experiment list --status running
    """
    list_page(to, "experiments", ExperimentSummary, COLUMNS, _row, status=status, name=name, limit=limit, cursor=cursor)


@app.command("show")
@asking
def show(
    to: Connection,
    experiment: names.Experiment,
    format: Annotated[
        Literal["table", "markdown", "csv"], typer.Option(help="For people, for documents, for spreadsheets.")
    ] = "table",
) -> None:
    """Show an experiment's table, as far as it is known.

    Examples:

    hindcast experiment show which-vectors

    hindcast experiment show which-vectors --format markdown >> results.md

    hindcast experiment show which-vectors --json | jq '.rows[].perplexity.mean'
    """
    if to.json and format != "table":
        wrong_usage("--format and --json are two answers: ask for one.")
    if format == "table":
        to.tell(get(at("experiments", experiment)), ExperimentAnswer, _table)
    else:
        sys.stdout.buffer.write(to.transport.read(get(at("experiments", experiment), accept="*/*", format=format)))


@app.command("watch")
@asking
def watch(to: Connection, experiment: names.Experiment) -> None:
    """Watch an experiment until its jobs have ended, and show its table. Ctrl-C leaves it running.

    Examples:

    hindcast experiment watch which-vectors
    """
    _watched(to, experiment)


@app.command("cancel")
@asking
def cancel(to: Connection, experiment: names.Experiment) -> None:
    """Cancel those of an experiment's jobs that nobody else has a use for.

    Examples:

    hindcast experiment cancel which-vectors
    """
    to.tell(post(at("experiments", experiment, "cancel")), ExperimentAnswer, _table)


@app.command("retry")
@asking
def retry(to: Connection, experiment: names.Experiment) -> None:
    """Queue an experiment's failed and cancelled jobs again.

    Examples:

    hindcast experiment retry which-vectors
    """
    to.tell(post(at("experiments", experiment, "retry")), ExperimentAnswer, _table)


@app.command("rm")
@asking
def rm(to: Connection, experiments: names.Experiments, yes: Yes = False) -> None:
    """Remove experiments that have ended. Their jobs, tables and models stay.

    Examples:

    hindcast experiment rm which-vectors
    """
    remove(to, "experiments", experiments, yes=yes)


def _watched(to: Connection, experiment: str) -> None:
    begun = to.experiments.get(experiment)
    name = begun.name or begun.id
    with left_running("experiment", name), jobs_shown(name) as bar:
        to.experiments.wait(begun.id, on_progress=bar.told, on_away=tell_away)
    to.tell(get(at("experiments", begun.id)), ExperimentAnswer, _table)


def _row(experiment: ExperimentSummary) -> tuple[object, ...]:
    progress = experiment.progress
    jobs = f"{progress.done} of {progress.total}"
    return experiment.id, experiment.name, experiment.status, progress.fraction, jobs, experiment.created_at


def _table(experiment: ExperimentAnswer) -> None:
    rows = [_figures(row) for row in experiment.rows]
    # A column that nothing stands in is none.
    kept = [number for number in range(len(ROWS)) if number < 2 or any(row[number] is not None for row in rows)]
    print_table([ROWS[number] for number in kept], [[row[number] for number in kept] for row in rows])
    if not any(row.perplexity for row in experiment.rows):
        tell("There is no held-out text.")
    if any(row.relative_to_baseline and row.relative_to_baseline.change is not None for row in experiment.rows):
        tell(printable(f"Changes are to {experiment.baseline}."))
    for row in experiment.rows:
        if row.error:
            tell(printable(f"{row.label}: {row.error}"))
    for warning in experiment.warnings:
        tell(printable(f"Note: {warning}"))


def _figures(row: RowAnswer) -> list[Any]:
    comparison = row.relative_to_baseline
    low, high = comparison.ci95 if comparison and comparison.ci95 else (None, None)
    least, most = row.perplexity.ci95 if row.perplexity and row.perplexity.ci95 else (None, None)
    return [
        row.label,
        row.status,
        row.perplexity and row.perplexity.mean,
        comparison and comparison.change,
        low,
        high,
        comparison and comparison.p_value,
        row.ranks and row.ranks.median,
        row.perplexity and row.perplexity.std,
        least,
        most,
    ]
