import asyncio
import gzip
import json
import math
import time
from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Body, Depends, Header, HTTPException, Query
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from pydantic import Field, model_validator

from hindcast import errors
from hindcast.errors import HindcastError, InvalidInput, NameTaken, NotInstalled, Unavailable
from hindcast.web.app import check_binding, make_app, serve
from hindcast.web.errors import STATUSES, problem_of
from hindcast.web.schemas import PageOf, PageQuery, Schema, Timestamp


class Optimizer(Schema):
    epochs: Annotated[int, Field(ge=1)] = 1
    learning_rate: float = 0.1


class Learned(Schema):
    type: Literal["learned"]
    size: Annotated[int, Field(ge=2)]


class FromTable(Schema):
    type: Literal["table"]
    table: str
    compression: int | None = None


Input = Annotated[Learned | FromTable, Field(discriminator="type")]


class Train(Schema):
    kind: Literal["train"]
    input: Input | None = None
    rows: tuple[Input, ...] = ()
    by_name: dict[str, Learned | str] | None = None
    optimizer: Optimizer = Optimizer()
    corpus: str | Optimizer = ""
    size: int | None = None
    tags: Annotated[tuple[str, ...], Field(min_length=1, max_length=2)] = ("a",)
    label: Annotated[str, Field(min_length=1, max_length=4)] = "a"
    ways: Literal["a", "b"] | list[Literal["a", "b"]] = "a"
    counts: dict[Annotated[str, Field(min_length=1)], int] | Annotated[list[str], Field(max_length=1)] | None = None
    tied: bool = False

    @model_validator(mode="after")
    def even(self) -> "Train":
        if self.size and self.size % 2:
            raise ValueError("size must be even")
        return self


class Count(Schema):
    kind: Literal["count"]
    of: list[int]


class Thing(Schema):
    at: Timestamp
    value: float
    anything: Any


Spec = Annotated[Train | Count, Field(discriminator="kind")]


def routes() -> APIRouter:
    router = APIRouter()

    @router.post("/v1/specs")
    def post(spec: Annotated[Spec, Body()]) -> dict[str, str]:
        return {"kind": spec.kind}

    @router.get("/v1/things")
    def things(
        page: PageQuery, status: Literal["running", "ended"] | None = None, seed: Annotated[int, Header(ge=1)] = 1
    ) -> PageOf[Thing]:
        at = datetime(2026, 11, 22, 23, 57, 0, 123456, timezone(timedelta(hours=2)))
        return PageOf[Thing](items=[Thing(at=at, value=math.nan, anything={"x": math.inf})], next_cursor=page.cursor)

    @router.post("/v1/files")
    def upload(format: Annotated[Literal["text", "jsonl"], Query(description="How it is written.")]) -> None:
        pass

    @router.get("/v1/fail/{how}")
    def fail(how: str) -> dict[str, str]:
        raise {
            "taken": NameTaken("n belongs to tab_1"),
            "away": Unavailable(),
            "missing": NotInstalled("pip install it"),
            "bug": ZeroDivisionError("secret detail"),
            "accept": HTTPException(406, "only JSON"),
        }[how]

    return router


@pytest.fixture
def state() -> dict[str, bool]:
    return {"ready": True}


@pytest.fixture
def client(state: dict[str, bool]) -> Iterator[TestClient]:
    def readiness() -> None:
        if not state["ready"]:
            raise Unavailable("The database is away.")

    app = make_app(title="T", version="1", routers=[routes()], readiness=readiness)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def every_error(root: type[HindcastError] = HindcastError) -> Iterator[type[HindcastError]]:
    yield root
    for child in root.__subclasses__():
        yield from every_error(child)


def fields(response: Any) -> dict[str, str]:
    assert response.status_code == 422, response.text
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_the_table_covers_the_error_tree() -> None:
    assert {error for error in every_error() if error.__module__ == errors.__name__} == set(STATUSES)


def test_a_problem_has_the_members_of_rfc_9457(client: TestClient) -> None:
    response = client.get("/v1/fail/taken", headers={"X-Request-ID": "mine-1"})
    assert response.status_code == 409
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": "/problems/name-taken",
        "title": "The name is taken",
        "status": 409,
        "detail": "n belongs to tab_1",
        "request_id": "mine-1",
    }


