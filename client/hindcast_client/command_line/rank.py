"""`hindcast rank` and `hindcast next`: what models expect after a text."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import typer

from hindcast_client.answers import NextAnswer, RankManyAnswer
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking
from hindcast_client.command_line.failures import tell, wrong_usage
from hindcast_client.command_line.listing import Column, figure, print_table, probability
from hindcast_client.request import at, post, stated

Context = Annotated[
    str,
    typer.Argument(
        metavar="CONTEXT", help="The text so far; its last sentence is open. - is standard input.", show_default=False
    ),
]
History = Annotated[
    Literal["sentence", "document"] | None,
    typer.Option(help="How far back it is read; default: as the model was trained."),
]
Complete = Annotated[bool, typer.Option("--complete", help="The last sentence of the context has ended.")]

PREDICTIONS = (
    figure("RANK"),
    Column("WORD"),
    figure("PROBABILITY", probability),
    figure("LOGPROB", "{:.3f}".format),
)


@asking
def rank(
    to: Connection,
    context: Context,
    words: Annotated[list[str], typer.Argument(metavar="WORD", help="That may come next.", show_default=False)],
    models: Annotated[
        str,
        typer.Option(
            "--models",
            "-m",
            metavar="MODEL,…",
            help="Ids or names, with commas between them.",
            show_default=False,
            autocompletion=names.names_of("models"),
        ),
    ],
    history: History = None,
    complete: Complete = False,
) -> None:
    """Rank words in their context: 1 is what a model expects most, of its whole vocabulary.

    A word that a model doesn't know has no rank.

    Examples:

    hindcast rank "In Colima , a storm warning was issued for the" hurricane --models baseline,word2vec

    hindcast rank "The storm hit the" coast city river --models small

    hindcast rank - hurricane --models small --json < passage.txt | jq '.models[].ranks[].rank'
    """
    asked = [model.strip() for model in models.split(",") if model.strip()]
    if not asked:
        wrong_usage("--models must be ids or names, with commas between them.")
    told = stated(
        models=asked, context=_text(context), words=words, history=history, complete=True if complete else None
    )
    to.tell(post(at("rank"), told), RankManyAnswer, _ranks)


@asking
def next_(
    to: Connection,
    context: Context,
    model: names.ModelOption,
    k: Annotated[int, typer.Option("-k", help="How many words.", min=1)] = 10,
    history: History = None,
    complete: Complete = False,
) -> None:
    """Show the words that a model expects most.

    Examples:

    hindcast next "The storm hit the" --model small

    hindcast next "" --model small -k 3

    hindcast next - -m small --json < passage.txt | jq -r '.predictions[].word'
    """
    told = stated(context=_text(context), k=k, history=history, complete=True if complete else None)
    to.tell(post(at("models", model, "next"), told), NextAnswer, _predictions)


def _text(context: str) -> str:
    return sys.stdin.read() if context == "-" else context


def _predictions(answer: NextAnswer) -> None:
    print_table(PREDICTIONS, [(each.rank, each.word, each.probability, each.logprob) for each in answer.predictions])


def _ranks(answer: RankManyAnswer) -> None:
    """Words by models."""
    columns = (Column("WORD"), *(figure(model.name or model.label or model.model) for model in answer.models))
    print_table(columns, _by_word(answer))
    if sys.stdout.isatty():
        sizes = {model.vocabulary_size for model in answer.models}
        tell(f"Of {' or '.join(f'{size:,}' for size in sorted(sizes))} words.")
    for warning in answer.warnings:
        tell(f"Note: {warning}")


def _by_word(answer: RankManyAnswer) -> Iterator[Sequence[Any]]:
    for ranks in zip(*(model.ranks for model in answer.models), strict=True):
        yield ranks[0].word, *(each.rank for each in ranks)
