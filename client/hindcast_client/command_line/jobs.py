"""`hindcast jobs`, `watch`, `cancel`, `retry`, and `hindcast job …`: what is queued, runs and has ended."""

from typing import Annotated, Literal

import typer

from hindcast_client.answers import EventPage, JobAnswer
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking
from hindcast_client.command_line.listing import (
    LABEL,
    Column,
    ago,
    called,
    duration,
    figure,
    number,
    print_facts,
    print_table,
    share,
)
from hindcast_client.command_line.pages import FIRST_PAGE, Cursor, Limit, Name, Yes, list_page, remove
from hindcast_client.command_line.watching import headline, watch_to_its_end
from hindcast_client.request import at, get, post

app = typer.Typer(help="Jobs: pre-training, language models, corpora that are read.", no_args_is_help=True)

Status = Annotated[
    Literal["queued", "running", "succeeded", "failed", "cancelled"] | None, typer.Option(help="Only these.")
]
Kind = Annotated[str | None, typer.Option(help="Only these, such as word2vec or language_model.")]
Search = Annotated[str | None, typer.Option(help="Only what has this in its name or label, in any case.")]
InExperiment = Annotated[
    bool | None,
    typer.Option("--in-experiments/--outside-experiments", help="Only what experiments posted, or what they didn't."),
]

COLUMNS = (
    Column("ID"),
    Column("NAME", flexible=True),
    Column("KIND"),
    Column("STATUS"),
    figure("DONE", "{:.0%}".format, spare=True),
    Column("CREATED", ago),
    figure("TOOK", duration, spare=True),
    Column("FIGURE", flexible=True, spare=True),
    LABEL,
)


@asking
def jobs(
    to: Connection,
    status: Status = None,
    kind: Kind = None,
    name: Name = None,
    search: Search = None,
    in_experiment: InExperiment = None,
    limit: Limit = FIRST_PAGE,
    cursor: Cursor = None,
) -> None:
    """List jobs, the newest first.

    Examples:

    hindcast jobs

    hindcast jobs --status running --kind language_model

    hindcast jobs --search hurricane --outside-experiments

    hindcast jobs --json | jq -r '.items[].id'

    hindcast jobs | awk -F '\\t' '$9 == "novels" {print $1}'
    """
    filters = {"status": status, "kind": kind, "name": name, "search": search, "in_experiment": in_experiment}
    list_page(to, "jobs", JobAnswer, COLUMNS, _row, **filters, limit=limit, cursor=cursor)


@asking
def watch(to: Connection, job: names.Job) -> None:
    """Watch a job until it has ended: how far it is, its loss, what is left.

    Ctrl-C leaves it running, and ends with 130. A job that fails or is cancelled ends with 1.

    Examples:

    hindcast watch small

    hindcast watch small && hindcast perplexity test.txt --model small

    hindcast watch small --json | jq 'select(.type == "metric")'
    """
    watch_to_its_end(to, job)


@asking
def cancel(to: Connection, job: names.Job) -> None:
    """Stop a job: one that waits at once, one that runs within seconds.

    Examples:

    hindcast cancel small
    """
    to.tell(post(at("jobs", job, "cancel")), JobAnswer, _moved)


@asking
def retry(to: Connection, job: names.Job) -> None:
    """Queue a job again that failed or was cancelled. It goes on from where it was.

    Examples:

    hindcast retry small && hindcast watch small
    """
    to.tell(post(at("jobs", job, "retry")), JobAnswer, _moved)


@app.command("show")
@asking
def show(to: Connection, job: names.Job) -> None:
    """Show one job: how far it is, its figures, why it failed.

    Examples:

    hindcast job show small

    hindcast job show small --json | jq .spec
    """
    to.tell(get(at("jobs", job)), JobAnswer, _facts)


@app.command("log")
@asking
def log(
    to: Connection,
    job: names.Job,
    last: Annotated[int, typer.Option("--last", "-n", help="The last so many lines.", min=1, max=1000)] = 100,
) -> None:
    """Show what a job has said.

    Examples:

    hindcast job log small

    hindcast job log small --last 5
    """
    columns = (Column("AT", lambda moment: f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"), Column("SAID"))
    told = get(at("jobs", job, "events"), type="log", last=last)
    to.tell(
        told,
        EventPage,
        lambda page: print_table(columns, [(event.created_at, event.data.get("message")) for event in page.items]),
    )


@app.command("rm")
@asking
def rm(to: Connection, jobs: names.Jobs, yes: Yes = False) -> None:
    """Remove jobs that have ended. What they made stays.

    Examples:

    hindcast job rm small

    hindcast jobs --status failed --json | jq -r '.items[].id' | xargs hindcast job rm
    """
    remove(to, "jobs", jobs, yes=yes)


def _row(job: JobAnswer) -> tuple[object, ...]:
    took = job.finished_at - job.started_at if job.finished_at and job.started_at else None
    done = None if job.status == "queued" else job.progress.fraction
    name, figure = called(job.name, job.label), headline(job.metrics)
    return job.id, name, job.kind, job.status, done, job.created_at, took, figure, job.label


def _moved(job: JobAnswer) -> None:
    status = "cancelling" if job.cancel_requested and job.status == "running" else job.status
    print_facts([("id", job.id), ("name", job.name), ("status", status)])


def _facts(job: JobAnswer) -> None:
    metrics = [(name.replace("_", " "), number(value)) for name, value in job.metrics.items()]
    print_facts(
        [
            ("id", job.id),
            ("name", job.name),
            ("label", job.label),
            ("kind", job.kind),
            ("status", job.status),
            ("done", share(job.progress.fraction)),
            ("doing", job.progress.message),
            ("why", job.error and job.error.detail),
            ("made", job.result and f"{job.result.type} {job.result.id}"),
            ("created", job.created_at),
            ("started", job.started_at),
            ("ended", job.finished_at),
            ("attempt", job.attempt),
            ("waits for", ", ".join(job.needs)),
            ("uses", ", ".join(job.uses)),
            *metrics,
        ]
    )
