import gzip
import hashlib
from collections.abc import Iterator

import pytest
from fastapi import APIRouter, Request
from fastapi.testclient import TestClient

from hindcast.errors import InvalidInput
from hindcast.web.app import make_app
from hindcast.web.uploads import uploaded

TEXT = b"".join(b"line %d\n" % number for number in range(50_000))


@pytest.fixture
def client() -> Iterator[TestClient]:
    router = APIRouter()

    @router.post("/digest")
    def digest(request: Request) -> dict[str, str]:
        sha256 = hashlib.sha256()
        with uploaded(request) as file:
            first = file.readline()
            sha256.update(first)
            while chunk := file.read(10_000):
                sha256.update(chunk)
        return {"first": first.decode(), "sha256": sha256.hexdigest()}

    @router.post("/refuse")
    def refuse(request: Request) -> None:
        with uploaded(request) as file:
            raise InvalidInput.field("line 1", f"is not what was hoped for: {file.readline()!r}")

    with TestClient(make_app(title="T", version="1", routers=[router], readiness=lambda: None)) as client:
        yield client


def pieces(content: bytes) -> Iterator[bytes]:
    yield from (content[start : start + 7_777] for start in range(0, len(content), 7_777))


def test_a_body_is_read_as_a_file(client: TestClient) -> None:
    answer = client.post("/digest", content=pieces(TEXT)).json()
    assert answer == {"first": "line 0\n", "sha256": hashlib.sha256(TEXT).hexdigest()}


def test_gzip_is_unpacked(client: TestClient) -> None:
    packed = client.post("/digest", content=pieces(gzip.compress(TEXT)), headers={"Content-Encoding": "gzip"})
    assert packed.json()["sha256"] == hashlib.sha256(TEXT).hexdigest()


@pytest.mark.parametrize(
    "content", [gzip.compress(TEXT, mtime=0)[:-1000], b"no gzip", gzip.compress(TEXT, mtime=0)[:-4] + b"abcd"]
)
def test_a_broken_gzip_is_told(client: TestClient, content: bytes) -> None:
    problem = client.post("/digest", content=content, headers={"Content-Encoding": "gzip"}).json()
    assert (problem["status"], problem["errors"][0]["field"]) == (422, "body")
    assert "is no whole gzip" in problem["detail"]


def test_a_form_is_refused(client: TestClient) -> None:
    answer = client.post("/digest", files={"file": b"a file"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "body")


def test_an_unknown_encoding_is_told(client: TestClient) -> None:
    assert client.post("/digest", content=b"x", headers={"Content-Encoding": "br"}).status_code == 415


def test_a_refusal_reaches_a_client_that_still_sends(client: TestClient) -> None:
    problem = client.post("/refuse", content=pieces(TEXT)).json()
    assert problem["errors"][0]["field"] == "line 1"
