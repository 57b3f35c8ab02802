"""Each path finds its service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.testclient import TestClient

from hindcast.web.app import make_app
from hindcast_standalone.origin import Origin


def service(name: str, *paths: str) -> FastAPI:
    router = APIRouter()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.lives = True
        yield
        app.state.lives = False

    for path in paths:
        router.add_api_route(path, lambda: {"service": name}, name=path)
    return make_app(title=name, version="1", routers=[router], readiness=lambda: None, lifespan=lifespan)


@pytest.fixture
def services() -> dict[str, FastAPI]:
    return {
        "trainer": service("trainer", "/v1/jobs", "/v1/jobs/{id}", "/v1/corpora"),
        "embedder": service("embedder", "/v1/tables/{id}/vectors"),
        "scorer": service("scorer", "/v1/models", "/v1/rank"),
    }


@pytest.fixture
def client(services: dict[str, FastAPI]) -> TestClient:
    return TestClient(Origin(services, version="1"))


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/jobs", "trainer"),
        ("/v1/jobs/job_1", "trainer"),
        ("/v1/corpora", "trainer"),
        ("/v1/tables/tab_1/vectors", "embedder"),
        ("/v1/models", "scorer"),
        ("/v1/rank", "scorer"),
        ("/scorer/v1/rank", "scorer"),
    ],
)
def test_a_public_path_goes_to_the_service_that_documents_it(client: TestClient, path: str, name: str) -> None:
    assert client.get(path).json() == {"service": name}


@pytest.mark.parametrize("path", ["/v1/unicorns", "/v1/", "/unicorns", "/scorerx/healthz"])
def test_no_service_has_it(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_each_services_own_paths_are_below_its_name(client: TestClient) -> None:
    for name in ("trainer", "embedder", "scorer"):
        assert client.get(f"/{name}/healthz").json() == {"status": "alive"}
        assert client.get(f"/{name}/openapi.json").json()["info"]["title"] == name
        assert client.get(f"/{name}/docs/assets/swagger-ui.css").status_code == 200


def test_the_root_answers_for_all(client: TestClient) -> None:
    assert set(client.get("/readyz").json()["services"]) == {"trainer", "embedder", "scorer"}
    assert client.get("/").json()["collections"] == ["/v1/corpora", "/v1/jobs", "/v1/models", "/v1/rank"]
    assert {"/v1/jobs", "/v1/tables/{id}/vectors", "/v1/rank"} < set(client.get("/openapi.json").json()["paths"])


def test_the_services_begin_and_end_with_the_origin(services: dict[str, FastAPI]) -> None:
    with TestClient(Origin(services, version="1")):
        assert all(app.state.lives for app in services.values())
    assert not any(app.state.lives for app in services.values())


def test_two_services_cannot_have_one_resource(services: dict[str, FastAPI]) -> None:
    with pytest.raises(ValueError, match="/v1/jobs is documented by second"):
        Origin({**services, "second": service("second", "/v1/jobs/{id}/again")}, version="1")
