"""`hindcast models` and `hindcast model …`: language models."""

from typing import Annotated, Literal

import typer

from hindcast_client.answers import ModelCard
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking, print_json
from hindcast_client.command_line.listing import LABEL, Column, ago, called, figure, number, print_facts, size
from hindcast_client.command_line.pages import FIRST_PAGE, Cursor, Limit, Name, Output, Yes, list_page, remove, save
from hindcast_client.command_line.uploading import File, named, sending, upload
from hindcast_client.request import Request, at, get

app = typer.Typer(help="Language models.", no_args_is_help=True)

COLUMNS = (
    Column("ID"),
    Column("NAME", flexible=True),
    figure("VALID PPL", "{:,.2f}".format),
    figure("TEST PPL", "{:,.2f}".format),
    figure("VOCABULARY"),
    figure("PARAMETERS", spare=True),
    Column("HISTORY", spare=True),
    Column("PIPELINE", spare=True),
    figure("BYTES", size, spare=True),
    Column("CREATED", ago),
    LABEL,
)


@asking
def models(
    to: Connection,
    pipeline: Annotated[Literal["plain", "asr", "wikitext"] | None, typer.Option(help="Only these.")] = None,
    name: Name = None,
    limit: Limit = FIRST_PAGE,
    cursor: Cursor = None,
) -> None:
    """List language models, the newest first.

    Examples:

    hindcast models

    hindcast models | sort -t $'\\t' -k 4 -g
    """
    list_page(to, "models", ModelCard, COLUMNS, _row, pipeline=pipeline, name=name, limit=limit, cursor=cursor)


@app.command("show")
@asking
def show(to: Connection, model: names.Model) -> None:
    """Show what is known of a model: its text, its sizes, its figures.

    Examples:

    hindcast model show small

    hindcast model show small --json | jq .spec
    """
    to.tell(get(at("models", model)), ModelCard, _facts)


@app.command("export")
@asking
def export(to: Connection, model: names.Model, output: Output) -> None:
    """Write a whole model to one file.

    Examples:

    hindcast model export small --output small.tar
    """
    save(to, get(at("models", model, "bundle"), accept="*/*"), output)


@app.command("import")
@asking
def import_(to: Connection, file: File, name: names.NewName = None) -> None:
    """Upload a model that was exported. Prints its id.

    Examples:

    hindcast model import small.tar --name small
    """
    to.naming(lambda field: named(field, file))
    with sending(to, "models") as progress:
        body = progress.watched(upload(file), file.name)
        card, came = to.answer(Request("POST", at("models"), query={"name": name}, upload=body, once=True), ModelCard)
    if to.json:
        print_json(came)
    else:
        typer.echo(card.id)


@app.command("rm")
@asking
def rm(to: Connection, models: names.Models, yes: Yes = False) -> None:
    """Delete models that no job needs.

    Examples:

    hindcast model rm small
    """
    remove(to, "models", models, yes=yes)


def _row(card: ModelCard) -> tuple[object, ...]:
    return (
        card.id,
        called(card.name, card.label),
        card.metrics.get("valid_perplexity"),
        card.metrics.get("test_perplexity"),
        card.vocabulary.size,
        card.parameters,
        card.history,
        card.pipeline,
        card.size_bytes,
        card.created_at,
        card.label,
    )


def _facts(card: ModelCard) -> None:
    texts = [(role, _text(text)) for role, text in card.data.items() if isinstance(text, dict)]
    metrics = [
        (name.replace("_", " "), number(value))
        for name, value in card.metrics.items()
        if value is not None and name != "parameters"
    ]
    layers = {"input_size": "input", "hidden_size": "hidden", "layers": "layers", "compression": "compression"}
    network = ", ".join(f"{told} {card.network[name]}" for name, told in layers.items() if card.network.get(name))
    print_facts(
        [
            ("id", card.id),
            ("name", card.name),
            ("label", card.label),
            ("pipeline", card.pipeline),
            ("history", card.history),
            ("vocabulary", card.vocabulary.size),
            ("network", network),
            ("parameters", card.parameters),
            *texts,
            *metrics,
            ("job", card.job),
            ("bytes", card.size_bytes),
            ("created", card.created_at),
            *(("note", warning) for warning in card.warnings),
        ]
    )


def _text(text: dict[str, object]) -> str:
    corpora = text.get("corpora")
    found = [str(each.get("name") or each.get("id")) for each in corpora] if isinstance(corpora, list) else []
    split = f":{text['split']}" if text.get("split") else ""
    words = f", {text['words']:,} words" if "words" in text else ""
    return f"{' '.join(found)}{split}{words}"
