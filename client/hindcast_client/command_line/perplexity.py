"""`hindcast perplexity`: how well a model predicts files, or a stored corpus."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hindcast_client.answers import ModelCard, PerplexityAnswer
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking, print_json
from hindcast_client.command_line.failures import wrong_usage
from hindcast_client.command_line.listing import Column, figure, print_table, share
from hindcast_client.command_line.progress import shown
from hindcast_client.command_line.sources import STANDARD_INPUT
from hindcast_client.request import Request, at, get, post, stated

SRILM = "text/x-srilm-debug2"
_DOCUMENT_END = re.compile(r"\n[^\S\n]*\n\s*")

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="FILE|-",
        help="Text: a paragraph a line, a blank line ends a document. - is standard input.",
        show_default=False,
    ),
]
Detail = Annotated[Literal["sentence", "token"] | None, typer.Option(help="A line for each of these.")]
History = Annotated[
    Literal["sentence", "document"] | None, typer.Option(help="Where it forgets; default: as it was trained.")
]

COLUMNS = (
    Column("FILE", flexible=True),
    figure("PERPLEXITY", "{:,.2f}".format),
    figure("WITHOUT OOV", "{:,.2f}".format, spare=True),
    figure("OOV", share),
    figure("WORDS"),
    figure("SENTENCES", spare=True),
)
OF_SENTENCES = (
    Column("FILE", flexible=True),
    figure("SENTENCE"),
    figure("PERPLEXITY", "{:,.2f}".format),
    figure("LOGPROB", "{:,.3f}".format),
    figure("TOKENS"),
    figure("OOV"),
)
OF_TOKENS = (
    Column("FILE", flexible=True),
    Column("TOKEN"),
    figure("LOGPROB", "{:,.3f}".format),
    figure("RANK"),
    Column("OOV", lambda oov: "oov" if oov else ""),
)


@asking
def perplexity(
    to: Connection,
    model: names.ModelOption,
    files: Files = None,
    corpus: Annotated[
        str | None,
        typer.Option(
            metavar="CORPUS[:SPLIT]", help="A stored corpus instead.", autocompletion=names.names_of("corpora")
        ),
    ] = None,
    detail: Detail = None,
    history: History = None,
    srilm: Annotated[bool, typer.Option("--srilm", help="As SRILM's ngram -debug 2 writes it.")] = False,
) -> None:
    """Tell how well a model predicts text: its perplexity, and the share of words that it doesn't know.

    With several files, --json prints an answer a line.

    Examples:

    hindcast perplexity test.txt --model small

    hindcast perplexity chapters/*.txt --model small | sort -t $'\\t' -k 2 -g

    echo "The storm hit the coast." | hindcast perplexity - -m small --detail token

    hindcast perplexity --corpus novels:test -m small

    hindcast perplexity test.txt -m small --srilm > test.ppl
    """
    if bool(files) == (corpus is not None):
        wrong_usage("Say what text is meant: files, or --corpus.")
    if srilm and (detail or to.json):
        wrong_usage("--srilm is a format of its own, without --detail and --json.")
    told = {"history": history, "detail": detail}
    path = at("models", model, "perplexity")
    if corpus is not None:
        asked = iter([(corpus, post(path, stated(corpus=names.reference_of(corpus), **told)))])
    else:
        asked = _of_files(to, model, path, files or [], told)
    if srilm:
        for _, request in asked:
            sys.stdout.buffer.write(to.transport.read(replace(request, accept=SRILM)))
    else:
        _tell(to, asked, detail)


def _tell(to: Connection, asked: Iterator[tuple[str, Request]], detail: Detail) -> None:
    rows: list[Sequence[Any]] = []
    with shown(transient=True) as progress:
        progress.waiting("scoring")
        for name, request in asked:
            answer, body = to.answer(request, PerplexityAnswer)
            if to.json:
                print_json(body)
            rows += _rows(name, answer, detail)
    if not to.json:
        print_table({None: COLUMNS, "sentence": OF_SENTENCES, "token": OF_TOKENS}[detail], rows)


def _of_files(
    to: Connection, model: str, path: str, files: Sequence[Path], told: Mapping[str, Any]
) -> Iterator[tuple[str, Request]]:
    """Each with the name that it has in tables."""
    card, _ = to.answer(get(at("models", model)), ModelCard)
    for file in files:
        to.naming(partial(_named, file=file))
        text = _text(file)
        # To wikitext blank lines are lines like others.
        documents = [text] if card.pipeline == "wikitext" else _DOCUMENT_END.split(text.strip("\n"))
        yield _name(file), post(path, stated(texts=documents, **told))


def _text(file: Path) -> str:
    content = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        wrong_usage(f"{_name(file)}: line {line} must be UTF-8.")


def _named(field: str, file: Path) -> str | None:
    """A text of a request by the document of the file that it is."""
    texts, _, place = field.partition(".")
    if texts != "texts":
        return None
    return f"{_name(file)}: document {int(place) + 1}" if place.isdigit() else _name(file)


def _name(file: Path) -> str:
    return "standard input" if file == STANDARD_INPUT else str(file)


def _rows(name: str, answer: PerplexityAnswer, detail: str | None) -> Iterator[Sequence[Any]]:
    if detail is None:
        yield (
            *(name, answer.perplexity, answer.perplexity_excluding_oov, answer.oov_rate),
            *(answer.words, answer.sentences),
        )
    elif detail == "sentence":
        sentences = (sentence for text in answer.texts for sentence in text.sentences or ())
        for number, each in enumerate(sentences, 1):
            yield name, number, each.perplexity, each.logprob, each.tokens, each.oov
    else:
        for token in (token for text in answer.texts for token in text.tokens or ()):
            yield name, token.token, token.logprob, token.rank, token.oov
