"""The commands of `hindcast`. A new one is one new file beside this one and one line here."""

import typer

from hindcast_client.command_line.rescore import rescore

app = typer.Typer(
    help="Small language models for speech recognisers: what the services of Hindcast do, from a shell.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
app.command()(rescore)


@app.callback()
def hindcast() -> None:
    """Keeps `rescore` a command with a name of its own while it is the only one."""


def main() -> None:
    """What the script `hindcast` runs."""
    app(prog_name="hindcast")