def test_unavailable_says_when_to_retry(client: TestClient) -> None:
    response = client.get("/v1/fail/away")
    assert (response.status_code, response.headers["retry-after"]) == (503, "2")


def test_a_bug_is_a_problem_without_its_inside(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    response = client.get("/v1/fail/bug")
    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"
    assert "secret" not in response.text
    assert response.headers["x-request-id"] == response.json()["request_id"]
    assert "secret detail" in caplog.text
    assert response.json()["request_id"] in caplog.text


def test_a_package_that_is_missing_is_told_to_the_client_alone(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/v1/fail/missing")
    assert (response.status_code, response.json()["detail"]) == (501, "pip install it")
    assert "Traceback" not in caplog.text


def test_framework_errors_are_problems(client: TestClient) -> None:
    missing, method, accept = client.get("/v1/nothing"), client.put("/v1/things"), client.get("/v1/fail/accept")
    assert [response.json()["status"] for response in (missing, method, accept)] == [404, 405, 406]
    assert missing.json()["detail"] == "Not Found: GET /v1/nothing"
    assert method.headers["allow"] == "GET"
    assert accept.json()["detail"] == "only JSON"
    assert {response.headers["content-type"] for response in (missing, method, accept)} == {"application/problem+json"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"kind": "train", "optimizer": {"epochs": 0}}, {"optimizer.epochs": "must be an integer of 1 or more"}),
        (
            {"kind": "train", "optimizer": {"epoch": 1}},
            {"optimizer.epoch": "is no known field; known are epochs, learning_rate"},
        ),
        (
            {"kind": "train", "input": {"type": "table", "tabel": "t"}},
            {
                "input.table": "is required: a string",
                "input.tabel": "is no known field; known are type, table, compression",
            },
        ),
        ({"kind": "train", "input": {"type": "tabel"}}, {"input.type": "must be one of learned, table"}),
        ({"kind": "train", "input": {}}, {"input.type": "is required: one of learned, table"}),
        ({"kind": "train", "input": 7}, {"input": "must be an object whose type is one of learned, table"}),
        (
            {"kind": "train", "rows": [{"type": "learned", "size": 2}, {"type": "learned", "size": 1}]},
            {"rows.1.size": "must be an integer of 2 or more"},
        ),
        (
            {"kind": "train", "by_name": {"a": {"type": "learned", "size": 0}}},
            {"by_name.a.size": "must be an integer of 2 or more"},
        ),
        ({"kind": "train", "corpus": 7}, {"corpus": "must be a string or an object"}),
        ({"kind": "count"}, {"of": "is required: a list of integers"}),
        (
            {"kind": "count", "of": [1, "x"]},
            {"of.1": "must be an integer"},
        ),
        ({"kind": "walk"}, {"kind": "must be one of train, count"}),
        ({}, {"kind": "is required: one of train, count"}),
        ({"kind": "train", "size": 3}, {"body": "size must be even"}),
        (
            {"kind": "train", "corpus": {"epochs": 0}},
            {"corpus.epochs": "must be an integer of 1 or more"},
        ),
        ({"kind": "count", "of": {}}, {"of": "must be a list of integers"}),
        ({"kind": "train", "rows": "many"}, {"rows": "must be a list"}),
        ({"kind": "train", "tags": []}, {"tags": "must have 1 to 2 items, not 0"}),
        ({"kind": "train", "tags": ["a"] * 3}, {"tags": "must have 1 to 2 items, not 3"}),
        ({"kind": "train", "label": ""}, {"label": "must have 1 to 4 characters"}),
        ({"kind": "train", "label": "storm"}, {"label": "must have 1 to 4 characters"}),
        ({"kind": "train", "label": 1}, {"label": "must be a string of 1 to 4 characters"}),
        ({"kind": "train", "ways": 1}, {"ways": "must be one of a, b, or a list of strings"}),
        ({"kind": "train", "ways": ["c"]}, {"ways.0": "must be one of a, b"}),
        ({"kind": "train", "counts": {"": 1}}, {"counts": 'the key "" must have 1 or more characters'}),
        (
            {"kind": "train", "counts": {"": 1, "a": "x"}},
            {"counts": 'the key "" must have 1 or more characters', "counts.a": "must be an integer"},
        ),
        ({"kind": "train", "counts": {"[key]": "x"}}, {"counts.[key]": "must be an integer"}),
        ({"kind": "train", "counts": ["a", "b"]}, {"counts": "must have at most 1 items, not 2"}),
        ({"kind": "train", "counts": 1}, {"counts": "must be an object or a list of at most 1 strings"}),
        ({"kind": "train", "tied": "perhaps"}, {"tied": "must be true or false"}),
        ({"kind": "train", "[key]": 1}, {"[key]": f"is no known field; known are {', '.join(Train.model_fields)}"}),
        (7, {"body": "must be an object whose kind is one of train, count"}),
    ],
)
def test_validation_names_the_field_as_it_was_written(client: TestClient, spec: Any, expected: dict[str, str]) -> None:
    assert fields(client.post("/v1/specs", json=spec)) == expected


