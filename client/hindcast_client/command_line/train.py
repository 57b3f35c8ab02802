"""`hindcast train`: a job is queued."""

import sys
from collections.abc import Mapping
from shlex import quote
from typing import Annotated, Any, Literal

import typer

from hindcast_client.answers import JobAnswer
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking, print_json
from hindcast_client.command_line.failures import tell, wrong_usage
from hindcast_client.command_line.listing import printable
from hindcast_client.command_line.names import names_of
from hindcast_client.command_line.specification import File, Set, Specification
from hindcast_client.command_line.watching import watch_to_its_end
from hindcast_client.request import at, post

Kind = Annotated[
    Literal["domains", "word2vec", "lsa", "bilstm_lm", "bilstm_domain", "concatenation", "language_model"] | None,
    typer.Option(help="What is made.", show_default=False),
]
_PRETRAINING, _MODEL = "Pre-training", "Language models"


def _text(what: str, panel: str) -> Any:
    return typer.Option(
        metavar="CORPUS[:SPLIT]",
        help=what,
        rich_help_panel=panel,
        show_default=False,
        autocompletion=names_of("corpora"),
    )


Corpus = Annotated[str | None, _text("Text to learn from.", _PRETRAINING)]
Train = Annotated[str | None, _text("Text to learn.", _MODEL)]
Valid = Annotated[str | None, _text("Text that says when to stop.", _MODEL)]
Test = Annotated[str | None, _text("Text to be judged on.", _MODEL)]
Table = Annotated[
    str | None,
    typer.Option(
        help="Pre-trained vectors for its input.",
        rich_help_panel=_MODEL,
        show_default=False,
        autocompletion=names_of("tables"),
    ),
]
Normalization = Annotated[
    Literal["none", "unit", "mean_variance", "standardize"] | None,
    typer.Option(help="Of these vectors.", rich_help_panel=_MODEL, show_default=False),
]
Size = Annotated[int | None, typer.Option(help="Of each vector.", rich_help_panel=_PRETRAINING, show_default=False)]
HiddenSize = Annotated[int | None, typer.Option(help="Of its layer.", rich_help_panel=_MODEL, show_default=False)]
MinCount = Annotated[int | None, typer.Option(help="Words that occur less often are unknown ones.", show_default=False)]
Epochs = Annotated[int | None, typer.Option(help="Times that the text is read, at most.", show_default=False)]
Seed = Annotated[int | None, typer.Option(help="Of everything that is drawn by chance.", show_default=False)]
Watch = Annotated[bool, typer.Option("--watch", "-w", help="Show how far it is until it has ended.")]


@asking
def train(
    to: Connection,
    spec: File = None,
    kind: Kind = None,
    name: names.NewName = None,
    corpus: Corpus = None,
    size: Size = None,
    train: Train = None,
    valid: Valid = None,
    test: Test = None,
    table: Table = None,
    normalization: Normalization = None,
    hidden_size: HiddenSize = None,
    min_count: MinCount = None,
    epochs: Epochs = None,
    seed: Seed = None,
    settings: Set = None,
    watch: Watch = False,
) -> None:
    """Queue a job that pre-trains vectors or trains a language model. Prints its id.

    What is asked stands in a file, or in options, or in both: --set goes before options, and these before the file.
    The fields are those of POST /v1/jobs, which the server describes at /docs.

    Examples:

    hindcast train small.yaml --watch

    hindcast train small.yaml --name small-2 --set optimizer.epochs=3 --set dropout=0.2

    hindcast train --kind word2vec --name vectors --corpus novels:train --size 128

    hindcast train --kind language_model --train novels:train --valid novels:valid --table vectors --watch
    """
    if spec is None and kind is None and not settings:
        wrong_usage("Say what to train: a file, or --kind and what it needs. `hindcast train --help` has examples.")
    asked = Specification(spec)
    texts = {"corpus": corpus, "train": train, "valid": valid, "test": test}
    asked.options({"kind": kind, "name": name, **_references(texts)})
    asked.options({"size": size, "hidden_size": hidden_size, "seed": seed})
    asked.options({"vocabulary": None if min_count is None else {"min_count": min_count}})
    if table is not None and _input(asked) != "table":
        asked.options({"input": {"type": "table"}})
    elif normalization is not None and _input(asked) is None:
        wrong_usage("--normalization is of a table's vectors: --table says of which.")
    asked.options({"input.table": table, "input.normalization": normalization})
    of_optimizer = asked.fields.get("kind") == "language_model"
    asked.options({"optimizer.epochs" if of_optimizer else "epochs": epochs})
    asked.settings(settings or [])
    to.naming(asked.source)
    job, body = to.answer(post(at("jobs"), asked.fields, once=True), JobAnswer)
    if watch:
        tell(f"{job.id} is queued.")
        watch_to_its_end(to, job.id)
        return
    if to.json:
        print_json(body)
        return
    typer.echo(job.id)
    if sys.stdout.isatty():
        tell(printable(f"It is queued: `hindcast watch {quote(job.name or job.id)}` shows how far it is."))


def _input(asked: Specification) -> str | None:
    found = asked.fields.get("input")
    return found.get("type") if isinstance(found, dict) else None


def _references(texts: Mapping[str, str | None]) -> dict[str, Any]:
    return {field: names.reference_of(text) for field, text in texts.items() if text is not None}
