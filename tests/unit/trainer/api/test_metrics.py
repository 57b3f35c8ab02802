from collections.abc import Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hindcast.jobs import service
from hindcast.jobs.job import JobProgress
from hindcast.testing import MemoryDatabase


def test_a_job_tells_the_history_of_its_metrics(
    client: TestClient, database: MemoryDatabase, corpus: Mapping[str, Any]
) -> None:
    id = corpus["job"]
    with database.transaction() as transaction:
        service.claim(transaction, id, lease_seconds=60)
        for done, loss in enumerate((3.0, 2.0, 4.0)):
            progress = JobProgress(0.5, done, 3, "bytes", None, "")
            service.report(transaction, id, 1, progress=progress, metrics={"loss": loss, "nan": float("nan")})
        service.finish(transaction, id, 1, made=None, metrics={"loss": 1.5, "tokens": 4})
    loss, tokens = client.get(f"/v1/jobs/{id}/metrics").json()["series"]
    times, last = loss.pop("times"), tokens.pop("times")
    assert loss == {
        "name": "loss",
        "unit": "bytes",
        "points": [[0.0, 3.0], [1.0, 2.0], [2.0, 4.0], [None, 1.5]],
        "total": 4,
    }
    assert tokens == {"name": "tokens", "unit": "", "points": [[None, 4.0]], "total": 1}
    assert times == sorted(times)
    assert times[-1:] == last


def test_no_series_is_longer_than_was_asked_for(
    client: TestClient, database: MemoryDatabase, corpus: Mapping[str, Any]
) -> None:
    with database.transaction() as transaction:
        for done in range(700):
            data = {"metrics": {"loss": float(-(done % 50))}, "done": done, "unit": "tokens"}
            transaction.jobs.add_event(corpus["job"], "metric", data)
    for query, most in (("", 500), ("?points=10", 10)):
        [series] = client.get(f"/v1/jobs/{corpus['job']}/metrics{query}").json()["series"]
        assert series["total"] == 700
        assert len(series["times"]) == len(series["points"]) <= most
        assert [series["points"][0], series["points"][-1]] == [[0.0, 0.0], [699.0, -49.0]]


def test_a_job_without_metrics_has_no_series(client: TestClient, corpus: Mapping[str, Any]) -> None:
    assert client.get(f"/v1/jobs/{corpus['job']}/metrics").json() == {"series": []}


def test_a_job_is_found_by_its_name(client: TestClient, corpus: Mapping[str, Any]) -> None:
    client.post("/v1/jobs", json={"kind": "word2vec", "name": "vectors", "corpus": "news"})
    assert client.get("/v1/jobs/vectors/metrics").json() == {"series": []}


@pytest.mark.parametrize("query", ["points=3", "points=5001", "points=many", "limit=5"])
def test_what_it_cant_do_is_refused_by_name(client: TestClient, corpus: Mapping[str, Any], query: str) -> None:
    answer = client.get(f"/v1/jobs/{corpus['job']}/metrics?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.partition("=")[0])


def test_an_unknown_job_has_no_metrics(client: TestClient) -> None:
    assert client.get("/v1/jobs/job_0/metrics").status_code == 404
