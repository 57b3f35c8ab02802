"""Uploads that come in several requests, to the three services as they are deployed."""

import gzip
import io
import json
import os
import random
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from little_language_models import packed_model

import hindcast_embedder.main
import hindcast_scorer.main
import hindcast_trainer.main
from hindcast.settings import Settings
from hindcast_standalone.postgres import PostgresServer

Serving = Callable[..., AbstractContextManager[str]]

LINES = [f"The storm of day {number} went by ." for number in range(40_000)]
TEXT = "\n".join(LINES).encode() + b"\n"
NEW = {"Upload-Complete": "?0"}
HALF = len(TEXT) // 2


@pytest.fixture
def settings(postgres_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=postgres_url, broker_url=redis_url)


@pytest.fixture
def trainer(settings: Settings, serving: Serving) -> Iterator[httpx.Client]:
    with serving(hindcast_trainer.main.build(settings)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def begin(client: httpx.Client, query: str = "/v1/corpora?format=text", content: bytes = b"", **headers: str) -> str:
    answer = client.post(query, content=content, headers={**NEW, **headers})
    assert answer.status_code == 201, answer.text
    assert (answer.headers["upload-complete"], answer.headers["upload-offset"]) == ("?0", str(len(content)))
    location: str = answer.headers["location"]
    assert re.fullmatch(r"/v1/\w+/uploads/upl_[0-9a-f]{32}", location)
    return location


def add(client: httpx.Client, upload: str, at: int, content: bytes | Iterator[bytes], *, done: bool) -> httpx.Response:
    return client.patch(upload, content=content, headers=part(at, done=done))


def part(at: int, *, done: bool) -> dict[str, str]:
    return {
        "Content-Type": "application/partial-upload",
        "Upload-Offset": str(at),
        "Upload-Complete": "?1" if done else "?0",
    }


def offset(client: httpx.Client, upload: str) -> int:
    return int(state(client, upload)["upload-offset"])


def state(client: httpx.Client, upload: str) -> Mapping[str, str]:
    answer = client.head(upload)
    assert (answer.status_code, answer.headers["cache-control"]) == (204, "no-store")
    return answer.headers


def problem(answer: httpx.Response, status: int) -> Any:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code == status, answer.text
    return answer.json()


def left(settings: Settings) -> list[str]:
    """What lies in the folders of uploads and artifacts."""
    folders = (settings.home / "uploads", settings.home / "artifacts", settings.home / "cache")
    return sorted(path.name for folder in folders for path in folder.rglob("*") if path.is_file())


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def broken_off(client: httpx.Client, upload: str, at: int, content: bytes, *, promised: int) -> None:
    """PATCH that promises more than it sends, and then resets the connection."""
    connection = opened(client, upload, at, promised=promised)
    connection.sendall(content)
    wait_until(lambda: offset(client, upload) == at + len(content))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def opened(client: httpx.Client, upload: str, at: int, *, promised: int) -> socket.socket:
    """A connection on which a PATCH has begun."""
    connection = socket.create_connection((client.base_url.host, client.base_url.port))
    headers = {"Host": "x", "Content-Length": str(promised), **part(at, done=True)}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    connection.sendall(f"PATCH {upload} HTTP/1.1\r\n{head}\r\n".encode())
    return connection


def without_ids(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """The answer, its ids and moments replaced."""
    body = re.sub(rb"(cor|job|tab|lm|ngram|req)_[0-9a-f]{8,}", rb"\1", answer.content)
    body = re.sub(rb'"\d{4}-\d\d-\d\dT[^"]+Z"', b"now", body)
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "x-request-id")}
    headers["location"] = headers.get("location", "").rpartition("_")[0]
    return answer.status_code, headers, body


