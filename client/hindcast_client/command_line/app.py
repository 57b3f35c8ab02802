"""The commands of `hindcast`. A new one is one new file beside this one and one line here."""

from importlib.metadata import version
from typing import Annotated

import typer

from hindcast_client.command_line import (
    corpus,
    domains,
    experiment,
    experiment_plot,
    jobs,
    model,
    ngram,
    rank,
    server,
    table,
)
from hindcast_client.command_line.perplexity import perplexity
from hindcast_client.command_line.rescore import rescore
from hindcast_client.command_line.train import train
from hindcast_client.command_line.values import says_what_would_be_right

SERVER, TEXT, TRAINING, ASKING = "Server", "Text and vectors", "Training", "Asking models"


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"hindcast {version('hindcast-lm-client')}")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Show this program's version and exit.", callback=_tell_version, is_eager=True)
]

app = typer.Typer(
    help="Small language models for speech recognisers: what the services of Hindcast do, from a shell.",
    epilog="Ends with 0 when it is done; with 2 where what was typed is wrong, an option, a name or what is in a file, "
    "whoever says so, hindcast or the server; with 1 where it failed or nobody answered, and the same may work later; "
    "with 130 after Ctrl-C. Answers go to standard output, all else to standard error. What isn't a terminal gets "
    "tables parted by tabs, and no colours.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command(rich_help_panel=SERVER)(server.up)
app.command(rich_help_panel=SERVER)(server.status)
app.add_typer(corpus.app, name="corpus", rich_help_panel=TEXT)
app.add_typer(table.app, name="table", rich_help_panel=TEXT)
app.add_typer(domains.app, name="domains", rich_help_panel=TEXT)
app.add_typer(ngram.app, name="ngram", rich_help_panel=TEXT)
app.command(rich_help_panel=TRAINING)(train)
app.command(rich_help_panel=TRAINING)(jobs.jobs)
app.command(rich_help_panel=TRAINING)(jobs.watch)
app.command(rich_help_panel=TRAINING)(jobs.cancel)
app.command(rich_help_panel=TRAINING)(jobs.retry)
app.add_typer(jobs.app, name="job", rich_help_panel=TRAINING)
experiment.app.command("plot")(experiment_plot.plot)
app.add_typer(experiment.app, name="experiment", rich_help_panel=TRAINING)
app.command(rich_help_panel=ASKING)(model.models)
app.add_typer(model.app, name="model", rich_help_panel=ASKING)
app.command(rich_help_panel=ASKING)(perplexity)
app.command(rich_help_panel=ASKING)(rank.rank)
app.command("next", rich_help_panel=ASKING)(rank.next_)
app.command(rich_help_panel=ASKING)(rescore)
says_what_would_be_right(app)


@app.callback()
def hindcast(version: Version = False) -> None:
    """Has the options of `hindcast` itself."""


def main() -> None:
    """What the script `hindcast` runs."""
    app(prog_name="hindcast")
