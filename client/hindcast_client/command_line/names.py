"""What is named on a command line: jobs, corpora, tables, models. A shell that completes asks the server for names."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from hindcast_client.answer import Page
from hindcast_client.command_line.failures import wrong_usage
from hindcast_client.errors import HindcastError
from hindcast_client.request import at, get
from hindcast_client.settings import DEFAULT_URL, server_key
from hindcast_client.synchronous.transport import Transport

MOST_NAMES = 200
SECONDS = 2.0
"""Whoever presses the tabulator doesn't wait longer."""


def names_of(*collections: str) -> Callable[[typer.Context, str], list[str]]:
    """Of what a server has, newest first; none where it can't say."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        before, comma, last = incomplete.rpartition(",")
        url = ctx.params.get("server") or DEFAULT_URL
        found = (name for collection in collections for name in _names(url, collection))
        return [before + comma + name for name in found if name.startswith(last)]

    return complete


def _names(url: str, collection: str) -> list[str]:
    try:
        transport = Transport(url, api_key=server_key(), timeout=SECONDS, patience=0)
        try:
            page = transport.ask(get(at(collection), limit=MOST_NAMES), Page)
        finally:
            transport.close()
    except HindcastError:
        return []
    return [_name(item) for item in page.items]


def _name(item: Mapping[str, Any]) -> str:
    return str(item.get("name") or item.get("id"))


def _argument(metavar: str, collection: str, *, several: bool = False) -> Any:
    ids = "Ids or names." if several else "Id or name."
    return typer.Argument(metavar=metavar, help=ids, show_default=False, autocompletion=names_of(collection))


Job = Annotated[str, _argument("JOB", "jobs")]
Jobs = Annotated[list[str], _argument("JOB", "jobs", several=True)]
Corpus = Annotated[str, _argument("CORPUS", "corpora")]
Corpora = Annotated[list[str], _argument("CORPUS", "corpora", several=True)]
Domains = Annotated[str, _argument("DOMAINS", "domains")]
SeveralDomains = Annotated[list[str], _argument("DOMAINS", "domains", several=True)]
Table = Annotated[str, _argument("TABLE", "tables")]
Tables = Annotated[list[str], _argument("TABLE", "tables", several=True)]
Model = Annotated[str, _argument("MODEL", "models")]
Models = Annotated[list[str], _argument("MODEL", "models", several=True)]
Ngram = Annotated[str, _argument("NGRAM", "ngrams")]
Ngrams = Annotated[list[str], _argument("NGRAM", "ngrams", several=True)]
Experiment = Annotated[str, _argument("EXPERIMENT", "experiments")]
Experiments = Annotated[list[str], _argument("EXPERIMENT", "experiments", several=True)]

ModelOption = Annotated[
    str,
    typer.Option(
        "--model", "-m", help="Id or name of the language model.", show_default=False, autocompletion=names_of("models")
    ),
]
NewName = Annotated[str | None, typer.Option("--name", help="By which it can be referred to, once.")]


def reference_of(text: str) -> str | dict[str, str]:
    """A corpus, or `novels:train`: a split of one."""
    corpus, colon, split = text.rpartition(":")
    if not split or (colon and not corpus):
        wrong_usage(f"A corpus is named as in novels, and a split of it as in novels:train, not {text!r}.")
    return {"corpus": corpus, "split": split} if colon else text