def test_an_upload_goes_on_where_its_connection_broke_off(trainer: httpx.Client, settings: Settings) -> None:
    upload = begin(trainer, "/v1/corpora?format=text&name=news", **{"Upload-Length": str(len(TEXT))})
    assert (
        dict(state(trainer, upload)).items()
        >= {
            "upload-offset": "0",
            "upload-complete": "?0",
            "upload-length": str(len(TEXT)),
            "upload-limit": "max-age=86400",
        }.items()
    )
    broken_off(trainer, upload, 0, TEXT[:HALF], promised=len(TEXT))
    assert trainer.get("/v1/corpora").json()["items"] == []
    answer = add(trainer, upload, offset(trainer, upload), TEXT[HALF:], done=True)
    assert (answer.status_code, answer.json()["name"]) == (202, "news")
    assert answer.headers["location"] == f"/v1/corpora/{answer.json()['id']}"
    [kept] = (settings.home / "artifacts" / "uploads").iterdir()
    assert kept.read_bytes() == TEXT
    assert left(settings) == sorted([kept.name, "answer.json", "posted.json", "whole"])


@pytest.mark.parametrize(
    ("query", "content", "headers"),
    [
        ("/v1/corpora?format=text&name=news", TEXT, {}),
        ("/v1/corpora?format=text&name=news", gzip.compress(TEXT, mtime=0), {"Content-Encoding": "gzip"}),
        ("/v1/corpora?format=jsonl", b'{"text": "fine"}\n' * 9 + b'{"text": \n', {}),
        ("/v1/corpora?format=text", b"fine\n" * 50_000 + b"\xff\n", {}),
        ("/v1/corpora?format=text", gzip.compress(TEXT, mtime=0)[:-9], {"Content-Encoding": "gzip"}),
        ("/v1/corpora?format=text", b"", {}),
    ],
)
def test_it_is_answered_as_all_of_it_at_once_would_be(
    trainer: httpx.Client, query: str, content: bytes, headers: dict[str, str]
) -> None:
    upload = begin(trainer, query, **headers)
    for start in range(0, len(content), 1 << 18):
        piece = content[start : start + (1 << 18)]
        added = add(trainer, upload, start, piece, done=False)
        assert (added.status_code, added.headers["upload-offset"]) == (204, str(start + len(piece)))
    in_parts = add(trainer, upload, len(content), b"", done=True)
    assert in_parts.headers["upload-complete"] == "?1"
    if in_parts.status_code == 202:
        trainer.post(f"/v1/jobs/{in_parts.json()['job']}/cancel")
        assert trainer.delete(in_parts.headers["location"]).status_code == 204
    at_once = trainer.post(query, content=content, headers=headers)
    status, told, body = without_ids(in_parts)
    assert told.pop("upload-complete") == "?1"
    assert (status, told, body) == without_ids(at_once)


def test_what_is_wrong_is_told_by_its_line_and_nothing_is_left(trainer: httpx.Client, settings: Settings) -> None:
    upload = begin(trainer)
    add(trainer, upload, 0, TEXT, done=False)
    answer = add(trainer, upload, len(TEXT), b"\xff\n", done=True)
    assert problem(answer, 422)["errors"][0]["field"] == "line 40001"
    assert trainer.get("/v1/corpora").json()["items"] == []
    assert left(settings) == ["answer.json", "posted.json", "whole"]


@pytest.mark.parametrize(
    ("query", "content", "headers", "status", "field"),
    [
        ("format=text&name=taken", b"", {}, 409, None),
        ("format=pdf", b"", {}, 422, "format"),
        ("format=text&colour=blue", b"", {}, 422, "colour"),
        ("format=text&splits=50,20", b"", {}, 422, "splits"),
        ("format=text", b"", {"Content-Encoding": "br"}, 422, "Content-Encoding"),
        ("format=text", b"", {"Upload-Length": "many"}, 422, "Upload-Length"),
        ("format=text", b"fine\n\xff\n" + TEXT, {}, 422, "line 2"),
        ("format=text", b"\x1f\x8b\x08 broken" + TEXT, {"Content-Encoding": "gzip"}, 422, "line 1"),
        ("format=jsonl", b'{"text": "fine"}\n{"text": \n', {}, 422, "line 2"),
        ("format=text", b"", {"Upload-Length": str(1 << 60)}, 507, None),
    ],
)
def test_what_can_be_refused_before_it_is_sent_is(
    trainer: httpx.Client,
    settings: Settings,
    query: str,
    content: bytes,
    headers: dict[str, str],
    status: int,
    field: str | None,
) -> None:
    trainer.post("/v1/corpora?format=text&name=taken", content=TEXT)
    before = left(settings)
    told = problem(trainer.post(f"/v1/corpora?{query}", content=content, headers={**NEW, **headers}), status)
    assert [error["field"] for error in told.get("errors", [])] == ([field] if field else [])
    assert told["request_id"].startswith("req_")
    assert left(settings) == before


