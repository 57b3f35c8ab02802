"""Endpoints that share a path, told apart by what their bodies are written in; and bodies that are files."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.routing import Match
from starlette.types import Scope

from hindcast.web.uploads import uploaded
from hindcast_scorer.models import Models

_COPY_BYTES = 1 << 20
_TAR_MAGIC = slice(257, 262)

Takes = Callable[[str | None, str | None], bool]
"""Whether an endpoint takes a body, by `?format=` and the Content-Type."""


def route_where(takes: Takes) -> type[APIRoute]:
    """For a router's `route_class`: what its endpoints don't take is left to those after them on the same path."""

    class Route(APIRoute):
        def matches(self, scope: Scope) -> tuple[Match, Scope]:
            match, child = super().matches(scope)
            return (match, child) if match is not Match.NONE and takes(*_written_in(scope)) else (Match.NONE, {})

    return Route


def _written_in(scope: Scope) -> tuple[str | None, str | None]:
    query: Mapping[str, Sequence[str]] = parse_qs(
        scope.get("query_string", b"").decode("latin-1"), keep_blank_values=True
    )
    return query.get("format", [None])[0], Headers(scope=scope).get("content-type")


def workplace_of(models: Models) -> Callable[[], Iterator[Path]]:
    """A dependency: a folder that is gone once the answer is out."""

    def workplace() -> Iterator[Path]:
        with models.workplace() as folder:
            yield folder

    return workplace


def stored(request: Request, file: Path) -> Path:
    """What was sent, as a file."""
    with uploaded(request) as body, file.open("wb") as copy:
        while some := body.read(_COPY_BYTES):
            copy.write(some)
    return file


def streamed(
    answer: Iterator[bytes], media_type: str, *, headers: Mapping[str, str] | None = None
) -> StreamingResponse:
    """An answer piece by piece, `media_type` unless it turns out to be packed. What fails before the first piece is
    still told as a problem."""
    first = next(answer, b"")
    if first.startswith(b"\x1f\x8b"):
        media_type = "application/gzip"
    elif first[_TAR_MAGIC] == b"ustar":
        media_type = "application/x-tar"
    return StreamingResponse(chain([first], answer), media_type=media_type, headers=headers)
