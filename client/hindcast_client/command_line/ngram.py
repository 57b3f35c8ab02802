"""`hindcast ngram …`: n-gram models, to be joined with neural ones."""

import typer

from hindcast_client.answers import NgramCard
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking, print_json
from hindcast_client.command_line.listing import Column, ago, figure, print_facts, size
from hindcast_client.command_line.pages import FIRST_PAGE, Cursor, Limit, Name, Yes, list_page, remove
from hindcast_client.command_line.uploading import File, named, sending, upload
from hindcast_client.request import Request, at, get

app = typer.Typer(help="N-gram models, to be joined with neural ones when lists are rescored.", no_args_is_help=True)

COLUMNS = (
    Column("ID"),
    Column("NAME", flexible=True),
    figure("ORDER"),
    figure("WORDS"),
    Column("FORMAT", spare=True),
    figure("BYTES", size, spare=True),
    Column("CREATED", ago),
)


@app.command("import")
@asking
def import_(to: Connection, file: File, name: names.NewName = None) -> None:
    """Upload an ARPA file or a KenLM binary, gzipped or not. Prints its id.

    Examples:

    hindcast ngram import news.arpa.gz --name news

    hindcast rescore lists.jsonl --model small --ngram news --neural-weight 0.5
    """
    to.naming(lambda field: named(field, file))
    with sending(to, "ngram list") as progress:
        body = progress.watched(upload(file), file.name)
        card, came = to.answer(Request("POST", at("ngrams"), query={"name": name}, upload=body, once=True), NgramCard)
    if to.json:
        print_json(came)
    else:
        typer.echo(card.id)


@app.command("list")
@asking
def list_(to: Connection, name: Name = None, limit: Limit = FIRST_PAGE, cursor: Cursor = None) -> None:
    """List n-gram models, the newest first.

    Examples:

    hindcast ngram list
    """
    list_page(to, "ngrams", NgramCard, COLUMNS, _row, name=name, limit=limit, cursor=cursor)


@app.command("show")
@asking
def show(to: Connection, ngram: names.Ngram) -> None:
    """Show what is known of an n-gram model.

    Examples:

    hindcast ngram show news
    """
    to.tell(get(at("ngrams", ngram)), NgramCard, _facts)


@app.command("rm")
@asking
def rm(to: Connection, ngrams: names.Ngrams, yes: Yes = False) -> None:
    """Delete n-gram models.

    Examples:

    hindcast ngram rm news
    """
    remove(to, "ngrams", ngrams, yes=yes)


def _row(card: NgramCard) -> tuple[object, ...]:
    return card.id, card.name, card.order, card.words, card.format, card.size_bytes, card.created_at


def _facts(card: NgramCard) -> None:
    print_facts(
        [
            ("id", card.id),
            ("name", card.name),
            ("format", card.format),
            ("order", card.order),
            ("words", card.words),
            ("n-grams", ", ".join(f"{count:,}" for count in card.ngrams)),
            ("bytes", card.size_bytes),
            ("created", card.created_at),
            ("sha256", card.sha256),
            *(("note", warning) for warning in card.warnings),
        ]
    )
