"""Around every request: its id, its figures, and the last resort when it fails unexpectedly."""

import logging
import re
import time
from uuid import uuid4

from fastapi.routing import APIRoute, APIWebSocketRoute
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
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
    status, and WebSockets and their messages by route; answers an unexpected exception with a problem and logs it under
    the id."""

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
        self.websockets = Gauge("hindcast_websockets", "WebSockets that are open.", ["route"], registry=metrics)
        self.messages = Counter(
            "hindcast_websocket_messages", "Messages over WebSockets.", ["route", "direction"], registry=metrics
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or one WebSocket."""
        if scope["type"] == "websocket":
            await self._observe_websocket(scope, receive, send)
            return
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

    async def _observe_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        open_on: str | None = None

        async def observed_receive() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                self.messages.labels(_route(scope), "in").inc()
            return message

        async def observed_send(message: Message) -> None:
            nonlocal open_on
            await send(message)
            if message["type"] == "websocket.accept":
                open_on = _route(scope)
                self.websockets.labels(open_on).inc()
            elif message["type"] == "websocket.send":
                self.messages.labels(_route(scope), "out").inc()

        try:
            await self.app(scope, observed_receive, observed_send)
        finally:
            if open_on is not None:
                self.websockets.labels(open_on).dec()


def _request_id(sent: str | None) -> str:
    """What the client sent, if it is safe to log and to echo; else a fresh one."""
    return sent if sent and _USABLE_ID.fullmatch(sent) else f"req_{uuid4().hex}"


def _route(scope: Scope) -> str:
    """The template of the path: a label must not grow with what people ask for."""
    route = scope.get("route")
    return route.path_format if isinstance(route, APIRoute | APIWebSocketRoute) else "none"