def test_the_first_bytes_may_come_at_once(trainer: httpx.Client) -> None:
    upload = begin(trainer, content=TEXT[:HALF])
    assert add(trainer, upload, HALF, TEXT[HALF:], done=True).status_code == 202


def test_only_the_next_byte_is_taken(trainer: httpx.Client) -> None:
    upload = begin(trainer, content=TEXT[:100])
    for wrong in (0, 99, 101):
        answer = add(trainer, upload, wrong, TEXT[wrong:], done=True)
        assert problem(answer, 409)["type"] == "/problems/wrong-offset"
        assert answer.headers["upload-offset"] == "100"
    assert offset(trainer, upload) == 100
    assert add(trainer, upload, 100, TEXT[100:], done=True).status_code == 202


@pytest.mark.parametrize(
    ("changed", "status", "field"),
    [
        ({"Upload-Offset": "-1"}, 422, "upload-offset"),
        ({"Upload-Offset": "some"}, 422, "upload-offset"),
        ({"Upload-Complete": "yes"}, 422, "upload-complete"),
        ({"Content-Type": "text/plain"}, 415, None),
    ],
)
def test_a_part_says_what_it_is(trainer: httpx.Client, changed: dict[str, str], status: int, field: str | None) -> None:
    upload = begin(trainer)
    told = problem(trainer.patch(upload, content=TEXT, headers={**part(0, done=False), **changed}), status)
    assert [error["field"] for error in told.get("errors", [])] == ([field] if field else [])
    assert offset(trainer, upload) == 0


def test_of_two_at_once_one_goes_on_and_the_other_is_told(trainer: httpx.Client, settings: Settings) -> None:
    """Also where the first is a connection that died without a word: nobody waits for it."""
    upload = begin(trainer)
    with opened(trainer, upload, 0, promised=len(TEXT)) as first:
        first.sendall(TEXT[:HALF])
        wait_until(lambda: offset(trainer, upload) == HALF)
        answer = add(trainer, upload, 0, TEXT, done=True)
        assert (answer.status_code, answer.headers["upload-offset"]) == (409, str(HALF))
        assert add(trainer, upload, HALF, b"Another end .\n", done=False).status_code == 204
        first.sendall(TEXT[HALF:])
        told = io.BytesIO(first.recv(1 << 16))
        assert told.readline() == b"HTTP/1.1 409 Conflict\r\n"
    add(trainer, upload, offset(trainer, upload), b"", done=True)
    [kept] = (settings.home / "artifacts" / "uploads").iterdir()
    assert kept.read_bytes() == TEXT[:HALF] + b"Another end .\n"


def test_many_at_once_lose_and_double_nothing(trainer: httpx.Client, settings: Settings) -> None:
    upload = begin(trainer)

    def send_all() -> None:
        with httpx.Client(base_url=trainer.base_url, timeout=60) as client:
            while (at := offset(client, upload)) < len(TEXT):
                add(client, upload, at, TEXT[at : at + 100_000], done=False)

    senders = [threading.Thread(target=send_all) for _ in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert add(trainer, upload, len(TEXT), b"", done=True).status_code == 202
    [kept] = (settings.home / "artifacts" / "uploads").iterdir()
    assert kept.read_bytes() == TEXT


def test_the_end_is_answered_the_same_however_often_it_is_sent(trainer: httpx.Client) -> None:
    upload = begin(trainer, content=TEXT[:HALF])
    first = add(trainer, upload, HALF, TEXT[HALF:], done=True)
    again = add(trainer, upload, HALF, TEXT[HALF:], done=True)
    without = add(trainer, upload, len(TEXT), b"", done=True)
    assert first.status_code == 202
    assert again.content == without.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert (state(trainer, upload)["upload-complete"], offset(trainer, upload)) == ("?1", len(TEXT))
    assert not add(trainer, upload, len(TEXT), b"more", done=False).is_success
    assert len(trainer.get("/v1/corpora").json()["items"]) == 1


def test_whoever_asks_while_it_is_taken_in_gets_the_one_answer(trainer: httpx.Client) -> None:
    upload = begin(trainer, content=TEXT)
    answers = []

    def end() -> None:
        with httpx.Client(base_url=trainer.base_url, timeout=60) as client:
            answers.append(add(client, upload, len(TEXT), b"", done=True))

    enders = [threading.Thread(target=end) for _ in range(5)]
    for ender in enders:
        ender.start()
    for ender in enders:
        ender.join()
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.content for answer in answers}) == 1
    assert len(trainer.get("/v1/corpora").json()["items"]) == 1


