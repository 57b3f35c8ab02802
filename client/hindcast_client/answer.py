"""What all answers have in common."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict


class Answer(BaseModel):
    """What a service told. It doesn't change; fields that a newer service adds are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())


class Page(Answer):
    """A page of a list."""

    items: Sequence[Any]
    next_cursor: str | None
