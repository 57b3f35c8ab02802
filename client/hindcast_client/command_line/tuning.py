"""`--tune`: weights from lists whose references are known, and what they are worth."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hindcast_client.command_line.failures import Failure, tell, wrong_usage
from hindcast_client.command_line.service import Service
from hindcast_client.command_line.tuning_search import Search
from hindcast_client.packings import LONGEST, packing_of

PLAIN_OPTIONS = ("am_scale", "lm_weight", "word_insertion_penalty", "context", "sum")
TEXT_OPTIONS = ("case", "brackets", "fragments", "hyphens")
_LIST = re.compile(r"(development|report)\.([0-9]+)(?:\.(.+))?")
_OPTIONS = {
    "options.interpolation": "--ngram",
    "options.interpolation.ngram": "--ngram",
    "options.interpolation.weight": "--neural-weight",
    "options.interpolation.mode": "--interpolation",
    "options.oov.penalty": "--oov-penalty",
    "options.oov.spread": "--oov-spread",
    "development": "--tune",
    "ranges": "--range",
}
"""Fields of a request whose last name isn't that of the command's option."""


@dataclass(frozen=True)
class Lists:
    """JSON lines as they stand in a file: where each is, and its bytes."""

    file: Path
    lines: Sequence[tuple[int, bytes]]

    @property
    def json(self) -> bytes:
        """As one JSON list."""
        return b"[" + b",".join(line for _, line in self.lines) + b"]"

    @property
    def utterances(self) -> Sequence[str]:
        """Their ids."""
        return [str(json.loads(line).get("utterance")) for _, line in self.lines]

    def place(self, index: int) -> str:
        """Of a list, for sentences."""
        return f"{self.file}: line {self.lines[index][0]}" if index < len(self.lines) else str(self.file)


def read_lists(file: Path) -> Lists:
    """OSError; Failure, naming the line, for what is no list."""
    with file.open("rb") as plain:
        packed = packing_of(plain.peek(LONGEST)) == "gzip"
    try:
        with gzip.open(file) if packed else file.open("rb") as body:
            lines = [(number, _checked(file, number, line)) for number, line in enumerate(body, 1) if line.strip()]
    except EOFError:
        wrong_usage(f"{file} is no whole gzip file.")
    if not lines:
        wrong_usage(f"{file} is empty: there must be one list.")
    return Lists(file, lines)


def tune(
    service: Service,
    model: str,
    *,
    development: Lists,
    report: Lists | None,
    query: Mapping[str, Any],
    search: Search,
) -> Mapping[str, Any]:
    """What the service answers. `query` holds the options of the rescoring that is to come; Failure."""
    place = ("models", model, "rescore", "tune")
    settings = search.fields(development.utterances)
    lists = {"development": development} | ({} if report is None else {"report": report})

    def body() -> Iterator[bytes]:
        yield b'{"options":' + json.dumps(options_of(query)).encode()
        for name, value in settings.items():
            yield f",{json.dumps(name)}:{json.dumps(value)}".encode()
        for name, sent in lists.items():
            yield f',"{name}":'.encode() + sent.json
        yield b"}"

    def named(field: str) -> str:
        if found := _LIST.fullmatch(field):
            return f"{lists[found[1]].place(int(found[2]))}: {found[3] or 'the list'}"
        if field.startswith("ranges."):
            return f"--range {field.removeprefix('ranges.')}"
        return option_of(field)

    with service.asked(place, body(), naming=named, headers={"content-type": "application/json"}) as answer:
        answer.read()
        try:
            told: Mapping[str, Any] = answer.json()
        except ValueError as error:
            raise Failure(f"{answer.url} answered something else than weights.") from error
        return told


def option_of(field: str) -> str:
    """What sets a field of a request's options."""
    return _OPTIONS.get(field) or "--" + field.rpartition(".")[2].replace("_", "-")


def options_of(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options of a file's rescoring as those of lists in JSON, less the ones that are no matter of tuning."""
    options: dict[str, Any] = {name: query[name] for name in PLAIN_OPTIONS if name in query}
    text = {name: query[name] for name in TEXT_OPTIONS if name in query}
    if "fillers" in query:
        text["fillers"] = [filler.strip() for filler in query["fillers"].split(",") if filler.strip()]
    oov = {name: query[f"oov_{name}"] for name in ("penalty", "spread") if f"oov_{name}" in query}
    interpolation = {
        name: query[parameter]
        for name, parameter in (("ngram", "ngram"), ("weight", "neural_weight"), ("mode", "interpolation"))
        if parameter in query
    }
    options |= {"text": text} if text else {}
    options |= {"oov": oov} if oov else {}
    return options | ({"interpolation": interpolation} if "ngram" in interpolation else {})


def weights_of(answer: Mapping[str, Any]) -> Mapping[str, float]:
    """The weights that were found, as options of a file's rescoring."""
    weights = dict(answer["weights"])
    interpolation = weights.pop("interpolation", None)
    return weights if interpolation is None else {**weights, "neural_weight": interpolation["weight"]}


def tell_of(answer: Mapping[str, Any]) -> None:
    """The figures as a table, the verdict and the weights as sentences."""
    table = Table("word error rate, %", box=None, pad_edge=False, header_style="")
    for column in ("before", "after", "oracle", "after - before (95 %)", "p"):
        table.add_column(column, justify="right")
    for name in ("development", "report", "cross_validation"):
        if figures := answer[name]:
            table.add_row(name.replace("_", "-"), *_row(figures))
    Console(stderr=True, highlight=False).print(table)
    for warning in answer["warnings"]:
        tell(f"Note: {warning}")
    weights = ", ".join(f"{name} {value:.6g}" for name, value in weights_of(answer).items())
    tell(f"Verdict: {answer['verdict']}.")
    if answer["verdict"] == "improves":
        tell(f"Rescoring with the tuned weights: {weights}.")
    else:
        tell(f"The tuned weights are not shown to help. Rescoring with them all the same: {weights}.")


def _row(figures: Mapping[str, Any]) -> Sequence[str]:
    low, high = figures["ci95"]
    change = figures["wer_after"] - figures["wer_before"]
    rates = [f"{figures[name]:.2f}" for name in ("wer_before", "wer_after", "wer_oracle")]
    return [*rates, f"{change:+.2f} ({low:+.2f} to {high:+.2f})", f"{figures['p_value']:.3g}"]


def _checked(file: Path, number: int, line: bytes) -> bytes:
    """What isn't JSON would spoil the request that it becomes a part of."""
    try:
        found = json.loads(line)
    except ValueError as error:
        wrong_usage(f"{file}: line {number} must be a list as JSON: {error}.")
    if not isinstance(found, dict):
        wrong_usage(f"{file}: line {number} must be a list as JSON, an object with utterance and hypotheses.")
    return line.strip()
