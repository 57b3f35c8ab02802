"""The page of settings, made of the fields of hindcast.settings and what their docstrings say."""

import re
from pathlib import Path

import griffe
from pydantic.fields import FieldInfo

from hindcast.settings import Settings

SHARED = Path(__file__).parents[2] / "shared"
HEAD = """\
# Settings

All of Hindcast is set by environment variables; what isn't set has a default that suits one machine. A value that can't
work is refused by the name of its variable before anything starts. `make up`, the services and the worker read the same
ones.

| variable | value | default | |
|---|---|---|---|
"""
TAIL = """
The client and the command line read two more:

| variable | default | |
|---|---|---|
| `HINDCAST_URL` | `http://127.0.0.1:8000` | The server that is asked. |
| `HINDCAST_API_KEY` | none | The key that is sent, where the server wants one. |

`docker-compose.yml` reads `HINDCAST_POSTGRES_PASSWORD` (default `hindcast`): set it before others reach the machine.
"""
LIMITS = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}
BYTES = {2 * 1024**3: "2 GiB", 1024**3: "1 GiB", 256 * 1024**2: "256 MiB"}


def settings_page() -> str:
    """A row a setting, in the order of the class."""
    told = griffe.load("hindcast.settings", search_paths=[str(SHARED)])["Settings"]
    rows = []
    for name, field in Settings.model_fields.items():
        docstring = told[name].docstring
        text = _by_variables(" ".join(docstring.value.split())) if docstring else ""
        rows.append(f"| `HINDCAST_{name.upper()}` | {_value(field)} | {_default(field)} | {text} |")
    return HEAD + "\n".join(rows) + "\n" + TAIL


def _by_variables(text: str) -> str:
    """With variables for the fields that it speaks of."""
    return re.sub(
        r"`(\w+)`", lambda name: f"`HINDCAST_{name[1].upper()}`" if name[1] in Settings.model_fields else name[0], text
    )


def _value(field: FieldInfo) -> str:
    choices = getattr(field.annotation, "__args__", ())
    if choices and all(isinstance(choice, str) for choice in choices):
        return ", ".join(f"`{choice}`" for choice in choices)
    kinds = {"bool": "`0` or `1`", "int": "whole number", "float": "number", "str": "text"}
    kind = kinds.get(getattr(field.annotation, "__name__", ""), "path")
    limits = [
        f"{words} {getattr(bound, name):,}"
        for name, words in LIMITS.items()
        for bound in field.metadata
        if hasattr(bound, name)
    ]
    return " ".join([kind, *limits])


def _default(field: FieldInfo) -> str:
    default = field.default
    if default is None or default == "":
        return ""
    if isinstance(default, bool):
        return f"`{int(default)}`"
    if default in BYTES:
        return f"`{default}` ({BYTES[default]})"
    return f"`{default}`" if not isinstance(default, float) else f"`{default:g}`"