def test_thousands_of_errors_take_no_longer_than_they_must(client: TestClient) -> None:
    begun = time.process_time()
    assert len(fields(client.post("/v1/specs", json={"kind": "count", "of": [None] * 4000}))) == 4000
    assert time.process_time() - begun < 3  # seconds, where comparing each with each took 12


def test_a_body_that_is_no_json_is_told(client: TestClient) -> None:
    json_type = {"Content-Type": "application/json"}
    broken = fields(client.post("/v1/specs", content='{"kind": }', headers=json_type))
    assert broken == {"body": "is no JSON: Expecting value at character 9"}
    assert fields(client.post("/v1/specs")) == {"body": "is missing: send JSON"}
    endless = b'{"kind": "train", "size": ' + b"9" * 5000 + b"}"
    assert "digits" in fields(client.post("/v1/specs", content=endless, headers=json_type))["body"]
    assert "Content-Type" in fields(client.post("/v1/specs", content=b"{}"))["body"]
    for unreadable in (b'{"\xff": 1}', b"[" * 100_000, gzip.compress(b"{}")):
        problem = client.post("/v1/specs", content=unreadable, headers=json_type).json()
        assert (problem["status"], [error["field"] for error in problem["errors"]]) == (422, ["body"])
    half = fields(client.post("/v1/specs", content=r'{"kind": "train", "label": "\ud800"}', headers=json_type))
    assert half == {"label": "must be Unicode: half of a surrogate pair is no character"}


@pytest.mark.parametrize("path", ["/v1/things", "/v1/fail/taken", "/nowhere", "/docs", "/docs/assets/swagger-ui.css"])
def test_head_is_get_without_the_body(client: TestClient, path: str) -> None:
    wanted = client.get(path, headers={"X-Request-ID": "a"})
    answer = client.head(path, headers={"X-Request-ID": "a"})
    assert (answer.status_code, answer.content) == (wanted.status_code, b"")
    assert answer.headers == wanted.headers