def test_two_processes_serve_one_upload(trainer: httpx.Client, settings: Settings, serving: Serving) -> None:
    """Two applications share no more than two processes do: the folder."""
    upload = begin(trainer, content=TEXT[:HALF])
    other = serving(hindcast_trainer.main.build(settings))
    with other as url, httpx.Client(base_url=url, timeout=60) as client:
        answer = add(client, upload, HALF, TEXT[HALF:], done=True)
        assert answer.status_code == 202
    assert add(trainer, upload, len(TEXT), b"", done=True).content == answer.content


def test_it_outlives_the_service(settings: Settings, serving: Serving) -> None:
    with serving(hindcast_trainer.main.build(settings)) as url, httpx.Client(base_url=url, timeout=60) as client:
        upload = begin(client, "/v1/corpora?format=text&name=news")
        connection = opened(client, upload, 0, promised=len(TEXT))
        connection.sendall(TEXT[:HALF])
        wait_until(lambda: offset(client, upload) == HALF)
    with connection:
        assert b"HTTP/1.1 503 Service Unavailable\r\n" in connection.recv(1 << 16)
    with serving(hindcast_trainer.main.build(settings)) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert offset(client, upload) == HALF
        answer = add(client, upload, HALF, TEXT[HALF:], done=True)
        assert (answer.status_code, answer.json()["name"]) == (202, "news")
    with serving(hindcast_trainer.main.build(settings)) as url, httpx.Client(base_url=url, timeout=60) as client:
        assert add(client, upload, HALF, TEXT[HALF:], done=True).content == answer.content


def test_while_postgres_is_away_the_bytes_are_kept(
    own_postgres: PostgresServer, redis_url: str, tmp_path: Path, serving: Serving
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=own_postgres.url, broker_url=redis_url)
    with serving(hindcast_trainer.main.build(settings)) as url, httpx.Client(base_url=url, timeout=60) as client:
        upload = begin(client, "/v1/corpora?format=text&name=news")
        own_postgres.stop()
        answer = add(client, upload, 0, TEXT, done=True)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        assert (offset(client, upload), state(client, upload)["upload-complete"]) == (len(TEXT), "?1")
        assert problem(client.post("/v1/corpora?format=text&name=more", headers=NEW), 503)
        own_postgres.start()
        assert add(client, upload, len(TEXT), b"", done=True).json()["name"] == "news"


def test_what_nobody_goes_on_with_is_dropped(settings: Settings, serving: Serving) -> None:
    settings = settings.model_copy(update={"upload_seconds": 1.0})
    with serving(hindcast_trainer.main.build(settings)) as url, httpx.Client(base_url=url, timeout=60) as client:
        forgotten, asked_for = begin(client), begin(client)
        ended = begin(client, content=TEXT)
        assert add(client, ended, len(TEXT), b"", done=True).status_code == 202
        time.sleep(1.1)
        assert problem(client.get(asked_for), 410)["type"] == "/problems/gone"
        problem(add(client, asked_for, 0, TEXT, done=True), 404)
        fresh = begin(client)
        assert [folder.name for folder in (settings.home / "uploads" / "corpora").iterdir()] == [fresh[-36:]]
        for old in (forgotten, ended):
            problem(add(client, old, 0, TEXT, done=True), 404)


def test_one_that_is_dropped_is_gone(trainer: httpx.Client, settings: Settings) -> None:
    upload = begin(trainer, content=TEXT)
    assert trainer.delete(upload).status_code == 204
    assert left(settings) == []
    for answer in (trainer.get(upload), trainer.delete(upload), add(trainer, upload, 0, TEXT, done=True)):
        problem(answer, 404)


