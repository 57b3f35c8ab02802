"""What is posted to train: a file in YAML or JSON, and fields that are set beside it."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from hindcast_client.command_line.failures import wrong_usage
from hindcast_client.command_line.sources import STANDARD_INPUT

File = Annotated[
    Path | None,
    typer.Argument(metavar="SPEC|-", help="A file in YAML or JSON; - is standard input.", show_default=False),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="Set a field, such as optimizer.epochs=3; values are YAML. May be given again.",
        show_default=False,
    ),
]


class _Loader(yaml.SafeLoader):
    """YAML 1.2's notion of what is a number or a truth, which is JSON's: 1e-3 is a number, `no` and dates are words."""


_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+0123456789."),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), [*_first, ""])


def _int(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    return int(loader.construct_scalar(node))


def _float(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    return float(loader.construct_scalar(node))


_Loader.add_constructor("tag:yaml.org,2002:int", _int)
_Loader.add_constructor("tag:yaml.org,2002:float", _float)


class Specification:
    """What is posted, and where each field of it comes from."""

    def __init__(self, file: Path | None, *, example: str = "kind: word2vec") -> None:
        """`example` is a field that such a file may have. OSError; Failure for what isn't YAML or JSON, or no
        fields."""
        self._file = file
        self._set: dict[str, str | None] = {}
        self._lines: Mapping[str, int] = {}
        self.fields: dict[str, Any] = {}
        if file is not None:
            self.fields, self._lines = _read(file, example)

    def options(self, values: Mapping[str, Any]) -> None:
        """Options that were given, by the fields that they set, such as `optimizer.epochs`; None: it wasn't."""
        for field, value in values.items():
            if value is not None:
                self._put(field, value, None)

    def settings(self, written: Sequence[str]) -> None:
        """What --set says. Ends the command where it says nothing that could be meant."""
        for setting in written:
            field, equals, value = setting.partition("=")
            if not equals or not field:
                wrong_usage(f"--set must be a field and its value, such as optimizer.epochs=3, not {setting!r}.")
            self._put(field, _value(setting, value), f"--set {field}")

    def source(self, field: str) -> str | None:
        """What a field is called by whoever typed it; None where an option set it, or nobody did."""
        names = field.split(".")
        for length in range(len(names), 0, -1):
            if (given := ".".join(names[:length])) in self._set:
                told = self._set[given]
                return told and " ".join([told, *names[length:]])
        below = (told for given, told in self._set.items() if given.startswith(f"{field}."))
        return next(filter(None, below), self._in_file(field))

    def _in_file(self, field: str) -> str | None:
        """With the line where it begins; for what isn't there, with that of the part which lacks it."""
        if self._file is None:
            return None
        names = field.split(".")
        above = (".".join(names[:length]) for length in range(len(names), 0, -1))
        line = next((self._lines[each] for each in above if each in self._lines), None)
        return f"{_name(self._file)}: {field}" if line is None else f"{_name(self._file)}: line {line}: {field}"

    def _put(self, field: str, value: Any, told: str | None) -> None:
        *above, last = field.split(".")
        inner = self.fields
        for name in above:
            if not isinstance(inner.setdefault(name, {}), dict):
                inner[name] = {}
            inner = inner[name]
        inner[last] = value
        self._set[field] = told


def _read(file: Path, example: str) -> tuple[dict[str, Any], Mapping[str, int]]:
    """Fields, and the line where each begins, by its path; JSON is YAML too, but for some that has tabs."""
    content = sys.stdin.buffer.read() if file == STANDARD_INPUT else file.read_bytes()
    try:
        found = json.loads(content) if file.suffix == ".json" else yaml.load(content, _Loader)
    except (ValueError, yaml.YAMLError) as error:
        wrong_usage(f"{_name(file)} can't be read: {' '.join(str(error).split())}")
    if not isinstance(found, dict):
        wrong_usage(f"{_name(file)} must hold fields and their values, such as `{example}`.")
    try:
        node = yaml.compose(content, _Loader)
    except yaml.YAMLError:
        json.loads(content, object_pairs_hook=lambda pairs: _once(pairs, file))
        return found, {}
    return found, dict(_lines("", node, file))


def _once(pairs: Sequence[tuple[str, Any]], file: Path) -> dict[str, Any]:
    """Ends the command where an object of JSON says a field twice."""
    for place, (field, _) in enumerate(pairs):
        if any(field == other for other, _ in pairs[:place]):
            wrong_usage(f"{_name(file)}: {field} stands there twice.")
    return dict(pairs)


def _lines(above: str, node: yaml.Node | None, file: Path) -> Iterator[tuple[str, int]]:
    """What is below a part of a file, each with its line. Ends the command where a field is said twice."""
    if isinstance(node, yaml.MappingNode):
        below = [(str(key.value), key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        below = [(str(place), value, value) for place, value in enumerate(node.value)]
    else:
        return
    seen: dict[str, int] = {}
    for name, begins, value in below:
        line = begins.start_mark.line + 1
        if name in seen:
            wrong_usage(f"{_name(file)}: line {line}: {above}{name} stands there twice: line {seen[name]} has it too.")
        seen[name] = line
        yield f"{above}{name}", line
        yield from _lines(f"{above}{name}.", value, file)


def _value(setting: str, written: str) -> Any:
    try:
        return yaml.load(written, _Loader)
    except yaml.YAMLError as error:
        wrong_usage(f"--set must have a value in YAML: {setting!r} isn't: {' '.join(str(error).split())}")


def _name(file: Path) -> str:
    return "standard input" if file == STANDARD_INPUT else str(file)
