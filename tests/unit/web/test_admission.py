import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Query
from fastapi.testclient import TestClient
from pydantic import Field

from hindcast.web.admission import NO_NUL
from hindcast.web.app import make_app
from hindcast.web.schemas import PageQuery, RequestSchema

JSON = {"Content-Type": "application/json"}


class Note(RequestSchema):
    words: tuple[str, ...] = ()
    by_name: dict[str, str] = Field(default_factory=dict)


def routes() -> APIRouter:
    router = APIRouter()

    @router.get("/v1/notes")
    def notes(page: PageQuery, word: Annotated[tuple[str, ...], Query()] = (), name: str | None = None) -> list[str]:
        return [*word, name or "", str(page.limit)]

    @router.post("/v1/notes/{note}")
    def write(note: str, written: Note) -> dict[str, Any]:
        return {"note": note, "words": len(written.words)}

    return router


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(make_app(title="T", version="1", routers=[routes()], readiness=lambda: None)) as client:
        yield client


def refused(response: Any) -> dict[str, str]:
    assert response.status_code == 422, response.text
    return {error["field"]: error["message"] for error in response.json()["errors"]}


def test_unknown_query_parameters_are_refused(client: TestClient) -> None:
    known = "known are word, name, limit, cursor"
    assert refused(client.get("/v1/notes?limt=3&limit=3")) == {"limt": f"is no known query parameter; {known}"}
    assert refused(client.get("/healthz?x=1")) == {"x": "is no known query parameter; there are none here"}


def test_what_counts_once_must_stand_there_once(client: TestClient) -> None:
    once = refused(client.get("/v1/notes?limit=1&limit=2&name=a&name=a&name=a"))
    assert once == {"limit": "must stand there once, not 2 times", "name": "must stand there once, not 3 times"}
    assert client.get("/v1/notes?word=a&word=b&limit=1").json() == ["a", "b", "", "1"]


def test_a_nul_character_is_named_wherever_it_stands(client: TestClient) -> None:
    assert refused(client.get("/v1/notes?name=a%00b&word=a&word=%00")) == dict.fromkeys(("name", "word"), NO_NUL)
    assert refused(client.post("/v1/notes/a%00b", json={})) == {"note": NO_NUL}
    body = {"words": ["a", "b\0", "\0"], "by_name": {"a": "\0", "\0": "b"}}
    found = refused(client.post("/v1/notes/1", json=body))
    assert found == dict.fromkeys(("words.1", "words.2", "by_name.a", "by_name.\0"), NO_NUL)
    assert refused(client.post("/v1/notes/1", json="\0")) == {"body": NO_NUL}


def test_what_only_looks_like_a_nul_character_is_admitted(client: TestClient) -> None:
    answer = client.post("/v1/notes/1", content=r'{"words": ["\\u0000", "%00"]}', headers=JSON)
    assert answer.json() == {"note": "1", "words": 2}


def test_a_body_that_cant_be_read_is_left_to_validation(client: TestClient) -> None:
    assert "Content-Type" in refused(client.post("/v1/notes/1", content=rb"\u0000"))["body"]
    assert "is no JSON" in refused(client.post("/v1/notes/1", content=rb'"\u0000', headers=JSON))["body"]


def test_a_deep_document_is_looked_through(client: TestClient) -> None:
    deep = json.dumps("\0")
    for _ in range(400):
        deep = f"[{deep}]"
    [field] = refused(client.post("/v1/notes/1", content=deep, headers=JSON))
    assert field == ".".join(["0"] * 400)
