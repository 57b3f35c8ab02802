"""Drives what is computed step by step."""

from collections.abc import Generator
from typing import Any


def finish(steps: Generator[Any, None, Any]) -> Any:
    """To its end: what it returns."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
