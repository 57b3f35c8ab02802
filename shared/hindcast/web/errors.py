"""Where errors become HTTP answers: one table, one shape (RFC 9457, `application/problem+json`)."""

import logging
import re
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from hindcast import errors
from hindcast.errors import HindcastError
from hindcast.web.schemas import Problem, ProblemField
from hindcast.web.validation import invalid_request

STATUSES: Mapping[type[HindcastError], tuple[int, str]] = {
    errors.InvalidInput: (422, "The input can't be used"),
    errors.NotFound: (404, "There is no such thing"),
    errors.Gone: (410, "It is there no more"),
    errors.TooMany: (429, "There are too many"),
    errors.NameTaken: (409, "The name is taken"),
    errors.InUse: (409, "It is in use"),
    errors.WrongOffset: (409, "The upload goes on elsewhere"),
    errors.IllegalMove: (409, "Not in this state"),
    errors.LeaseLost: (409, "Another attempt has the job"),
    errors.Conflict: (409, "It contradicts what is there"),
    errors.Unavailable: (503, "Something that is needed is away"),
    errors.NoRoom: (507, "There is no room"),
    errors.NotInstalled: (501, "A package for it is missing"),
    errors.Stopped: (503, "The work was stopped"),
    errors.Corrupt: (500, "A stored file is damaged"),
    HindcastError: (500, "Something went wrong"),
}
"""Every class of the error tree, with the status and title of its answer."""

_UNREADABLE = "There was an error parsing the body"
"""FastAPI's words for a body that Python's JSON parser fails on otherwise than by its syntax."""

_log = logging.getLogger(__name__)


def problem_of(error: HindcastError, *, request_id: str | None = None) -> Problem:
    """The problem that says what `error` says."""
    kind = next(kind for kind in type(error).__mro__ if kind in STATUSES)
    status, title = STATUSES[kind]
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", kind.__name__).lower()
    fields = [ProblemField(field=found.field, message=found.message) for found in error.errors]
    return Problem(
        type=f"/problems/{name}",
        title=title,
        status=status,
        detail=error.detail,
        errors=fields or None,
        request_id=request_id,
    )


def answer(problem: Problem, *, headers: Mapping[str, str] | None = None) -> Response:
    """The HTTP answer that carries a problem."""
    return Response(
        problem.model_dump_json(exclude_none=True),
        status_code=problem.status,
        media_type="application/problem+json",
        headers=headers,
    )


def unexpected(request_id: str | None) -> Response:
    """The answer to a bug: it says where to look and nothing of the inside."""
    return answer(
        Problem(
            title="Internal error",
            status=500,
            detail="Hindcast failed in a way that it did not expect; its log has more under this request_id.",
            request_id=request_id,
        )
    )


def install(app: FastAPI) -> None:
    """Make `app` answer its errors with problems. What nobody expected is left to the middleware that logs it."""
    app.add_exception_handler(HindcastError, _hindcast_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(WebSocketRequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


def _request_id(request: Request) -> str | None:
    return getattr(request.state, "request_id", None)


async def _hindcast_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HindcastError)
    problem = problem_of(error, request_id=_request_id(request))
    if isinstance(error, errors.Unavailable):
        _log.warning("%s (request %s)", error.detail, problem.request_id)
        return answer(problem, headers={"Retry-After": str(error.retry_after_seconds)})
    if problem.status >= 500 and not isinstance(error, errors.NotInstalled):  # that one is no fault of the code's
        _log.error("%s (request %s)", error.detail, problem.request_id, exc_info=error)
    return answer(problem)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError | WebSocketRequestValidationError)
    return await _hindcast_error(request, invalid_request(request, error.errors()))


async def _http_exception(request: Request, error: Exception) -> Response:
    """What the framework itself raises: no such path, no such method, a body that can't be read."""
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.BAD_REQUEST and error.detail == _UNREADABLE:
        wrong = "must be JSON in UTF-8, not compressed, without thousands of levels or of digits in a number"
        return await _hindcast_error(request, errors.InvalidInput.field("body", wrong))
    title = HTTPStatus(error.status_code).phrase
    detail = error.detail if error.detail != title else f"{title}: {request.method} {request.url.path}"
    problem = Problem(title=title, status=error.status_code, detail=detail, request_id=_request_id(request))
    return answer(problem, headers=error.headers)