@pytest.mark.parametrize("id", ["upl_0", "upl_" + "0" * 32, "..%2F..%2Fartifacts", "x"])
def test_what_never_was_is_not_found(trainer: httpx.Client, id: str) -> None:
    assert trainer.get(f"/v1/corpora/uploads/{id}").status_code == 404
    assert add(trainer, f"/v1/corpora/uploads/{id}", 0, b"", done=True).status_code == 404


def test_the_length_that_was_said_is_held_to(trainer: httpx.Client) -> None:
    upload = begin(trainer, **{"Upload-Length": "100"})
    short = add(trainer, upload, 0, TEXT[:99], done=True)
    assert problem(short, 422)["errors"][0]["field"] == "Upload-Length"
    long = add(trainer, upload, 99, TEXT[99:101], done=True)
    assert problem(long, 422)["errors"][0]["field"] == "Upload-Length"
    assert add(trainer, upload, 99, TEXT[99:100], done=True).status_code == 202


def test_options_say_that_uploads_go_on(trainer: httpx.Client) -> None:
    answer = trainer.options("/v1/corpora")
    assert (answer.status_code, answer.headers["accept-patch"]) == (204, "application/partial-upload")
    assert trainer.options("/v1/jobs").status_code == 405


def test_figures_name_the_paths_and_the_post_that_came_of_it(trainer: httpx.Client) -> None:
    upload = begin(trainer, content=TEXT)
    add(trainer, upload, len(TEXT), b"", done=True)
    told = trainer.get("/metrics").text
    for method, route, status in (
        ("POST", "/v1/corpora", 201),
        ("POST", "/v1/corpora", 202),
        ("PATCH", "/v1/corpora/uploads/{upload}", 202),
    ):
        assert f'hindcast_http_requests_total{{method="{method}",route="{route}",status="{status}"}} 1.0' in told


ARPA = """\\data\\
ngram 1=4

\\1-grams:
-1.0\t<unk>
-99\t<s>
-1.0\t</s>
-0.5\tstorm

\\end\\
"""


def vectors(rows: int) -> bytes:
    made = random.Random(1)
    return f"{rows} 4\n".encode() + b"".join(
        f"word{row} ".encode() + struct.pack("<4f", *(made.random() for _ in range(4))) + b"\n" for row in range(rows)
    )


@pytest.mark.parametrize(
    ("main", "query", "content"),
    [
        (hindcast_embedder.main, "/v1/tables?format=word2vec-binary&name=it", vectors(9_000)),
        (hindcast_embedder.main, "/v1/tables?format=word2vec-binary", vectors(9_000)[:-5]),
        (hindcast_embedder.main, "/v1/tables?format=glove", b"storm 1 2\nrain 1\n"),
        (hindcast_scorer.main, "/v1/models?name=it", packed_model()),
        (hindcast_scorer.main, "/v1/models", packed_model()[:-100]),
        (hindcast_scorer.main, "/v1/ngrams?name=it", ARPA.encode()),
        (hindcast_scorer.main, "/v1/ngrams", ARPA.replace("\t</s>", "").encode()),
    ],
)
def test_tables_models_and_ngrams_come_so_too(
    settings: Settings, serving: Serving, main: Any, query: str, content: bytes
) -> None:
    half = len(content) // 2
    with serving(main.build(settings)) as url, httpx.Client(base_url=url, timeout=60) as client:
        answer = client.post(query, content=content[:half], headers=NEW)
        if answer.status_code == 201:
            upload = answer.headers["location"]
            answer = add(client, upload, half, content[half:], done=True)
            assert add(client, upload, half, content[half:], done=True).content == answer.content
        status, headers, body = without_ids(answer)
        if answer.is_success:
            assert client.delete(answer.headers["location"]).status_code == 204
        headers.pop("upload-complete")
        assert (status, headers, body) == without_ids(client.post(query, content=content))


def test_uploads_of_one_kind_are_none_of_another(settings: Settings, serving: Serving) -> None:
    with serving(hindcast_scorer.main.build(settings)) as url, httpx.Client(base_url=url, timeout=60) as client:
        upload = begin(client, "/v1/models")
        assert client.head(upload.replace("models", "ngrams")).status_code == 404
        assert json.loads((settings.home / f"uploads{upload[3:].replace('/uploads', '')}/posted.json").read_text())
        assert os.listdir(settings.home / "uploads") == ["models"]
