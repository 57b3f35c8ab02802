"""JSON that keeps the characters of its numbers: `-9.80` is written as `-9.80` again, and so is `1e-05`."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from hindcast.errors import InvalidInput
from hindcast_scorer.formats.text_lines import checked_number, shown

MAX_DEPTH = 64
"""Of lists and objects in each other."""
_LONGEST_INTEGER = 300


class Written(float):
    """A number that Python would write otherwise than it came."""

    __slots__ = ("characters",)

    characters: str

    @classmethod
    def of(cls, characters: str) -> float:
        """The number; a plain float where that is written the same."""
        plain = float(characters)
        if repr(plain) == characters:
            return plain
        value = cls(plain)
        value.characters = characters
        return value


class _Refused(ValueError):
    """JSON as Python reads it, but not as lists have it."""


class TwiceThere(_Refused):
    """An object has a name twice: the first value would be lost."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"has {shown(name)} twice in one object: names must differ")


def parsed(text: str) -> Any:
    """The value. ValueError that says what is wrong, json.JSONDecodeError where it isn't JSON."""
    try:
        value = _DECODER.decode(text)
        _check_depth(value, MAX_DEPTH)
    except RecursionError:
        raise _too_deep() from None
    if "\\ud" in text.lower():
        _check_characters(value)
    return value


def parsed_line(text: str, place: str) -> Any:
    """The value of a line. InvalidInput that names it otherwise."""
    try:
        return parsed(text)
    except json.JSONDecodeError as error:
        raise InvalidInput.field(place, f"must be JSON: {error.msg} at character {error.pos + 1}") from error
    except ValueError as error:
        raise InvalidInput.field(place, str(error)) from error


def written(value: Any, *, indent: int | None = None, level: int = 0) -> str:
    """As JSON in UTF-8; `indent` blanks a level on lines of their own, or all on one line."""
    if isinstance(value, Written):
        return value.characters
    if isinstance(value, dict):
        if indent is None and _PLAIN.issuperset(map(type, value.values())):
            return _ENCODER.encode(value)  # in C, ten times as fast
        pairs = (f"{_text(name)}: {written(item, indent=indent, level=level + 1)}" for name, item in value.items())
        return _framed("{", pairs, "}", indent, level)
    if isinstance(value, list):
        return _framed("[", (written(item, indent=indent, level=level + 1) for item in value), "]", indent, level)
    return _text(value)


def text_of(fields: Mapping[str, Any], name: str, place: str) -> str:
    """A string that must be there. InvalidInput otherwise."""
    if name not in fields:
        raise InvalidInput.field(place, f"{name} is missing")
    value = fields[name]
    if not isinstance(value, str):
        raise InvalidInput.field(place, f"{name} must be a string, not {shown(_text(value)) if value else value!r}")
    return value


def number_of(fields: Mapping[str, Any], name: str, place: str) -> float | None:
    """A finite number, None where it's absent or null. InvalidInput where it's anything else."""
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput.field(place, f"{name} must be a number, not {type(value).__name__}")
    return checked_number(float(value), place, name)


def must_have(value: float | None, name: str, place: str) -> float:
    """The number. InvalidInput where it's None."""
    if value is None:
        raise InvalidInput.field(place, f"{name} is missing: must be a number")
    return value


def objects_of(value: Any, what: str, place: str) -> Mapping[str, Any]:
    """An object. InvalidInput where it's anything else."""
    if not isinstance(value, dict):
        raise InvalidInput.field(place, f"{what} must be an object, not {type(value).__name__}")
    return value


def list_of(value: Any, what: str, place: str) -> Sequence[Any]:
    """A list. InvalidInput where it's anything else."""
    if not isinstance(value, list):
        raise InvalidInput.field(place, f"{what} must be a list, not {type(value).__name__}")
    return value


def _framed(opening: str, items: Iterable[str], closing: str, indent: int | None, level: int) -> str:
    if indent is None:
        return opening + ", ".join(items) + closing
    inner, outer = "\n" + " " * indent * (level + 1), "\n" + " " * indent * level
    content = ("," + inner).join(items)
    return opening + inner + content + outer + closing if content else opening + closing


def _text(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return _ENCODER.encode(value)


def _integer(characters: str) -> float | int:
    if len(characters) > _LONGEST_INTEGER or characters == "-0":
        return Written.of(characters)
    return int(characters)


def _no_number(characters: str) -> NoReturn:
    raise _Refused(f"has {characters}, which JSON doesn't: numbers must be finite")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise TwiceThere(Counter(name for name, _ in pairs).most_common(1)[0][0])
    return made


def _check_depth(value: Any, left: int) -> None:
    if not left:
        raise _too_deep()
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return
    for item in value:
        if isinstance(item, dict | list):
            _check_depth(item, left - 1)


def _check_characters(value: Any) -> None:
    try:
        written(value).encode()
    except UnicodeEncodeError:
        raise _Refused(r"has half a character, an escape such as \ud800 alone") from None


def _too_deep() -> _Refused:
    return _Refused(f"has lists or objects in each other {MAX_DEPTH} deep: no list needs that")


_PLAIN = frozenset([str, int, float, bool, type(None)])
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=Written.of, parse_int=_integer, parse_constant=_no_number
)
