"""What both text formats read alike: lines of UTF-8, numbers, and the messages for those that are none."""

import re
from collections.abc import Iterator
from typing import BinaryIO

from hindcast.errors import InvalidInput

BLANKS = " \t\r\n\f\v"
"""What separates fields. No other character does: words may hold any."""

LARGEST_SCORE = 1e12
"""Sums of so large ones still tell paths apart, and never overflow."""

_LONGEST_LINE = 1 << 20

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_WHOLE = re.compile(r"[0-9]{1,18}")


def numbered_lines(body: BinaryIO) -> Iterator[tuple[str, str]]:
    """`line 17` and the line with its end, as they come. InvalidInput for one that isn't UTF-8, or is too long."""
    for number, line in enumerate(iter(lambda: body.readline(_LONGEST_LINE + 1), b""), start=1):
        place = f"line {number}"
        if len(line) > _LONGEST_LINE:
            raise InvalidInput.field(place, f"is longer than {_LONGEST_LINE} bytes")
        try:
            yield place, line.decode()
        except UnicodeDecodeError as error:
            raise InvalidInput.field(place, "must be UTF-8") from error


def number(text: str, place: str, name: str) -> float:
    """A number that isn't larger than any score may be."""
    if not _NUMBER.fullmatch(text) or abs(float(text)) > LARGEST_SCORE:
        raise InvalidInput.field(
            place, f"{name} must be a number between -1e12 and 1e12, as in {name}=-12.5, not {shortened(text)}"
        )
    return float(text)


def whole(text: str, place: str, name: str) -> int:
    """A whole number from 0."""
    if not _WHOLE.fullmatch(text):
        raise InvalidInput.field(place, f"{name} must be a whole number from 0, not {shortened(text)}")
    return int(text)


def shortened(text: str) -> str:
    """What was sent, quoted, for a message."""
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def formatted(value: float) -> str:
    """As files hold numbers: ten digits, more than any recogniser's scores have."""
    return format(value, ".10g")
