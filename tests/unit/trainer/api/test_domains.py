from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from hindcast.jobs import service
from hindcast.jobs.job import Job
from hindcast.testing import temporary_artifacts
from hindcast.text.corpus_writer import CorpusWriter
from hindcast_trainer.assignment import DomainAssignment

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


@pytest.fixture
def of_news(client: TestClient, job: str, run: Callable[..., Job]) -> None:
    """The domains `topics`, found in the whole corpus `news`."""
    corpus = client.get("/v1/corpora/news").json()["id"]
    run(job, facts={**FACTS, "corpus": {"corpora": [corpus], "split": None, "limit_tokens": None}})


@pytest.mark.usefixtures("of_news")
def test_domains_in_use_stay(client: TestClient) -> None:
    body = {"kind": "bilstm_domain", "corpus": "news", "domains": "topics"}
    user = client.post("/v1/jobs", json=body).json()["id"]
    assert client.delete("/v1/domains/topics").status_code == 409
    client.post(f"/v1/jobs/{user}/cancel")
    assert client.delete("/v1/domains/topics").status_code == 204
    assert client.get("/v1/domains").json()["items"] == []


CLASSIFIER = {"kind": "bilstm_domain", "corpus": {"corpus": "news", "split": "train"}, "domains": "topics"}
SECOND_TASK = {"kind": "language_model", "train": {"corpus": "news", "limit_tokens": 9}}


@pytest.mark.usefixtures("of_news")
@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        (CLASSIFIER, "domains", "corpus"),
        ({**SECOND_TASK, "auxiliary": {"domains": "topics"}}, "auxiliary.domains", "train"),
    ],
)
def test_domains_of_another_text_are_refused_when_they_are_posted(
    client: TestClient, body: Mapping[str, Any], field: str, text: str
) -> None:
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["field"] == field
    assert f"in the same corpus reference as `{text}`: these were found in {{" in error["message"]
    assert client.post("/v1/jobs", json={**body, text: "news"}).status_code == 202


def test_domains_that_are_still_looked_for_are_refused_for_another_text_too(client: TestClient, job: str) -> None:
    for other in ("news", CLASSIFIER["corpus"]):
        answer = client.post("/v1/jobs", json={**CLASSIFIER, "corpus": other, "domains": job})
        assert answer.status_code == (202 if other == "news" else 422)


@pytest.mark.parametrize(("labels", "problem"), [({}, "none"), ({"storms": 3}, "only one"), ({"a": 1, "b": 2}, None)])
def test_gold_domains_need_labels(
    client: TestClient, corpus: Mapping[str, Any], run: Callable[..., Job], labels: dict[str, int], problem: str | None
) -> None:
    run(corpus["job"], facts={"pipeline": "plain", "domains": labels})
    answer = client.post("/v1/jobs", json={**CLASSIFIER, "domains": "gold"}).json()
    assert [error["field"] for error in answer.get("errors", [])] == ([] if problem is None else ["domains"])
    assert problem is None or problem in answer["detail"]


@pytest.fixture
def found(client: TestClient, job: str, run: Callable[..., Job], tmp_path: Path) -> str:
    """Two domains of seven paragraphs, found in two splits of the corpus `news`; its id. One paragraph is in none."""
    corpus: str = client.get("/v1/corpora/news").json()["id"]
    for name in ("corpus", "domains"):
        (tmp_path / name).mkdir()
    with CorpusWriter(tmp_path / "corpus", pipeline="plain") as writer:
        storms = [[["Storms", "came", "."]], [["Rain", "."], ["Hail", "."]]]
        writer.add_document(storms, split="train", labels=["weather"])
        writer.add_document([[["Boats", "sank", "."]], [["Nets", "."]]], split="train")
        writer.add_document([[["Wind"] * 501]], split="test", labels=["weather", "sea"])
        writer.add_document([[["Fog", "."]], [["."]]], split="test", labels=["sea"])
        writer.close()
    facts = {**FACTS, "corpus": {"corpora": [corpus], "split": None, "limit_tokens": None}, "k": 3}
    labels = np.array([0, 0, 1, 1, 0, 0, -1], dtype=np.int32)
    margins = np.array([0.25, 0.5, 0.125, 0.75, 0.5, 0.0625, 0], dtype=np.float32)
    DomainAssignment(labels, margins, facts).save(tmp_path / "domains")
    artifacts = temporary_artifacts(tmp_path)
    artifacts.put(tmp_path / "corpus", f"corpora/{corpus}/1")
    domains = run(job, facts=facts)
    artifacts.put(tmp_path / "domains", service.artifact_key(domains))
    return corpus


def test_a_cluster_shows_what_it_is_surest_of(client: TestClient, found: str) -> None:
    answer = client.get("/v1/domains/topics/clusters/0/examples").json()
    here = {"corpus": found, "split": "train", "document": 0, "gold": "weather"}
    assert (answer["unit"], answer["next_cursor"]) == ("paragraph", None)
    assert answer["items"] == [
        {"text": "Rain . Hail .", "words": 4, "confidence": 0.5, **here},
        {
            "text": " ".join(["Wind"] * 500) + " …",
            "words": 501,
            "confidence": 0.5,
            "corpus": found,
            "split": "test",
            "document": 0,
            "gold": None,
        },
        {"text": "Storms came .", "words": 3, "confidence": 0.25, **here},
        {
            "text": "Fog .",
            "words": 2,
            "confidence": 0.0625,
            "corpus": found,
            "split": "test",
            "document": 1,
            "gold": "sea",
        },
    ]


def test_examples_are_paged(client: TestClient, found: str) -> None:
    seen, cursor = [], "0"
    while cursor is not None:
        page = client.get(f"/v1/domains/topics/clusters/0/examples?limit=3&cursor={cursor}").json()
        seen.append([example["confidence"] for example in page["items"]])
        cursor = page["next_cursor"]
    assert seen == [[0.5, 0.5, 0.25], [0.0625]]
    assert client.get("/v1/domains/topics/clusters/1/examples?limit=2").json()["next_cursor"] is None


def test_an_empty_cluster_has_no_examples(client: TestClient, found: str) -> None:
    assert client.get("/v1/domains/topics/clusters/2/examples").json()["items"] == []


def test_a_cluster_that_isnt_there_is_not_found(client: TestClient, found: str) -> None:
    for path in ("topics/clusters/3", "topics/clusters/-1", "others/clusters/0"):
        assert client.get(f"/v1/domains/{path}/examples").status_code == 404
    assert "0 to 2" in client.get("/v1/domains/topics/clusters/3/examples").json()["detail"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=-1", "cursor=odd", "page=2"])
def test_a_wrong_query_names_the_parameter(client: TestClient, found: str, query: str) -> None:
    answer = client.get(f"/v1/domains/topics/clusters/0/examples?{query}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, query.partition("=")[0])


def test_domains_that_are_still_sought_have_no_examples(client: TestClient, job: str) -> None:
    answer = client.get("/v1/domains/topics/clusters/0/examples")
    assert (answer.status_code, job in answer.json()["detail"]) == (404, True)


def test_where_the_corpus_was_deleted_that_is_said(client: TestClient, found: str) -> None:
    assert client.delete("/v1/corpora/news").status_code == 204
    answer = client.get("/v1/domains/topics/clusters/0/examples")
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/gone")
    assert found in answer.json()["detail"]
    assert client.get("/v1/domains/topics").status_code == 200
