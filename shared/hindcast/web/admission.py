"""What is asked of every request before its endpoint looks at it."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import Request
from fastapi._compat import field_annotation_is_sequence
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Cookie, Header, Path
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette.requests import HTTPConnection

from hindcast.errors import FieldError, InvalidInput

NUL = "\0"
NO_NUL = "must be text without the NUL character (U+0000)"
"""PostgreSQL can't hold it, and would refuse the whole request without saying where it stood."""


async def admit(connection: HTTPConnection) -> None:
    """A dependency: InvalidInput for query parameters that the route doesn't have or that stand there more than once,
    and for NUL characters in the query, the path or a JSON body. The frames of a WebSocket are left to its endpoint."""
    route = connection.scope.get("route")
    if not isinstance(route, APIRoute | APIWebSocketRoute):
        return
    wrong = [*_in_query(connection, route), *_in_path(connection)]
    if isinstance(connection, Request) and isinstance(route, APIRoute):
        wrong += await _in_body(connection, route)
    if wrong:
        raise InvalidInput.fields(wrong)


def _in_query(request: HTTPConnection, route: APIRoute | APIWebSocketRoute) -> Iterator[FieldError]:
    # Fields of a model that stands for the whole query are no `Query` themselves.
    parameters = get_flat_params(route.dependant)
    known = {field.alias: field for field in parameters if not isinstance(field.field_info, Path | Header | Cookie)}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        if name not in known:
            there_are = f"known are {', '.join(known)}" if known else "there are none here"
            yield FieldError(name, f"is no known query parameter; {there_are}")
        elif len(values) > 1 and not field_annotation_is_sequence(known[name].field_info.annotation):
            yield FieldError(name, f"must stand there once, not {len(values)} times")
        elif any(NUL in value for value in values):
            yield FieldError(name, NO_NUL)


def _in_path(request: HTTPConnection) -> Iterator[FieldError]:
    for name, value in request.path_params.items():
        if NUL in str(value):
            yield FieldError(name, NO_NUL)


async def _in_body(request: Request, route: APIRoute) -> Iterable[FieldError]:
    """FastAPI has read a body that the route declares; one that it streams is left to itself."""
    # JSON has no other way to write that character, and few bodies have it: they alone are looked through.
    if route.body_field is None or b"\\u0000" not in await request.body():
        return ()
    try:
        document = await request.json()
    except (ValueError, RecursionError):  # validation will say that it wasn't sent as JSON
        return ()
    return [FieldError(".".join(path) or "body", NO_NUL) for path in _paths_to_nul(document)]


def _paths_to_nul(document: Any) -> Iterator[list[str]]:
    """Where strings of a JSON document hold a NUL. Without recursion: it may be as deep as Python can parse."""
    ahead: deque[tuple[list[str], Any]] = deque([([], document)])
    while ahead:
        path, node = ahead.popleft()
        match node:
            case str() if NUL in node:
                yield path
            case dict():
                yield from ([*path, key] for key in node if NUL in key)
                ahead.extend(([*path, key], inner) for key, inner in node.items())
            case list():
                ahead.extend(([*path, str(place)], inner) for place, inner in enumerate(node))
