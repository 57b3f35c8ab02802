"""How `--tune` searches, as it is typed, and as the service's request says it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hindcast_client.command_line.failures import wrong_usage


@dataclass(frozen=True)
class Search:
    """What a request for tuning has beside its lists and the options of rescoring."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """Those that were given, by the names of the request's fields."""
    groups: re.Pattern[str] | None = None

    def fields(self, utterances: Sequence[str]) -> Mapping[str, Any]:
        """Of the request, for these development lists. Failure where one of them is of no group."""
        if self.groups is None:
            return self.settings
        found = [self.groups.search(utterance) for utterance in utterances]
        for utterance, match in zip(utterances, found, strict=True):
            if match is None:
                wrong_usage(f"--groups {self.groups.pattern!r} matches nothing of the utterance {utterance!r}.")
        return {**self.settings, "groups": [match[match.re.groups and 1] for match in found if match]}


def search_of(typed: Mapping[str, Any]) -> Search:
    """By the names of the command's parameters. What can't be read ends the command."""
    settings = {name: typed[name] for name in ("before", "folds", "restarts", "seed")} | {
        "convention": _convention(typed["convention"]),
        "ranges": dict(map(_range, typed["range"] or ())) or None,
        "interpolations": _numbers(typed["interpolations"]),
    }
    groups = _pattern(typed["groups"])
    if groups is None and typed["folds"] is not None:
        wrong_usage("--folds must come with --groups.")
    return Search({name: value for name, value in settings.items() if value is not None}, groups)


def _convention(typed: str | None) -> Any:
    """A name, or rules as JSON."""
    if typed is None or not typed.lstrip().startswith("{"):
        return typed
    try:
        return json.loads(typed)
    except ValueError as error:
        wrong_usage(f"--convention must be a name or JSON: {error}.")


def _range(typed: str) -> tuple[str, tuple[float, float]]:
    name, _, ends = typed.partition("=")
    low, _, high = ends.partition(":")
    try:
        return name.replace("-", "_"), (float(low), float(high))
    except ValueError:
        wrong_usage(f"--range must be a weight and where it is looked for, such as lm_weight=0:30, not {typed!r}.")


def _numbers(typed: str | None) -> Sequence[float] | None:
    if typed is None:
        return None
    try:
        return [float(number) for number in typed.split(",")]
    except ValueError:
        wrong_usage(f"--interpolations must be numbers with commas between them, such as 0.3,0.5,0.7, not {typed!r}.")


def _pattern(typed: str | None) -> re.Pattern[str] | None:
    try:
        return None if typed is None else re.compile(typed)
    except re.error as error:
        wrong_usage(f"--groups must be a regular expression, such as '^sw[0-9]+': {error}.")
