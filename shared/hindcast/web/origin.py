"""Several services as one origin: the dashboard, their joint health, figures and documentation.

Each service is asked over HTTP, so this works in one process with them (httpx's ASGI transport) and apart from them.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Depends, FastAPI, Header, Request
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from starlette.responses import JSONResponse, RedirectResponse, Response

from hindcast.errors import Unavailable
from hindcast.web import errors
from hindcast.web.admission import admit
from hindcast.web.app import Lifespan, Service, add_documentation
from hindcast.web.dashboard import Dashboard
from hindcast.web.head import Head
from hindcast.web.negotiation import preferred
from hindcast.web.observation import Observation
from hindcast.web.openapi import PUBLIC, merged
from hindcast.web.schemas import Problem, Schema

ANSWER_SECONDS = 10.0
PAGE, DOCUMENT = "text/html", "application/json"
NO_DASHBOARD = "is not installed here: HINDCAST_DASHBOARD can name the folder with its pages"


@dataclass(frozen=True)
class Peer:
    """A service of the origin."""

    name: str
    """What its own paths begin with: `/trainer/healthz`."""
    client: httpx.AsyncClient
    """Its `base_url` is the service's root."""

    async def ask(self, path: str) -> httpx.Response | Unavailable:
        """The answer to GET `path`, or why there is no good one."""
        try:
            answer = await self.client.get(path)
        except httpx.HTTPError:
            return Unavailable(f"{self.name} does not answer")
        return answer if answer.is_success else Unavailable(f"{self.name}: {_reason(answer)}")


class JointHealth(Schema):
    """How the origin and each of its services are."""

    status: str
    services: dict[str, str]


class Entrance(Schema):
    """Where to go from the root."""

    title: str = "Hindcast"
    version: str
    dashboard: str
    """Its path, or why there is none."""
    documentation: str = "/docs"
    openapi: str = "/openapi.json"
    health: str = "/healthz"
    collections: list[str]
    """What can be listed."""


def peer(name: str, url: str) -> Peer:
    """A service that runs elsewhere, its root at `url`."""
    return Peer(name, httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS))


def make_origin(
    peers: Sequence[Peer], *, version: str, dashboard: Path | None = None, lifespan: Lifespan | None = None
) -> FastAPI:
    """An application with the origin's /, /dashboard, /healthz, /readyz, /metrics, /openapi.json and /docs, and nothing
    else. Without a folder `dashboard` the root is a document that says where to go."""
    app = Service(
        title="Hindcast",
        version=version,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(admit)],
        responses={"default": {"model": Problem, "description": "What went wrong"}},
        generate_unique_id_function=lambda route: route.name,
    )
    metrics = CollectorRegistry()
    app.add_middleware(Head)
    app.add_middleware(Observation, metrics=metrics)
    errors.install(app)
    app.include_router(_joint_operations(peers, metrics))
    add_documentation(app)

    @app.get("/openapi.json", include_in_schema=False)
    async def documents() -> JSONResponse:
        return JSONResponse(await _document(app, peers))

    _add_entrance(app, peers, Dashboard(dashboard) if dashboard and Dashboard.is_in(dashboard) else None)
    return app


def _add_entrance(app: FastAPI, peers: Sequence[Peer], dashboard: Dashboard | None) -> None:
    """What is at the root: the dashboard, unless JSON is asked for or it isn't there."""

    async def entrance() -> Entrance:
        paths = (await _document(app, peers))["paths"]
        listed = [path for path, item in paths.items() if path.startswith(PUBLIC) and "get" in item and "{" not in path]
        return Entrance(version=app.version, dashboard="/" if dashboard else NO_DASHBOARD, collections=sorted(listed))

    if dashboard is None:
        app.get("/", include_in_schema=False)(entrance)
        return

    @app.get("/", include_in_schema=False, response_model=None)
    async def page(request: Request, accept: Annotated[str | None, Header()] = None) -> Response:
        if preferred(accept, [PAGE, DOCUMENT]) == PAGE:
            answer = await dashboard.page(request.scope)
        else:
            answer = JSONResponse((await entrance()).model_dump())
        answer.headers["Vary"] = "Accept"
        return answer

    @app.get("/dashboard", include_in_schema=False)
    @app.get("/dashboard/", include_in_schema=False)
    async def moved(request: Request) -> Response:
        return RedirectResponse("../" if request.url.path.endswith("/") else "./")

    app.mount("/dashboard", dashboard)


async def _document(app: FastAPI, peers: Sequence[Peer]) -> dict[str, Any]:
    answers = await _ask_all(peers, "/openapi.json")
    services = {peer.name: answer.json() for peer, answer in zip(peers, answers, strict=True)}
    return merged(app.openapi(), services)


def _joint_operations(peers: Sequence[Peer], own: CollectorRegistry) -> APIRouter:
    router = APIRouter(tags=["operations"])

    @router.get("/healthz")
    async def health() -> JointHealth:
        """Every service is alive; 503 naming those that aren't."""
        await _ask_all(peers, "/healthz")
        return JointHealth(status="alive", services={peer.name: "alive" for peer in peers})

    @router.get("/readyz")
    async def ready() -> JointHealth:
        """Every service can serve; 503 with the reasons of those that can't."""
        await _ask_all(peers, "/readyz")
        return JointHealth(status="ready", services={peer.name: "ready" for peer in peers})

    @router.get("/metrics", response_class=Response)
    async def figures() -> Response:
        """Figures for Prometheus, with a label that says whose they are."""
        answers = await _ask_all(peers, "/metrics")
        texts = {peer.name: answer.text for peer, answer in zip(peers, answers, strict=True)}
        texts["origin"] = generate_latest(own).decode()
        return Response(generate_latest(_Labelled(texts)), media_type=CONTENT_TYPE_LATEST)

    return router


async def _ask_all(peers: Sequence[Peer], path: str) -> list[httpx.Response]:
    """Every service's answer; Unavailable with all the reasons if there is one."""
    answers = await asyncio.gather(*(peer.ask(path) for peer in peers))
    reasons = [answer.detail for answer in answers if isinstance(answer, Unavailable)]
    if reasons:
        raise Unavailable("; ".join(reasons))
    return [answer for answer in answers if isinstance(answer, httpx.Response)]


def _reason(answer: httpx.Response) -> Any:
    try:
        return answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"answers {answer.status_code}"


class _Labelled(Collector):
    """Several expositions in Prometheus's text format as one, each sample with the name of its service."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def collect(self) -> Iterable[Metric]:
        """Each family once."""
        families: dict[str, Metric] = {}
        for service, text in self._texts.items():
            for found in text_string_to_metric_families(text):
                family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
                for sample in found.samples:
                    family.samples.append(sample._replace(labels={**sample.labels, "service": service}))
        return families.values()
