"""The trainer as it is deployed: its own composition root, a real PostgreSQL, a real Redis, a real socket."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from hindcast.adapters.database import PostgresDatabase
from hindcast.jobs import service
from hindcast.jobs.job import JobProgress
from hindcast.settings import Settings
from hindcast_standalone.postgres import PostgresServer
from hindcast_trainer.main import build

TEXT = b"A storm came .\nIt rains .\n\nThe end .\n"
WORD2VEC = {"kind": "word2vec", "corpus": "news"}
LEARNED = {"type": "learned", "size": 4}
Serving = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def settings(postgres_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", database_url=postgres_url, broker_url=redis_url)


@pytest.fixture
def trainer(settings: Settings, serving: Serving) -> Iterator[httpx.Client]:
    with serving(build(settings)) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


@pytest.fixture
def database(settings: Settings) -> Iterator[PostgresDatabase]:
    database = PostgresDatabase(settings.database_url)
    yield database
    database.close()


@pytest.fixture
def corpus(trainer: httpx.Client) -> Mapping[str, Any]:
    answer = trainer.post("/v1/corpora?format=text&name=news", content=TEXT)
    assert answer.status_code == 202, answer.text
    found: Mapping[str, Any] = answer.json()
    return found


def stored(settings: Settings) -> list[Path]:
    """Every file below the artifacts, unfinished ones too."""
    return [path for path in (settings.home / "artifacts").rglob("*") if path.is_file()]


def wait_until(true: Callable[[], object]) -> None:
    give_up = time.monotonic() + 120
    while not true():
        assert time.monotonic() < give_up, "it did not come to pass"
        time.sleep(0.05)


def test_a_job_is_posted_found_and_cancelled(trainer: httpx.Client, corpus: Mapping[str, Any]) -> None:
    posted = trainer.post("/v1/jobs", json={**WORD2VEC, "name": "vectors"})
    assert posted.status_code == 202
    assert trainer.get(posted.headers["location"]).json() == posted.json()
    assert trainer.post("/v1/jobs", json={**WORD2VEC, "name": "vectors"}).status_code == 409
    assert trainer.post("/v1/jobs/vectors/cancel").json()["status"] == "cancelled"
    assert trainer.delete("/v1/jobs/vectors").status_code == 204


def test_the_same_experiment_twice_has_the_same_jobs(trainer: httpx.Client, corpus: Mapping[str, Any]) -> None:
    request = {
        "lm": {"train": "news", "test": "news"},
        "rows": [{"label": "none"}, {"label": "word2vec", "pretrain": WORD2VEC}],
        "seeds": [1, 2],
        "probes": [{"context": "A", "target": "storm"}],
    }
    first = trainer.post("/v1/experiments", json={**request, "name": "first"}).json()
    second = trainer.post("/v1/experiments", json={**request, "name": "second"}).json()
    assert [row["jobs"] for row in second["rows"]] == [row["jobs"] for row in first["rows"]]
    assert trainer.post("/v1/experiments", json={**request, "name": "first"}).status_code == 409
    trainer.post("/v1/experiments/first/cancel")
    assert trainer.get("/v1/experiments/second").json()["status"] == "queued"
    assert trainer.post("/v1/experiments/second/cancel").json()["status"] == "cancelled"
    ended = trainer.get("/v1/jobs?status=cancelled&limit=100").json()["items"]
    assert {job["id"] for job in ended} == {id for row in first["rows"] for id in row["jobs"]}


def test_lists_are_paged_without_gaps_and_refuse_what_they_dont_know(
    trainer: httpx.Client, corpus: Mapping[str, Any]
) -> None:
    posted = [trainer.post("/v1/jobs", json=WORD2VEC).json()["id"] for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = trainer.get(f"/v1/jobs?kind=word2vec&limit=2&{f'cursor={cursor}' if cursor else ''}").json()
        seen += [job["id"] for job in page["items"]]
        cursor = page["next_cursor"]
    assert seen == posted[::-1]
    for query in ("cursor=odd", "limit=0", "limit=1001", "page=2", "kind=odd"):
        answer = trainer.get(f"/v1/jobs?{query}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.partition("=")[0])


@pytest.mark.parametrize(
    ("query", "body", "headers", "field"),
    [
        ("format=text", b"", {}, "body"),
        ("format=text", b"fine\n\xff\xfe\n", {}, "line 2"),
        ("format=text", b"\x1f\x8b\x08 broken", {"Content-Encoding": "gzip"}, "line 1"),
        ("format=jsonl", b'{"text": "fine"}\n{"text": \n', {}, "line 2"),
        ("format=text", TEXT, {"Content-Encoding": "br"}, "Content-Encoding"),
        ("format=pdf", TEXT, {}, "format"),
        ("format=text&splits=50,20", TEXT, {}, "splits"),
    ],
)
def test_a_wrong_upload_leaves_nothing(
    trainer: httpx.Client, settings: Settings, query: str, body: bytes, headers: dict[str, str], field: str
) -> None:
    answer = trainer.post(f"/v1/corpora?{query}", content=body, headers=headers)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert trainer.get("/v1/corpora").json()["items"] == []
    assert stored(settings) == []


def test_a_large_upload_that_is_wrong_at_its_end_leaves_nothing(trainer: httpx.Client, settings: Settings) -> None:
    lines = (b"word " * 2000 + b"\n" for _ in range(1000))
    answer = trainer.post("/v1/corpora?format=text", content=(line for part in (lines, [b"\xff\n"]) for line in part))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "line 1001")
    assert stored(settings) == []


def test_a_client_that_leaves_in_the_middle_leaves_nothing(trainer: httpx.Client, settings: Settings) -> None:
    head = "POST /v1/corpora?format=text HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n"
    with socket.create_connection((trainer.base_url.host, trainer.base_url.port)) as connection:
        connection.sendall(head.encode() + b"A storm .\n" * 300_000)
        wait_until(lambda: stored(settings))
    wait_until(lambda: not stored(settings))
    assert trainer.get("/v1/corpora").json()["items"] == []


def test_a_name_that_is_taken_while_the_body_arrives_leaves_no_file(trainer: httpx.Client, settings: Settings) -> None:
    url = f"{trainer.base_url}/v1/corpora?format=text&name=news"

    def slow_body() -> Iterator[bytes]:
        yield b"It rains .\n"
        assert httpx.post(url, content=TEXT).status_code == 202
        yield b"Still .\n"

    assert trainer.post(url, content=slow_body()).status_code == 409
    assert [path.read_bytes() for path in stored(settings)] == [TEXT]


@pytest.fixture
def worker(settings: Settings) -> Iterator[None]:
    environment = {
        "HINDCAST_HOME": str(settings.home),
        "HINDCAST_DATABASE_URL": settings.database_url,
        "HINDCAST_BROKER_URL": settings.broker_url,
        "HINDCAST_SWEEP_SECONDS": "0.5",
        "HINDCAST_JOB_THREADS": "1",
    }
    process = subprocess.Popen([sys.executable, "-m", "hindcast_trainer.worker"], env=os.environ | environment)
    yield
    process.terminate()
    process.wait(30)


def test_a_corpus_too_small_for_what_is_asked_is_a_clear_problem(trainer: httpx.Client, worker: None) -> None:
    trainer.post("/v1/corpora?format=text&name=news", content=TEXT)
    trainer.post("/v1/corpora?format=text&name=blank&pipeline=asr", content=b"... !\n")
    lm = {"train": "news", "vocabulary": {"min_count": 1}}
    small = trainer.post("/v1/jobs", json={"kind": "language_model", "name": "small", **lm}).json()
    rows = [{"label": "fits", "lm": {"optimizer": {"batch_size": 1, "epochs": 1}}, "input": LEARNED}, {"label": "none"}]
    trainer.post("/v1/experiments", json={"name": "both", "lm": lm, "rows": rows})
    wait_until(lambda: not trainer.get("/v1/jobs?status=queued").json()["items"])
    wait_until(lambda: not trainer.get("/v1/jobs?status=running").json()["items"])
    blank = trainer.get("/v1/corpora/blank").json()
    assert (blank["status"], blank["error"]["detail"]) == ("failed", "The text has no words.")
    error = trainer.get("/v1/jobs/small").json()["error"]
    assert (error["status"], error["errors"][0]["field"]) == (422, "train")
    both = trainer.get("/v1/experiments/both").json()
    assert (both["status"], [row["status"] for row in both["rows"]]) == ("succeeded", ["succeeded", "failed"])
    assert "is too small a text" in both["rows"][1]["error"]
    assert both["rows"][1]["jobs"] == [small["id"]]


def told(stream: Iterator[str]) -> Iterator[tuple[int, str, Any]]:
    """Id, type and data of each event, as they arrive."""
    fields: dict[str, str] = {}
    for line in stream:
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
        elif fields:
            yield int(fields["id"]), fields["event"], json.loads(fields["data"])
            fields = {}


def test_events_arrive_while_the_job_runs_and_a_later_stream_goes_on_after_them(
    trainer: httpx.Client, corpus: Mapping[str, Any], database: PostgresDatabase
) -> None:
    id = corpus["job"]
    with trainer.stream("GET", f"/v1/jobs/{id}/events") as response:
        events = told(response.iter_lines())
        assert next(events)[2]["status"] == "queued"
        with database.transaction() as transaction:
            service.claim(transaction, id, lease_seconds=60)
        assert next(events)[2]["status"] == "running"
        with database.transaction() as transaction:
            service.report(transaction, id, 1, progress=JobProgress(0.5, 1, 2, "bytes", None, ""), metrics={"x": 1.0})
        assert [next(events)[1] for _ in range(2)] == ["progress", "metric"]
    with database.transaction() as transaction:
        service.log(transaction, id, 1, "nearly there")
        service.fail(transaction, id, 1, {"title": "No", "status": 422, "detail": "no words"})
    with trainer.stream("GET", f"/v1/jobs/{id}/events", headers={"Last-Event-ID": "4"}) as response:
        rest = list(told(response.iter_lines()))
    assert [(number, type) for number, type, _ in rest] == [(5, "log"), (6, "status")]
    assert rest[1][2]["error"]["detail"] == "no words"


def test_a_hundred_thousand_figures_are_told_in_five_hundred_points(
    trainer: httpx.Client, corpus: Mapping[str, Any], settings: Settings
) -> None:
    told = """INSERT INTO job_events (job_id, sequence, type, data)
        SELECT %s, place + 1, 'metric', jsonb_build_object('done', place, 'unit', 'tokens', 'metrics',
            jsonb_build_object('loss', CASE place WHEN 77777 THEN 1e6 ELSE 9 - place / 20000.0 END))
        FROM generate_series(1, 100000) place"""
    with psycopg.connect(settings.database_url) as connection:
        connection.execute(told, [corpus["job"]])
    [series] = trainer.get(f"/v1/jobs/{corpus['job']}/metrics").json()["series"]
    assert (series["name"], series["unit"], series["total"]) == ("loss", "tokens", 100_000)
    assert 400 < len(series["points"]) <= 500
    assert [series["points"][0], series["points"][-1]] == [[1, 8.99995], [100_000, 4.0]]
    assert [77_777, 1e6] in series["points"]


def test_an_unknown_job_has_no_stream(trainer: httpx.Client) -> None:
    answer = trainer.get("/v1/jobs/job_0/events")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_without_redis_jobs_are_taken_and_wait(trainer: httpx.Client, settings: Settings, serving: Serving) -> None:
    alone = settings.model_copy(update={"broker_url": "redis://127.0.0.1:1/0"})
    with serving(build(alone)) as url:
        answer = httpx.post(f"{url}/v1/corpora?format=text", content=TEXT, timeout=30)
    assert answer.status_code == 202
    assert trainer.get(f"/v1/jobs/{answer.json()['job']}").json()["status"] == "queued"


def test_while_postgres_is_away_the_answer_is_503_and_then_all_goes_on(
    own_postgres: PostgresServer, redis_url: str, tmp_path: Path, serving: Serving
) -> None:
    settings = Settings(home=tmp_path / "home", database_url=own_postgres.url, broker_url=redis_url)
    with serving(build(settings)) as url, httpx.Client(base_url=url, timeout=60) as trainer:
        corpus = trainer.post("/v1/corpora?format=text&name=news", content=TEXT).json()
        with trainer.stream("GET", f"/v1/jobs/{corpus['job']}/events") as response:
            events = told(response.iter_lines())
            next(events)
            own_postgres.stop()
            for away in (trainer.get("/v1/jobs"), trainer.post("/v1/jobs", json=WORD2VEC), trainer.get("/readyz")):
                assert (away.status_code, away.headers["retry-after"]) == (503, "2")
                assert away.json()["type"] == "/problems/unavailable"
            before = stored(settings)
            assert trainer.post("/v1/corpora?format=text", content=TEXT).status_code == 503
            assert stored(settings) == before
            own_postgres.start()
            assert trainer.post(f"/v1/jobs/{corpus['job']}/cancel").status_code == 202
            assert next(events)[2]["status"] == "cancelled"
        assert [corpus["name"] for corpus in trainer.get("/v1/corpora").json()["items"]] == ["news"]
