"""JSON frames of a stream: what may be asked, checked by name."""

from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator
from pydantic_core import from_json

from hindcast.errors import InvalidInput
from hindcast.web.schemas import RequestSchema
from hindcast.web.validation import invalid_input

MAX_CONTEXT_CHARACTERS = 20_000
_MOST_ERRORS = 20
"""That are told of one frame."""
_ACTIONS = ("score", "top", "start", "vocabulary")

State = Annotated[int, Field(ge=0, lt=2**63)]
Word = Annotated[int, Field(ge=0, lt=2**31)] | Annotated[str, Field(min_length=1, max_length=1_000)]
FrameId = Annotated[int, Field(ge=-(2**63), lt=2**63)] | Annotated[str, Field(max_length=200)]


class Start(RequestSchema):
    """Where a text begins, or goes on."""

    context: Annotated[str, Field(max_length=MAX_CONTEXT_CHARACTERS)] = ""
    """Raw text before the next word."""
    complete: bool = False
    """Its last sentence has ended."""


class Frame(RequestSchema):
    """One request. Its fields are described in `hindcast_scorer.streaming`."""

    id: FrameId | None = None
    score: list[tuple[State, Word]] | None = None
    top: list[State] | None = None
    k: Annotated[int, Field(ge=1, le=10_000)] = 10
    start: Start | None = None
    vocabulary: Literal[True] | None = None
    release: list[State] | None = None

    @model_validator(mode="after")
    def _one_action(self) -> "Frame":
        actions = [name for name in _ACTIONS if getattr(self, name) is not None]
        if len(actions) > 1 or not (actions or self.release is not None):
            raise ValueError("must have exactly one of score, top, start and vocabulary, or release")
        return self


class MalformedFrame(Exception):
    """A frame that can't be used, and whose it is."""

    def __init__(self, reason: InvalidInput, id: int | str | None = None) -> None:
        super().__init__(reason.detail)
        self.reason = reason
        self.id = id


def read_frame(text: str) -> Frame:
    """MalformedFrame, naming the fields."""
    try:
        return Frame.model_validate_json(text)
    except ValidationError as error:
        errors = error.errors(include_url=False)[:_MOST_ERRORS]
    if errors[0]["type"] == "json_invalid":
        raise MalformedFrame(InvalidInput.field("frame", f"must be JSON: {errors[0]['ctx']['error']}"))
    reason = invalid_input(errors, _schema()).renamed(lambda field: "frame" if field == "body" else field)
    raise MalformedFrame(reason, _id_of(text))


@cache
def _schema() -> dict[str, Any]:
    return Frame.model_json_schema()


def _id_of(text: str) -> int | str | None:
    """The id of a frame in which something else is wrong."""
    whole = from_json(text)
    id = whole.get("id") if isinstance(whole, dict) else None
    return id if isinstance(id, int | str) and not isinstance(id, bool) else None
