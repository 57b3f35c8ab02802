"""The three services on one origin, in one process."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from hindcast.web.openapi import PUBLIC, merged
from hindcast.web.origin import Peer, make_origin


class Origin:
    """An ASGI application: `/v1/…` goes to the service that documents such paths, `/trainer/…` to that service without
    the prefix (as a proxy would), all else to the joint operations and the dashboard."""

    def __init__(self, services: Mapping[str, FastAPI], *, version: str, dashboard: Path | None = None) -> None:
        """`services` by name; ValueError if two document paths of one resource."""
        self._services = services
        self._resources = _resources(services)
        peers = [Peer(name, _client(app)) for name, app in services.items()]
        self._joint = make_origin(peers, version=version, dashboard=dashboard, lifespan=self._lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the lifespan of all services."""
        if scope["type"] == "lifespan":
            await self._joint(scope, receive, send)
            return
        first = scope["path"].split("/", 2)[1]
        if first in self._services:
            await self._services[first](_below(scope, f"/{first}"), receive, send)
        else:
            await self._service_of(scope["path"])(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The origin's OpenAPI document, without being asked over HTTP."""
        return merged(self._joint.openapi(), {name: app.openapi() for name, app in self._services.items()})

    def _service_of(self, path: str) -> ASGIApp:
        if path.startswith(PUBLIC):
            return self._resources.get(_resource(path), self._joint)
        return self._joint

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """An application inside another is not told that it begins and ends: we tell it."""
        async with AsyncExitStack() as stack:
            for service in self._services.values():
                await stack.enter_async_context(service.router.lifespan_context(service))
            yield


def _resources(services: Mapping[str, FastAPI]) -> dict[str, FastAPI]:
    """Which service has `/v1/<resource>`, from what each documents."""
    found: dict[str, FastAPI] = {}
    for name, app in services.items():
        for resource in {_resource(path) for path in app.openapi()["paths"] if path.startswith(PUBLIC)}:
            if resource in found:
                raise ValueError(f"{PUBLIC}{resource} is documented by {name} and by another service")
            found[resource] = app
    return found


def _resource(path: str) -> str:
    return path.removeprefix(PUBLIC).split("/", 1)[0]


def _client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://hindcast.local"
    )


def _below(scope: Scope, prefix: str) -> Scope:
    path = scope["path"].removeprefix(prefix) or "/"
    raw_path = scope.get("raw_path", b"").removeprefix(prefix.encode()) or path.encode()
    return {**scope, "path": path, "raw_path": raw_path}
