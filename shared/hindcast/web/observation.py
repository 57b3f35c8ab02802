"""Around every request: its id, its figures, and the last resort when it fails unexpectedly."""

import logging
import re
import time
from uuid import uuid4

from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hindcast.web.errors import unexpected

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
_USABLE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

_log = logging.getLogger(__name__)


class Observation:
    """ASGI middleware: takes X-Request-ID or makes one and echoes it; counts and times requests by route, method and
    status; answers an unexpected exception with a problem and logs it under the id."""

    def __init__(self, app: ASGIApp, *, metrics: CollectorRegistry) -> None:
        self.app = app
        self.requests = Counter(
            "hindcast_http_requests", "Requests answered.", ["method", "route", "status"], registry=metrics
        )
        self.seconds = Histogram(
            "hindcast_http_request_seconds",
            "From a request's head to the end of its answer.",
            ["method", "route"],
            registry=metrics,
            buckets=_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # An application that is mounted in another goes on with the id that the outer one gave.
        sent = _request_id(Headers(scope=scope).get("x-request-id"))
        request_id = scope.setdefault("state", {}).setdefault("request_id", sent)
        # 499 as nginx has it: the client was gone before there was an answer.
        status = 499
        started = time.perf_counter()

        async def observed_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, observed_send)
        except ClientDisconnect:
            _log.info("%s %s: the client left (request %s)", scope["method"], scope["path"], request_id)
        except Exception:
            _log.exception("%s %s failed (request %s)", scope["method"], scope["path"], request_id)
            if status != 499:
                raise  # an answer is under way: all that is left is to break it off
            await unexpected(request_id)(scope, receive, observed_send)
        finally:
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self.requests.labels(method, _route(scope), status).inc()
            self.seconds.labels(method, _route(scope)).observe(time.perf_counter() - started)


def _request_id(sent: str | None) -> str:
    """What the client sent, if it is safe to log and to echo; else a fresh one."""
    return sent if sent and _USABLE_ID.fullmatch(sent) else f"req_{uuid4().hex}"


def _route(scope: Scope) -> str:
    """The template of the path: a label must not grow with what people ask for."""
    route = scope.get("route")
    return route.path_format if isinstance(route, APIRoute) else "none"
