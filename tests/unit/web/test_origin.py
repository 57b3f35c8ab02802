"""The origin's joint health, figures and documentation, over services in this process."""

from collections.abc import Callable

import httpx
import pytest
from fastapi import APIRouter
from fastapi.testclient import TestClient

from hindcast.errors import Unavailable
from hindcast.web.app import make_app
from hindcast.web.origin import NO_DASHBOARD, Peer, make_origin, peer


def service(path: str, readiness: Callable[[], None] = lambda: None) -> httpx.AsyncClient:
    router = APIRouter()
    router.get(path)(lambda: {})
    app = make_app(title="A service", version="1", routers=[router], readiness=readiness)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")


def away() -> None:
    raise Unavailable("PostgreSQL is away")


@pytest.fixture
def client() -> TestClient:
    return TestClient(
        make_origin([Peer("trainer", service("/v1/jobs")), Peer("scorer", service("/v1/rank"))], version="1")
    )


def test_it_is_alive_and_ready_when_all_are(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "alive", "services": {"trainer": "alive", "scorer": "alive"}}
    assert client.get("/readyz").json() == {"status": "ready", "services": {"trainer": "ready", "scorer": "ready"}}


def test_it_says_which_service_is_not_ready_and_why() -> None:
    peers = [Peer("trainer", service("/v1/jobs", away)), Peer("scorer", service("/v1/rank"))]
    answer = TestClient(make_origin(peers, version="1")).get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Retry-After" in answer.headers
    assert answer.json()["detail"] == "trainer: PostgreSQL is away"


def test_it_says_which_service_does_not_answer() -> None:
    peers = [Peer("trainer", service("/v1/jobs")), peer("scorer", "http://127.0.0.1:1")]
    answer = TestClient(make_origin(peers, version="1")).get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "scorer does not answer"


def test_it_documents_all_services(client: TestClient) -> None:
    assert set(client.get("/openapi.json").json()["paths"]) == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/jobs",
        "/v1/rank",
    }
    page = client.get("/docs").text
    assert "openapi.json" in page
    assert client.get("/docs/assets/swagger-ui.css").status_code == 200


def test_its_root_says_where_to_go(client: TestClient) -> None:
    assert client.get("/").json() == {
        "title": "Hindcast",
        "version": "1",
        "dashboard": NO_DASHBOARD,
        "documentation": "/docs",
        "openapi": "/openapi.json",
        "health": "/healthz",
        "collections": ["/v1/jobs", "/v1/rank"],
    }
    assert client.head("/").status_code == 200
    app = make_app(title="A service", version="1", routers=[], readiness=lambda: None)
    app.mount("/origin", make_origin([Peer("scorer", service("/v1/rank"))], version="1"))
    assert TestClient(app).get("/origin/").json()["collections"] == ["/v1/rank"]
    assert TestClient(app).head("/origin/").status_code == 200
    for path in ("/docs", "/openapi.json", "/healthz"):
        assert client.get(path).status_code == 200


def test_figures_say_whose_they_are(client: TestClient) -> None:
    client.get("/healthz")
    lines = client.get("/metrics").text.splitlines()
    asked = [line for line in lines if line.startswith("hindcast_http_requests_total{") and "/healthz" in line]
    assert {line.split('service="')[1].split('"')[0] for line in asked} == {"trainer", "scorer", "origin"}
    assert sum(line.startswith("# TYPE hindcast_http_requests_total ") for line in lines) == 1


def test_what_it_does_not_have_is_a_problem(client: TestClient) -> None:
    answer = client.get("/v1/unicorns")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_mounted_in_a_service_it_goes_on_with_the_requests_id() -> None:
    app = make_app(title="A service", version="1", routers=[], readiness=lambda: None)
    app.mount("/origin", make_origin([peer("scorer", "http://127.0.0.1:1")], version="1"))
    answer = TestClient(app).get("/origin/readyz")
    assert answer.status_code == 503
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
