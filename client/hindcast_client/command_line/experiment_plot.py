"""`hindcast experiment plot`: experiments as pictures."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hindcast_client.answers import ModelCard
from hindcast_client.changes import changes_of, gains_of, words_learned
from hindcast_client.command_line import names
from hindcast_client.command_line.connection import Connection, asking
from hindcast_client.command_line.failures import Failure, wrong_usage
from hindcast_client.command_line.pages import check_place, tell_written
from hindcast_client.request import at, get

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")
TITLE = "Which pre-trained embeddings help a small language model?"
CURVE_TITLE = "What pre-training brings, by the words to learn"
BARS = "bars: 95 % intervals, where known"

Answer = Mapping[str, Any]

Experiments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="EXPERIMENT", help="Ids or names.", show_default=False, autocompletion=names.names_of("experiments")
    ),
]
Outputs = Annotated[
    list[Path],
    typer.Option("--output", "-o", metavar="FILE.png|.svg|.pdf", help="May be given again.", show_default=False),
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--from", metavar="FILE", help="An experiment's JSON in a file. May be given again.", show_default=False
    ),
]
Words = Annotated[
    str | None,
    typer.Option(
        metavar="N,N…", help="That the models of each experiment learn, where it doesn't say.", show_default=False
    ),
]


@asking
def plot(
    to: Connection,
    experiments: Experiments = None,
    output: Outputs = [],  # noqa: B006 typer copies it
    files: Files = None,
    words: Words = None,
    title: Annotated[str | None, typer.Option(help="Above the picture.", show_default=False)] = None,
    note: Annotated[str | None, typer.Option(help="Below it.", show_default=False)] = None,
) -> None:
    """Draw an experiment: each row's change to the baseline with its interval, the paper's number beside it.

    Of several, whose models learn different amounts of text, the curve of what pre-training brings over the words.
    It needs matplotlib: pip install './client\\[plot]'.

    Examples:

    hindcast experiment plot table-1 --output table1.png --output table1.svg

    hindcast experiment plot small-text middle-text all-text --output gain.svg

    hindcast experiment show table-1 --json > table-1.json && hindcast experiment plot --from table-1.json -o table1.pdf
    """
    _check(experiments, files, output)
    answers = [
        *(_asked(to, each) for each in experiments or ()),
        *(each for file in files or () for each in _read(file)),
    ]
    figure = _figure(to, answers, words, title, note)
    from hindcast_client.charts import save  # there, for the figure is

    for path in output:
        save(figure, path)
    tell_written(to, *output)


def _check(experiments: Sequence[str] | None, files: Sequence[Path] | None, output: Sequence[Path]) -> None:
    if not experiments and not files:
        wrong_usage("Say what to draw: experiments, or --from and a file.")
    if not output:
        wrong_usage("--output must be a file: it says where the picture goes, and by its ending what it is.")
    for path in output:
        if path.suffix.lower() not in ENDINGS:
            wrong_usage(f"--output must end in one of {', '.join(ENDINGS)}, not {path.name!r}.")
        check_place(path)


def _asked(to: Connection, experiment: str) -> Answer:
    found: Answer = json.loads(to.transport.read(get(at("experiments", experiment))))
    return found


def _read(file: Path) -> Sequence[Answer]:
    """An answer; or several, in a list, or as `make table1` writes what it has been answered."""
    try:
        found = json.loads(file.read_bytes())
    except ValueError as error:
        wrong_usage(f"{file} must be JSON: {error}")
    for within in ("answer", "experiments"):
        if isinstance(found, dict) and "baseline" not in found and within in found:
            found = found[within]
    answers = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) and {"rows", "baseline", "spec"} <= each.keys() for each in answers):
        wrong_usage(f"{file} must hold what `hindcast experiment show --json` prints.")
    return answers


def _figure(
    to: Connection, answers: Sequence[Answer], words: str | None, title: str | None, note: str | None
) -> "Figure":
    try:
        from hindcast_client.charts import draw_changes, draw_gains  # matplotlib, for those alone who draw
    except ModuleNotFoundError as error:
        raise Failure(f"Pictures need {error.name}: pip install matplotlib") from error
    if len(answers) == 1:
        rows = changes_of(answers[0])
        if len(rows) < 2:
            wrong_usage("An experiment must have two rows or more: there is nothing to compare.")
        if answers[0]["baseline"] is None:
            raise Failure("No row of this experiment is the others' baseline: there are no changes to draw.")
        if all(row["perplexity"] is None for row in answers[0]["rows"]):
            raise Failure("This experiment has no held-out text: there are no changes to draw.")
        models = f"{_counted(answers[0])} a row; {BARS}"
        return draw_changes(
            rows, baseline=answers[0]["baseline"], title=title or TITLE, note=models if note is None else note
        )
    gains = gains_of(list(zip(_words(to, answers, words), answers, strict=True)))
    if not gains:
        raise Failure("None of these experiments has a change to draw.")
    models = f"{_counted(answers[0])} each; {BARS}"
    return draw_gains(gains, title=title or CURVE_TITLE, note=models if note is None else note)


def _words(to: Connection, answers: Sequence[Answer], given: str | None) -> Sequence[int]:
    if given is None:
        counts = [_words_of(to, answer) for answer in answers]
    else:
        try:
            counts = [int(count) for count in given.split(",")]
        except ValueError:
            wrong_usage(f"--words must be whole numbers with commas between them, not {given!r}.")
        if len(counts) != len(answers) or min(counts) < 1:
            wrong_usage(f"--words must be a number, 1 or more, for each of the {len(answers)} experiments.")
    if len(set(counts)) < len(counts):
        told = ", ".join(f"{count:,}" for count in counts)
        wrong_usage(f"Experiments in one picture must have different numbers of words to learn, not {told}.")
    return counts


def _words_of(to: Connection, answer: Answer) -> int:
    """What was posted says it, else the card of a model."""
    model = next((model for row in answer["rows"] for model in row["models"]), None)
    words = words_learned(answer)
    if words is None and model is not None:
        train = to.answer(get(at("models", model)), ModelCard)[0].data.get("train", {})
        words = train.get("tokens")
    if words is None:
        wrong_usage(f"How many words the models of {answer.get('name')} learn isn't known: say it with --words.")
    return words


def _counted(answer: Answer) -> str:
    seeds = len(answer["seeds"])
    return "one language model" if seeds == 1 else f"{seeds} language models"
