"""`hindcast table …`: vectors of words."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel

from hindcast_client.answers import CoverageAnswer, NeighborsAnswer, TableCard
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking, print_json
from hindcast_client.command_line.failures import Failure, wrong_usage
from hindcast_client.command_line.listing import (
    LABEL,
    Column,
    ago,
    called,
    figure,
    print_facts,
    print_table,
    share,
    size,
)
from hindcast_client.command_line.pages import FIRST_PAGE, Cursor, Limit, Name, Output, Yes, list_page, remove, save
from hindcast_client.command_line.table_formats import advice
from hindcast_client.command_line.uploading import File, named, sending, upload
from hindcast_client.errors import Invalid
from hindcast_client.request import Request, at, get, post, stated

app = typer.Typer(help="Tables of word vectors: pre-trained here, or your own.", no_args_is_help=True)

Format = Literal["word2vec-text", "word2vec-binary", "safetensors", "glove", "fasttext-vec"]
FormatOption = Annotated[Format, typer.Option(help="What the file is written in.", show_default=False)]
Words = Annotated[list[str], typer.Argument(metavar="WORD", help="As the table writes them.", show_default=False)]

COLUMNS = (
    Column("ID"),
    Column("NAME", flexible=True),
    Column("SOURCE"),
    figure("WORDS"),
    figure("SIZE"),
    figure("BYTES", size, spare=True),
    Column("CREATED", ago),
    LABEL,
)
DETAILS = ("kind", "objective", "unit", "pipeline", "repeatable")
"""Of a table that a job made."""
NEIGHBORS = (Column("WORD"), figure("SIMILARITY", "{:.4f}".format))


class _Vectors(BaseModel):
    vectors: list[list[float] | None]


@app.command("import")
@asking
def import_(to: Connection, file: File, format: FormatOption, name: names.NewName = None) -> None:
    """Upload a table of vectors, gzipped or not. Prints its id.

    Examples:

    hindcast table import glove.6B.100d.txt --format glove --name glove

    zcat vectors.vec.gz | hindcast table import - --format fasttext-vec --name fasttext
    """
    to.naming(lambda field: named(field, file))
    with sending(to, "table list") as progress:
        body = progress.watched(upload(file), file.name)
        request = Request("POST", at("tables"), query={"format": format, "name": name}, upload=body, once=True)
        card, came = _imported(to, request, file, format)
    if to.json:
        print_json(came)
    else:
        typer.echo(card.id)


@app.command("export")
@asking
def export(to: Connection, table: names.Table, format: FormatOption, output: Output) -> None:
    """Write a table to a file.

    Examples:

    hindcast table export vectors --format word2vec-text --output vectors.txt
    """
    save(to, get(at("tables", table, "export"), accept="*/*", format=format), output)


@app.command("list")
@asking
def list_(
    to: Connection,
    kind: Annotated[str | None, typer.Option(help="Only those made by such jobs, or by import.")] = None,
    name: Name = None,
    limit: Limit = FIRST_PAGE,
    cursor: Cursor = None,
) -> None:
    """List tables, the newest first.

    Examples:

    hindcast table list

    hindcast table list --kind word2vec --json
    """
    list_page(to, "tables", TableCard, COLUMNS, _row, kind=kind, name=name, limit=limit, cursor=cursor)


@app.command("show")
@asking
def show(to: Connection, table: names.Table) -> None:
    """Show what is known of a table.

    Examples:

    hindcast table show vectors
    """
    to.tell(get(at("tables", table)), TableCard, _facts)


@app.command("neighbors")
@asking
def neighbors(
    to: Connection,
    table: names.Table,
    words: Words,
    k: Annotated[int, typer.Option("-k", help="How many words.", min=1, max=1000)] = 10,
) -> None:
    """Show the words whose vectors are nearest: to a word, or to what several have in common.

    Examples:

    hindcast table neighbors vectors storm

    hindcast table neighbors vectors storm flood -k 5
    """
    near: Mapping[str, Any] = {"word": words[0]} if len(words) == 1 else {"words": words}
    _tell_neighbors(to, post(at("tables", table, "neighbors"), {**near, "k": k}))


@app.command("analogy")
@asking
def analogy(
    to: Connection,
    table: names.Table,
    positive: Annotated[list[str], typer.Argument(metavar="WORD", help="That are added.", show_default=False)],
    negative: Annotated[
        list[str] | None, typer.Option("--minus", metavar="WORD", help="That is taken away. May be given again.")
    ] = None,
    k: Annotated[int, typer.Option("-k", help="How many words.", min=1, max=1000)] = 10,
) -> None:
    """Show what is to some words as others are to them.

    Examples:

    hindcast table analogy vectors king woman --minus man
    """
    _tell_neighbors(to, post(at("tables", table, "analogy"), stated(positive=positive, negative=negative or [], k=k)))


@app.command("vectors")
@asking
def vectors(
    to: Connection,
    table: names.Table,
    words: Words,
    normalization: Annotated[
        Literal["none", "unit", "mean_variance", "standardize"] | None, typer.Option(help="By all of the table.")
    ] = None,
) -> None:
    """Print vectors of words: a line each, the word and its numbers. Ends with 2 if the table lacks one of them.

    Examples:

    hindcast table vectors vectors storm rain

    hindcast table vectors vectors storm --normalization unit --json | jq '.vectors[0]'
    """

    def show(answer: _Vectors) -> None:
        found = {word: vector for word, vector in zip(words, answer.vectors, strict=True) if vector is not None}
        for word, vector in found.items():
            typer.echo("\t".join([word, *map(str, vector)]))
        if missing := [word for word in words if word not in found]:
            wrong_usage(f"The table lacks {', '.join(map(repr, missing))}.")

    told = stated(words=words, normalization=normalization)
    to.tell(post(at("tables", table, "vectors"), told), _Vectors, show)


@app.command("coverage")
@asking
def coverage(
    to: Connection,
    table: names.Table,
    corpus: Annotated[
        str | None,
        typer.Option(metavar="CORPUS[:SPLIT]", help="Of its words.", autocompletion=names.names_of("corpora")),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Of its vocabulary.", autocompletion=names.names_of("models"))
    ] = None,
) -> None:
    """Tell how many words of a corpus, or of a model's vocabulary, a table has.

    Examples:

    hindcast table coverage glove --corpus novels:train

    hindcast table coverage glove --model small
    """
    if (corpus is None) == (model is None):
        wrong_usage("Say what is to be covered: --corpus or --model.")
    to.naming({"vocabulary_of": "--model"}.get)
    reference = None if corpus is None else names.reference_of(corpus)
    told = stated(corpus=reference, vocabulary_of=model)
    to.tell(post(at("tables", table, "coverage"), told), CoverageAnswer, _covered)


@app.command("rm")
@asking
def rm(to: Connection, tables: names.Tables, yes: Yes = False) -> None:
    """Delete tables that no job needs.

    Examples:

    hindcast table rm vectors
    """
    remove(to, "tables", tables, yes=yes)


def _imported(to: Connection, request: Request, file: Path, format: Format) -> tuple[TableCard, bytes]:
    """The table. Of a file that is refused, what it may be instead is told below."""
    try:
        with to.refusals_told():
            return to.answer(request, TableCard)
    except Failure as failure:
        refused = failure.__cause__
        told = advice(file, format) if isinstance(refused, Invalid) and refused.errors[0].field != "name" else None
        if told is None:
            raise
        raise Failure(f"{failure}\n{told}", status=failure.status) from refused


def _tell_neighbors(to: Connection, request: Request) -> None:
    to.tell(
        request,
        NeighborsAnswer,
        lambda answer: print_table(NEIGHBORS, [(near.word, near.similarity) for near in answer.neighbors]),
    )


def _row(card: TableCard) -> tuple[object, ...]:
    name = called(card.name, card.label)
    return card.id, name, card.source, card.words, card.size, card.size_bytes, card.created_at, card.label


def _facts(card: TableCard) -> None:
    skipped = ", ".join(
        f"{count:,} {reason.replace('_', ' ')}" for reason, count in card.skipped_because.items() if count
    )
    print_facts(
        [
            ("id", card.id),
            ("name", card.name),
            ("label", card.label),
            ("source", card.source),
            ("words", card.words),
            ("size", card.size),
            ("left out", skipped),
            ("bytes", card.size_bytes),
            ("job", card.job),
            ("made from", ", ".join(card.uses)),
            ("created", card.created_at),
            *((name, card.details.get(name)) for name in DETAILS),
        ]
    )


def _covered(answer: CoverageAnswer) -> None:
    print_facts(
        [
            ("different words", answer.types),
            ("found", answer.found),
            ("share", None if answer.coverage is None else share(answer.coverage)),
            ("occurrences", answer.tokens),
            ("of found ones", answer.found_tokens),
            ("their share", None if answer.token_coverage is None else share(answer.token_coverage)),
            ("missing", " ".join(answer.missing)),
        ]
    )
