"""The options of `hindcast rescore`. Those of rescoring have the names of the service's query parameters, dashes for
underscores, and no defaults: what isn't said is left to the service, which says in a refusal what would be right."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hindcast_client.command_line.formats import Format
from hindcast_client.command_line.names import ModelOption

_WEIGHTS, _WORDS, _ANSWER = "Weights", "Words and what came before", "Answer"
_LATTICES, _TUNING = "Lattices", "Tuning"

Paths = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE|FOLDER|-",
        help="Lists or lattices, gzipped or not; - is standard input. Several files, or a folder, go as one archive.",
        show_default=False,
    ),
]
Model = ModelOption
Server = Annotated[str, typer.Option(envvar="HINDCAST_URL", help="Where Hindcast is.")]
FormatOption = Annotated[
    Format | None, typer.Option(help="What was sent; found from its name or beginning where these tell.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE|FOLDER",
        help="Where the answer goes, a folder's into a folder; default: standard output.",
    ),
]

AmScale = Annotated[float | None, typer.Option(help="Of acoustic scores.", rich_help_panel=_WEIGHTS)]
LmWeight = Annotated[float | None, typer.Option(help="Of the language model's scores.", rich_help_panel=_WEIGHTS)]
WordInsertionPenalty = Annotated[float | None, typer.Option(help="Added for each word.", rich_help_panel=_WEIGHTS)]
Ngram = Annotated[
    str | None, typer.Option(help="Id or name of an n-gram model to interpolate with.", rich_help_panel=_WEIGHTS)
]
NeuralWeight = Annotated[
    float | None, typer.Option(help="Of the neural model beside it, 0 to 1.", rich_help_panel=_WEIGHTS)
]
Interpolation = Annotated[
    Literal["linear", "log_linear"] | None,
    typer.Option(help="Of probabilities, or of their logs.", rich_help_panel=_WEIGHTS),
]
OldNgram = Annotated[
    str | None,
    typer.Option(help="The recogniser's own n-gram model, taken out of Kaldi's graph costs.", rich_help_panel=_WEIGHTS),
]
OldLmScale = Annotated[
    float | None, typer.Option(help="By which its scores were multiplied in them.", rich_help_panel=_WEIGHTS)
]
GraphScale = Annotated[float | None, typer.Option(help="Of graph scores: pronunciations.", rich_help_panel=_LATTICES)]

OovPenalty = Annotated[
    float | None, typer.Option(help="Added for each word that the model doesn't know.", rich_help_panel=_WORDS)
]
OovSpread = Annotated[
    int | None, typer.Option(help="Among so many unknown words <unk> is shared out.", rich_help_panel=_WORDS)
]
Case = Annotated[
    Literal["as_is", "lower", "upper"] | None,
    typer.Option(help="Of words before they are scored.", rich_help_panel=_WORDS),
]
Brackets = Annotated[
    Literal["kept", "dropped"] | None, typer.Option(help="dropped: (noise) is no word.", rich_help_panel=_WORDS)
]
Fillers = Annotated[
    str | None, typer.Option(help="Words that are left out: uh,um", metavar="WORDS", rich_help_panel=_WORDS)
]
Fragments = Annotated[
    Literal["kept", "dropped"] | None, typer.Option(help="dropped: wor- is no word.", rich_help_panel=_WORDS)
]
Hyphens = Annotated[
    Literal["kept", "parted"] | None, typer.Option(help="parted: twenty-one is two words.", rich_help_panel=_WORDS)
]
Context = Annotated[str | None, typer.Option(help="Text that came before.", rich_help_panel=_WORDS)]
Session = Annotated[
    str | None, typer.Option(help="A conversation that goes on; tuning doesn't hear it.", rich_help_panel=_WORDS)
]
Sum = Annotated[
    Literal["exact", "skipped"] | None,
    typer.Option(help="skipped: faster, for self-normalised models.", rich_help_panel=_WORDS),
]

Order = Annotated[
    Literal["kept", "sorted"] | None,
    typer.Option(help="Hypotheses as they came, or best first.", rich_help_panel=_ANSWER),
]
Tokens = Annotated[bool, typer.Option("--tokens", help="What each word scores (jsonl).", rich_help_panel=_ANSWER)]
Utterance = Annotated[
    str | None,
    typer.Option(help="Id, where a file has none; default: the file's name.", rich_help_panel=_ANSWER),
]

Answer = Annotated[
    Literal["lattice", "nbest", "best"] | None,
    typer.Option(
        help="What becomes of lattices: the same with new scores, or JSON lines; nbest of lists too.",
        rich_help_panel=_LATTICES,
    ),
]
Accept = Annotated[
    Literal["text/plain"] | None,
    typer.Option(help="With --answer best: lines of an id and words.", rich_help_panel=_LATTICES),
]
N = Annotated[int | None, typer.Option("--n", help="Hypotheses of a list.", rich_help_panel=_LATTICES)]
Recombination = Annotated[
    int | None, typer.Option(help="So many last words make paths equal.", rich_help_panel=_LATTICES)
]
Beam = Annotated[
    float | None, typer.Option(help="Paths further behind the best are given up.", rich_help_panel=_LATTICES)
]
StatesPerNode = Annotated[int | None, typer.Option(help="Paths that go on from a node.", rich_help_panel=_LATTICES)]

Tune = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="JSON lines with references: weights are tuned on them first, from those given.",
        rich_help_panel=_TUNING,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Such lines to judge the weights on; may be the file itself.", rich_help_panel=_TUNING
    ),
]
Convention = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|JSON", help="What counts as a word: none, switchboard or rules.", rich_help_panel=_TUNING
    ),
]
Before = Annotated[
    Literal["am", "order"] | None,
    typer.Option(help="What is to be bettered: the acoustic scores, or the order.", rich_help_panel=_TUNING),
]
Groups = Annotated[
    str | None,
    typer.Option(
        metavar="PATTERN",
        help="A regular expression: the part of an utterance's id that it matches, such as its conversation, is its "
        "group. Weights are judged by cross-validation over them too.",
        rich_help_panel=_TUNING,
    ),
]
Folds = Annotated[
    int | None, typer.Option(help="Of that cross-validation; default: one for each group.", rich_help_panel=_TUNING)
]
Range = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WEIGHT=LOW:HIGH",
        help="Where a weight is looked for, such as lm_weight=0:30; equal ends fix it. May be given again.",
        rich_help_panel=_TUNING,
    ),
]
Interpolations = Annotated[
    str | None,
    typer.Option(metavar="WEIGHTS", help="Neural weights to try beside --ngram: 0.3,0.5,0.7", rich_help_panel=_TUNING),
]
Restarts = Annotated[int | None, typer.Option(help="Random starts of the search.", rich_help_panel=_TUNING)]
Seed = Annotated[int | None, typer.Option(help="Of random starts and bootstrap.", rich_help_panel=_TUNING)]
ReportJson = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where what tuning found goes as JSON.", rich_help_panel=_TUNING),
]

PARAMETERS: Sequence[str] = (
    "utterance",
    "am_scale",
    "lm_weight",
    "word_insertion_penalty",
    "ngram",
    "neural_weight",
    "interpolation",
    "old_ngram",
    "old_lm_scale",
    "graph_scale",
    "oov_penalty",
    "oov_spread",
    "case",
    "brackets",
    "fillers",
    "fragments",
    "hyphens",
    "context",
    "session",
    "sum",
    "order",
    "tokens",
    "answer",
    "n",
    "recombination",
    "beam",
    "states_per_node",
)
"""Of the service: the options that are passed on as they are."""
OF_LATTICES: Sequence[str] = ("n", "recombination", "beam", "states_per_node", "graph_scale")
"""Those of them that say nothing of lists."""


def query_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given."""
    given = {name: options[name] for name in PARAMETERS}
    return {name: value for name, value in given.items() if value is not None and value is not False}


def option(parameter: str) -> str:
    """What it is typed as."""
    return "--" + parameter.replace("_", "-")


def as_typed(sentence: str) -> str:
    """What the service says, with options in the place of its parameters."""
    return _OF_SEVERAL_WORDS.sub(lambda found: option(found[0]), sentence)


_OF_SEVERAL_WORDS = re.compile(rf"\b(?:{'|'.join(name for name in PARAMETERS if '_' in name)})\b")
"""Those alone can't be anything else in a sentence."""
