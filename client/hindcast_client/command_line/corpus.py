"""`hindcast corpus …`: text that is uploaded, split into words and kept."""

import gzip
import lzma
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

import typer

from hindcast_client.answers import CorpusAnswer
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking, print_json
from hindcast_client.command_line.failures import Failure, tell, wrong_usage
from hindcast_client.command_line.listing import Column, ago, figure, print_facts, printable
from hindcast_client.command_line.pages import FIRST_PAGE, Cursor, Limit, Name, Yes, list_page, remove
from hindcast_client.command_line.sources import STANDARD_INPUT
from hindcast_client.command_line.uploading import sending
from hindcast_client.command_line.watching import watch
from hindcast_client.packings import LONGEST, packing_of
from hindcast_client.request import Request, at, get
from hindcast_client.uploads import PIECE_BYTES, Upload, upload_of

app = typer.Typer(help="Corpora: text to learn and to be judged on.", no_args_is_help=True)

Pipeline = Literal["plain", "asr", "wikitext"]

COLUMNS = (
    Column("ID"),
    Column("NAME", flexible=True),
    Column("STATUS"),
    Column("PIPELINE", spare=True),
    figure("DOCUMENTS"),
    figure("WORDS"),
    figure("TYPES", spare=True),
    Column("SPLITS", flexible=True, spare=True),
    Column("CREATED", ago),
    Column("WHY FAILED", flexible=True, rare=True),
)


@app.command("add")
@asking
def add(
    to: Connection,
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE|-", help="Text, gzipped (or xz, zstd) or not. Several are one corpus.", show_default=False
        ),
    ],
    name: names.NewName = None,
    format: Annotated[
        Literal["text", "jsonl"] | None,
        typer.Option(help="A paragraph a line, or a document a line; default: by the file's name."),
    ] = None,
    pipeline: Annotated[Pipeline | None, typer.Option(help="What splits it into words; default: plain.")] = None,
    splits: Annotated[
        str | None, typer.Option(metavar="90,5,5", help="Percentages of train, valid and test; default: all train.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Until it has been read.")] = True,
) -> None:
    """Upload text as a corpus. Prints its id.

    As text it has a paragraph a line, and a blank line ends a document; as jsonl a document a line.

    Examples:

    hindcast corpus add novels.txt --name novels --splits 90,5,5

    hindcast corpus add calls-*.jsonl.gz --name calls --pipeline asr

    zcat news.txt.gz | hindcast corpus add - --name news --no-wait
    """
    to.naming(lambda field: _named(field, files))
    if STANDARD_INPUT in files and len(files) > 1:
        wrong_usage("- is standard input, and can't be sent together with files.")
    form = format or ("jsonl" if all(".jsonl" in file.suffixes for file in files) else "text")
    query = {"name": name, "format": form, "pipeline": pipeline, "splits": splits}
    with sending(to, "corpus list") as progress:
        upload = _upload(files, blank_between=form == "text")
        upload = progress.watched(upload, " ".join(file.name for file in files))
        request = Request("POST", at("corpora"), query=query, upload=upload, once=True)
        corpus, body = to.answer(request, CorpusAnswer)
    if wait and corpus.job is not None:
        corpus, body = _ready(to, corpus)
    if to.json:
        print_json(body)
    else:
        typer.echo(corpus.id)


@app.command("list")
@asking
def list_(
    to: Connection,
    status: Annotated[Literal["ingesting", "ready", "failed"] | None, typer.Option(help="Only these.")] = None,
    pipeline: Annotated[Pipeline | None, typer.Option(help="Only these.")] = None,
    name: Name = None,
    limit: Limit = FIRST_PAGE,
    cursor: Cursor = None,
) -> None:
    """List corpora, the newest first.

    Examples:

    hindcast corpus list

    hindcast corpus list --pipeline asr --json
    """
    query = {"status": status, "pipeline": pipeline, "name": name, "limit": limit, "cursor": cursor}
    list_page(to, "corpora", CorpusAnswer, COLUMNS, _row, **query)