def test_head_of_what_can_only_be_posted_is_refused(client: TestClient) -> None:
    answer = client.head("/v1/specs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert 'method="HEAD",route="/v1/specs",status="405"' in client.get("/metrics").text


def test_head_of_an_endless_stream_ends_and_lets_go_of_what_it_had() -> None:
    router, left = APIRouter(), []

    async def held() -> AsyncIterator[None]:
        yield
        left.append("dependency")

    @router.get("/stream", dependencies=[Depends(held)])
    async def stream() -> StreamingResponse:
        async def ticks() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"tick"
                    await asyncio.sleep(0.01)
            finally:
                left.append("stream")

        return StreamingResponse(ticks(), media_type="text/event-stream")

    app = make_app(title="T", version="1", routers=[router], readiness=lambda: None)
    answer = TestClient(app).head("/stream")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert sorted(left) == ["dependency", "stream"]


def test_query_parameters_are_validated(client: TestClient) -> None:
    found = fields(client.get("/v1/things?limit=1001&status=lost"))
    assert found == {"limit": "must be an integer from 1 to 1000", "status": "must be one of running, ended"}
    huge = fields(client.get(f"/v1/things?limit={'9' * 5000}", headers={"Seed": "x"}))
    assert huge == {"limit": "must be an integer from 1 to 1000", "seed": "must be an integer of 1 or more"}
    assert fields(client.post("/v1/files")) == {"format": "is required: one of text, jsonl (how it is written)"}


def test_times_are_utc_and_numbers_that_are_none_are_null(client: TestClient) -> None:
    assert client.get("/v1/things?cursor=c").json() == {
        "items": [{"at": "2026-11-22T21:57:00.123Z", "value": None, "anything": {"x": None}}],
        "next_cursor": "c",
    }


def test_a_request_id_is_echoed_or_made(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-ID": "a.b:c-1"}).headers["x-request-id"] == "a.b:c-1"
    assert client.get("/healthz", headers={"X-Request-ID": "x" * 129}).headers["x-request-id"].startswith("req_")
    first, second = (client.get("/healthz").headers["x-request-id"] for _ in range(2))
    assert first != second


def test_readiness_gives_the_reason(client: TestClient, state: dict[str, bool]) -> None:
    assert client.get("/readyz").json() == {"status": "ready"}
    state["ready"] = False
    response = client.get("/readyz")
    assert (response.status_code, response.json()["detail"]) == (503, "The database is away.")
    assert client.get("/healthz").json() == {"status": "alive"}


def test_metrics_count_by_route_and_each_app_has_its_own(client: TestClient) -> None:
    for path in ("/v1/fail/taken", "/v1/fail/taken", "/v1/fail/bug", "/nowhere/1", "/nowhere/2"):
        client.get(path)
    client.request("BREW", "/healthz")
    figures = client.get("/metrics").text
    assert 'hindcast_http_requests_total{method="GET",route="/v1/fail/{how}",status="409"} 2.0' in figures
    assert 'hindcast_http_requests_total{method="GET",route="/v1/fail/{how}",status="500"} 1.0' in figures
    assert 'hindcast_http_requests_total{method="GET",route="none",status="404"} 2.0' in figures
    assert 'hindcast_http_requests_total{method="other",route="/healthz",status="405"} 1.0' in figures
    other = make_app(title="U", version="1", routers=[], readiness=lambda: None)
    assert "/v1/fail" not in TestClient(other).get("/metrics").text


def test_openapi_documents_problems(client: TestClient) -> None:
    for _ in range(2):  # the document is cached: making it must not change it
        document = client.get("/openapi.json").json()
    responses = document["paths"]["/v1/specs"]["post"]["responses"]
    assert document["paths"]["/v1/things"]["get"]["operationId"] == "things"
    assert set(responses) == {"200", "default"}
    assert responses["default"]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
    at = document["components"]["schemas"]["Thing"]["properties"]["at"]
    assert at["format"] == "date-time"


def test_the_documentation_works_offline(client: TestClient) -> None:
    page = client.get("/docs").text
    assert "https://" not in page
    assert client.get("/docs/assets/swagger-ui-bundle.js").status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "127.8.8.8"])
def test_loopback_may_be_bound(host: str) -> None:
    check_binding(host, trusted_network=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "10.1.2.3", "example.org"])
def test_beyond_loopback_needs_a_trusted_network(host: str) -> None:
    check_binding(host, trusted_network=True)
    with pytest.raises(InvalidInput, match="HINDCAST_TRUSTED_NETWORK"):
        check_binding(host, trusted_network=False)


def test_serving_strangers_ends_with_a_sentence() -> None:
    app = make_app(title="T", version="1", routers=[], readiness=lambda: None)
    with pytest.raises(SystemExit, match="is beyond loopback"):
        serve(app, host="0.0.0.0", port=1, trusted_network=False)


def test_a_problem_survives_json() -> None:
    problem = problem_of(InvalidInput.field("size", "must be even"))
    assert json.loads(problem.model_dump_json(exclude_none=True)) == {
        "type": "/problems/invalid-input",
        "title": "The input can't be used",
        "status": 422,
        "detail": "size: must be even",
        "errors": [{"field": "size", "message": "must be even"}],
    }
