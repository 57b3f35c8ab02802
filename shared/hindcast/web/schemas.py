"""The shapes that all three services share on the wire."""

from datetime import UTC, datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from hindcast.json_model import JsonModel
from hindcast.registry import Page


class Schema(BaseModel):
    """A request or an answer: immutable, unknown fields refused; a number that is no number is null in JSON. What is
    written below a field describes it in OpenAPI."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null", use_attribute_docstrings=True)


class RequestSchema(Schema, JsonModel):
    """What is sent, and what stands in it."""


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: `2026-11-22T21:57:00.123Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[
    datetime, PlainSerializer(timestamp, return_type=str), Field(json_schema_extra={"format": "date-time"})
]
"""A moment, written as `timestamp` does."""


class ProblemField(Schema):
    """What is wrong with one field, and what would be right."""

    field: str
    message: str


class Problem(Schema):
    """What went wrong, as RFC 9457 has it."""

    type: str = "about:blank"
    """A stable name for this sort of problem, such as `/problems/name-taken`."""
    title: str
    status: int
    detail: str
    errors: list[ProblemField] | None = None
    """The fields that are wrong, where that is the matter."""
    request_id: str | None = None
    """What to look for in the server's log."""


Item = TypeVar("Item")


class PageOf(Schema, Generic[Item]):
    """A page of a list, newest first."""

    items: list[Item]
    next_cursor: str | None
    """Send it as `cursor` for the page after this one; null on the last."""


def page(
    limit: Annotated[int, Query(ge=1, le=1000, description="Items on a page.")] = 20,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> Page:
    """`?limit=&cursor=` of a list."""
    return Page(limit=limit, cursor=cursor)


PageQuery = Annotated[Page, Depends(page)]
"""The parameter of an endpoint that lists."""
