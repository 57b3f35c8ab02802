"""What the three services have in common: health, metrics, request ids, problems, documentation."""

import gc
import ipaddress
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import fastapi_offline
import uvicorn
from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from starlette.responses import HTMLResponse, Response

from hindcast.errors import InvalidInput
from hindcast.web import errors
from hindcast.web.admission import admit
from hindcast.web.head import Head
from hindcast.web.observation import Observation
from hindcast.web.resumable import Resumable, Uploads, uploads_router
from hindcast.web.schemas import Problem

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_SWAGGER_ASSETS = Path(fastapi_offline.__file__).parent / "static"


class Service(FastAPI):
    """One service's application. Its OpenAPI document says that errors are `application/problem+json`."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        document = super().openapi()
        for path in document.get("paths", {}).values():
            for operation in path.values():
                content = operation["responses"]["default"]["content"]
                # FastAPI files every model under the route's own media type.
                content.setdefault("application/problem+json", content.popitem()[1] if content else {})
        return document


def make_app(
    *,
    title: str,
    version: str,
    routers: Sequence[APIRouter],
    readiness: Callable[[], None],
    uploads: Sequence[Uploads] = (),
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """An application that serves `routers` and what every service has: /healthz, /readyz, /metrics, /openapi.json and
    /docs. `readiness` raises (Unavailable, with the reason) until the service can serve; it runs in a thread. `uploads`
    are those that go on where they broke off."""
    app = Service(
        title=title,
        version=version,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(admit)],
        responses={"default": {"model": Problem, "description": "What went wrong"}},
        generate_unique_id_function=lambda route: route.name,
    )
    metrics = CollectorRegistry()
    ProcessCollector(registry=metrics)
    if uploads:
        app.add_middleware(Resumable, uploads=uploads)
    app.add_middleware(Head)
    app.add_middleware(Observation, metrics=metrics)
    errors.install(app)
    app.include_router(_operations(readiness, metrics))
    for router in (*routers, *map(uploads_router, uploads)):
        app.include_router(router)
    add_documentation(app)
    return app


def check_binding(host: str, *, trusted_network: bool) -> None:
    """InvalidInput if serving on `host` would let strangers in: without keys, only loopback is safe."""
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if not (loopback or trusted_network):
        raise InvalidInput.field(
            "HINDCAST_HOST",
            f"{host!r} is beyond loopback and nobody is asked for a key: set HINDCAST_TRUSTED_NETWORK=1 if only"
            " trusted neighbours reach that address",
        )


def serve(app: FastAPI, *, host: str, port: int, trusted_network: bool) -> None:
    """Serve `app` until a signal ends it. Beyond loopback, unless the network is trusted, the process ends with a
    sentence instead."""
    try:
        check_binding(host, trusted_network=trusted_network)
    except InvalidInput as error:
        raise SystemExit(error.detail) from None
    settle()
    # Open event streams would otherwise hold a shutdown up for ever.
    uvicorn.run(app, host=host, port=port, timeout_graceful_shutdown=3)


def settle() -> None:
    """Once all is loaded: take it out of what the garbage collector looks through, hundreds of thousands of objects
    that stay. Each of its full rounds would hold all answers up for some tenths of a second."""
    gc.collect()
    gc.freeze()


def _operations(readiness: Callable[[], None], metrics: CollectorRegistry) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/healthz")
    async def health() -> dict[str, str]:
        """The process is alive."""
        return {"status": "alive"}

    @router.get("/readyz")
    def ready() -> dict[str, str]:
        """The service can serve; 503 with the reason until then."""
        readiness()
        return {"status": "ready"}

    @router.get("/metrics", response_class=Response)
    def figures() -> Response:
        """Figures for Prometheus."""
        return Response(generate_latest(metrics), media_type=CONTENT_TYPE_LATEST)

    return router


def add_documentation(app: FastAPI) -> None:
    """/docs with Swagger UI's files from a package, so that it works offline. Its links are relative: the page serves
    below any prefix that a proxy puts before it."""
    app.mount("/docs/assets", StaticFiles(directory=_SWAGGER_ASSETS))

    @app.get("/docs", include_in_schema=False)
    async def documentation() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="openapi.json",
            title=app.title,
            swagger_js_url="docs/assets/swagger-ui-bundle.js",
            swagger_css_url="docs/assets/swagger-ui.css",
            swagger_favicon_url="docs/assets/favicon.png",
        )
