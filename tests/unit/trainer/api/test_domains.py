from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hindcast.jobs.job import Job

FACTS = {
    "corpus": {"corpora": ["cor_1"], "split": "train", "limit_tokens": None},
    "unit": "paragraph",
    "k": 1,
    "clusters": [{"id": 0, "label": "storm rain", "top_terms": ["storm", "rain"], "paragraphs": 3, "confidence": 0.4}],
    "rounds": [{"kept": 2, "moved": 1, "silhouette": 0.1}],
    "unclassified": 0,
    "agreement": None,
}


@pytest.fixture
def job(client: TestClient, corpus: Mapping[str, Any], run: Callable[..., Job]) -> str:
    run(corpus["job"])
    answer = client.post("/v1/jobs", json={"kind": "domains", "name": "topics", "corpus": "news", "k": 3})
    return str(answer.json()["id"])


def test_domains_tell_their_clusters_once_they_are_found(client: TestClient, job: str, run: Callable[..., Job]) -> None:
    early = client.get("/v1/domains/topics")
    assert early.status_code == 404
    assert job in early.json()["detail"]
    run(job, facts=FACTS)
    found = client.get("/v1/domains/topics").json()
    assert found.items() >= {**FACTS, "name": "topics", "job": job}.items()
    [listed] = client.get("/v1/domains").json()["items"]
    assert listed.items() <= found.items()


def test_domains_in_use_stay(client: TestClient, job: str, run: Callable[..., Job]) -> None:
    run(job, facts=FACTS)
    body = {"kind": "bilstm_domain", "corpus": "news", "domains": "topics"}
    user = client.post("/v1/jobs", json=body).json()["id"]
    assert client.delete("/v1/domains/topics").status_code == 409
    client.post(f"/v1/jobs/{user}/cancel")
    assert client.delete("/v1/domains/topics").status_code == 204
    assert client.get("/v1/domains").json()["items"] == []