@app.command("show")
@asking
def show(to: Connection, corpus: names.Corpus) -> None:
    """Show what is in a corpus.

    Examples:

    hindcast corpus show novels

    hindcast corpus show novels --json | jq .splits.train.words
    """
    to.tell(get(at("corpora", corpus)), CorpusAnswer, _facts)


@app.command("rm")
@asking
def rm(to: Connection, corpora: names.Corpora, yes: Yes = False) -> None:
    """Delete corpora that no job needs.

    Examples:

    hindcast corpus rm novels calls
    """
    remove(to, "corpora", corpora, yes=yes)


def _ready(to: Connection, corpus: CorpusAnswer) -> tuple[CorpusAnswer, bytes]:
    """Once its text has been read."""
    assert corpus.job is not None
    job = watch(to, corpus.job, name=corpus.name or corpus.id)
    found, body = to.answer(get(at("corpora", corpus)), CorpusAnswer)
    if found.status != "ready":
        name, why = found.name or found.id, found.error.detail if found.error else job.status
        kept = f"`hindcast corpus rm {quote(name)}` takes it out of the list and frees its name."
        raise Failure(f"{printable(name)} failed: {printable(why)}\n{printable(kept)}")
    tell(printable(f"{found.name or found.id} is ready: {_counts(found)}"))
    return found, body


def _named(field: str, files: Sequence[Path]) -> str | None:
    source = "standard input" if files == [STANDARD_INPUT] else " ".join(map(str, files))
    if field == "body":
        return source
    return f"{source}: {field}" if field.startswith("line ") else None


def _upload(files: Sequence[Path], *, blank_between: bool) -> Upload:
    if files == [STANDARD_INPUT]:
        return upload_of(sys.stdin.buffer)
    if len(files) == 1:
        return upload_of(files[0])
    for file in files:
        file.open("rb").close()  # what isn't there shows before anything is sent
    return upload_of(_joined(files, b"\n\n" if blank_between else b"\n"))


def _joined(files: Sequence[Path], between: bytes) -> Iterator[bytes]:
    """Unpacked, one after the other."""
    for number, file in enumerate(files):
        if number:
            yield between
        with file.open("rb") as packed:
            packing = packing_of(packed.peek(LONGEST))
            if packing == "zstd":
                wrong_usage(f"{file} is packed by zstd: unpack it, or send it alone.")
            opened = gzip.open if packing == "gzip" else lzma.open if packing == "xz" else None
            with opened(packed) if opened else packed as content:
                while piece := content.read(PIECE_BYTES):
                    yield piece


def _counts(corpus: CorpusAnswer) -> str:
    told = f"{corpus.documents:,} documents, {corpus.words:,} words, {corpus.types:,} different ones"
    splits = ", ".join(f"{split} {part.words:,}" for split, part in (corpus.splits or {}).items())
    by_blocks = (
        "; split by blocks of paragraphs, for there are few documents" if corpus.split_by == "paragraph_blocks" else ""
    )
    return f"{told} ({splits}){by_blocks}."


def _row(corpus: CorpusAnswer) -> tuple[object, ...]:
    return (
        corpus.id,
        corpus.name,
        corpus.status,
        corpus.pipeline,
        corpus.documents,
        corpus.words,
        corpus.types,
        " ".join(corpus.splits) if corpus.splits else None,
        corpus.created_at,
        corpus.error and corpus.error.detail,
    )


def _facts(corpus: CorpusAnswer) -> None:
    splits = [
        (split, f"{part.documents:,} documents, {part.sentences:,} sentences, {part.words:,} words")
        for split, part in (corpus.splits or {}).items()
    ]
    domains = ", ".join(f"{label} {count:,}" for label, count in (corpus.domains or {}).items())
    print_facts(
        [
            ("id", corpus.id),
            ("name", corpus.name),
            ("status", corpus.status),
            ("why", corpus.error and corpus.error.detail),
            ("pipeline", corpus.pipeline),
            ("documents", corpus.documents),
            ("paragraphs", corpus.paragraphs),
            ("sentences", corpus.sentences),
            ("words", corpus.words),
            ("different words", corpus.types),
            *splits,
            ("domains", domains),
            ("job", corpus.job),
            ("created", corpus.created_at),
            ("sha256", corpus.sha256),
        ]
    )
