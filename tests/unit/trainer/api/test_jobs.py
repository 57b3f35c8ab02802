from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hindcast.jobs import service
from hindcast.jobs.job import Job, JobProgress
from hindcast.testing import MemoryDatabase, MemoryQueue

WORD2VEC = {"kind": "word2vec", "corpus": "news"}
PROBLEM = {"type": "/problems/invalid-input", "title": "No", "status": 422, "detail": "too small"}


@pytest.fixture
def job(client: TestClient, corpus: Mapping[str, Any]) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = client.post("/v1/jobs", json={**WORD2VEC, "name": "vectors"}).json()
    return answer


def wrong_field(client: TestClient, body: Mapping[str, Any]) -> str:
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["errors"][0]["field"])


def test_a_job_is_taken_and_its_worker_is_rung_for(
    client: TestClient, corpus: Mapping[str, Any], queue: MemoryQueue
) -> None:
    answer = client.post("/v1/jobs", json=WORD2VEC)
    job = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/jobs/{job['id']}")
    assert queue.rung == [corpus["job"], job["id"]]
    assert client.get(answer.headers["location"]).json() == job


def test_a_job_tells_what_it_needs_and_how_far_it_is(job: Mapping[str, Any], corpus: Mapping[str, Any]) -> None:
    assert (job["kind"], job["name"], job["status"]) == ("word2vec", "vectors", "queued")
    assert (job["needs"], job["uses"]) == ([corpus["job"]], [corpus["id"]])
    assert job["spec"]["corpus"]["corpora"] == [corpus["id"]]
    assert job["progress"]["fraction"] == 0
    assert (job["result"], job["error"], job["attempt"]) == (None, None, 0)
    assert job["created_at"].endswith("Z")


def test_its_own_specification_can_be_posted_again(client: TestClient, job: Mapping[str, Any]) -> None:
    again = client.post("/v1/jobs", json=job["spec"]).json()
    assert again["spec"] == job["spec"]
    assert again["name"] is None


def test_the_result_is_told_once_it_is_there(
    client: TestClient, corpus: Mapping[str, Any], job: Mapping[str, Any], run: Callable[..., Job]
) -> None:
    run(corpus["job"])
    run(job["id"], metrics={"loss": 0.5})
    answer = client.get("/v1/jobs/vectors").json()
    assert answer["result"]["type"] == "table"
    assert answer["result"]["id"].startswith("tab_")
    assert answer["metrics"] == {"loss": 0.5}
    assert answer["finished_at"] is not None


def test_a_failed_job_has_a_problem_and_can_be_retried(
    client: TestClient, corpus: Mapping[str, Any], job: Mapping[str, Any], run: Callable[..., Job], queue: MemoryQueue
) -> None:
    run(corpus["job"])
    run(job["id"], problem=PROBLEM)
    failed = client.get("/v1/jobs/vectors").json()
    assert failed["error"].items() >= PROBLEM.items()
    assert failed["result"] is None
    retried = client.post("/v1/jobs/vectors/retry")
    assert (retried.status_code, retried.json()["status"]) == (202, "queued")
    assert queue.rung[-1] == job["id"]


@pytest.mark.parametrize(("end", "eta"), [("finish", 0.0), ("fail", None), ("release", None)])
def test_what_was_going_on_is_told_only_while_it_goes_on(
    client: TestClient,
    corpus: Mapping[str, Any],
    job: Mapping[str, Any],
    run: Callable[..., Job],
    database: MemoryDatabase,
    end: str,
    eta: float | None,
) -> None:
    run(corpus["job"])
    with database.transaction() as transaction:
        service.claim(transaction, job["id"], lease_seconds=60)
        progress = JobProgress(0.5, 5, 10, "epochs", 3.0, "looking for documents")
        service.report(transaction, job["id"], 1, progress=progress)
    running = client.get("/v1/jobs/vectors").json()["progress"]
    assert (running["message"], running["eta_seconds"]) == ("looking for documents", 3.0)
    with database.transaction() as transaction:
        if end == "finish":
            service.finish(transaction, job["id"], 1, made=service.Made("tables/1", 1))
        elif end == "fail":
            service.fail(transaction, job["id"], 1, PROBLEM)
        else:
            service.release(transaction, job["id"], 1)
    ended = client.get("/v1/jobs/vectors").json()["progress"]
    assert (ended["message"], ended["eta_seconds"], ended["unit"]) == ("", eta, "epochs")


def test_a_corpus_that_failed_is_named_with_the_reason(
    client: TestClient, corpus: Mapping[str, Any], run: Callable[..., Job]
) -> None:
    run(corpus["job"], problem={**PROBLEM, "detail": "the text has no words"})
    [error] = client.post("/v1/jobs", json=WORD2VEC).json()["errors"]
    assert error["field"] == "corpus"
    assert error["message"] == f"the corpus news failed (job {corpus['job']}): the text has no words"


def test_a_queued_job_is_cancelled_and_deleted(client: TestClient, job: Mapping[str, Any]) -> None:
    assert client.delete("/v1/jobs/vectors").status_code == 409
    assert client.post("/v1/jobs/vectors/cancel").json()["status"] == "cancelled"
    assert client.post("/v1/jobs/vectors/cancel").status_code == 409
    assert client.delete("/v1/jobs/vectors").status_code == 204
    assert client.get("/v1/jobs/vectors").status_code == 404


@pytest.mark.parametrize("path", ["", "/cancel", "/retry", "/events"])
def test_an_unknown_job_is_a_404(refusing: TestClient, path: str) -> None:
    answer = refusing.request("POST" if path in ("/cancel", "/retry") else "GET", f"/v1/jobs/job_0{path}")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/not-found")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "glove"}, "kind"),
        ({"kind": "ingest"}, "kind"),
        ({"kind": "probe"}, "kind"),
        ({"size": 0}, "size"),
        ({"size": 10**9}, "size"),
        ({"size": "many"}, "size"),
        ({"wings": 2}, "wings"),
        ({"corpus": "nowhere"}, "corpus"),
        ({"corpus": {"corpus": "nowhere"}}, "corpus.corpus"),
        ({"corpus": {"corpora": ["news", "nowhere"]}}, "corpus.corpora.1"),
        ({"vocabulary": {"size": 10, "min_count": 2}}, "vocabulary"),
        ({"name": "a/b"}, "name"),
        ({"kind": "domains", "k": 5, "initial_clusters": 3}, "initial_clusters"),
    ],
)
def test_what_is_wrong_is_named_as_it_was_written(refusing: TestClient, change: Mapping[str, Any], field: str) -> None:
    assert wrong_field(refusing, {**WORD2VEC, **change}) == field
    assert [job["kind"] for job in refusing.get("/v1/jobs").json()["items"]] == ["ingest"]


def test_a_specification_needs_a_kind_and_its_fields(refusing: TestClient) -> None:
    assert wrong_field(refusing, {"corpus": "news"}) == "kind"
    assert wrong_field(refusing, {"kind": "word2vec"}) == "corpus"


LM = {"kind": "language_model"}


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({**LM, "train": {"corpus": "news", "split": "test"}}, "train.split", "the corpus news has train, valid"),
        ({**LM, "train": "news", "test": {"corpus": "more", "split": "valid"}}, "test.split", "more has train"),
        (
            {"kind": "word2vec", "corpus": {"corpora": ["news", "more", "later"], "split": "valid"}},
            "corpus.split",
            "the corpus more has train",
        ),
        (
            {"kind": "domains", "k": 2, "corpus": {"corpora": ["news", "calls"]}},
            "corpus.corpora",
            "must share one pipeline, but have plain, asr",
        ),
        ({**LM, "train": "news", "valid": "more", "test": "calls"}, "test", "has the pipeline asr"),
        ({**LM, "train": "later", "valid": "more", "test": "calls"}, "test", "but the valid text has plain"),
    ],
)
def test_a_text_that_is_no_good_is_told_at_once(
    readable: TestClient, body: Mapping[str, Any], field: str, message: str
) -> None:
    [error] = readable.post("/v1/jobs", json=body).json()["errors"]
    assert error["field"] == field
    assert message in error["message"]


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({}, "lm.test.split"),
        ({"lm": {"test": {"corpus": "more", "split": "valid"}}}, "rows.0.lm.test.split"),
        ({"lm": {"test": "calls"}}, "rows.0.lm.test"),
        (
            {
                "lm": {"test": "more"},
                "pretrain": {"kind": "word2vec", "corpus": {"corpus": "more", "split": "odd"}},
            },
            "rows.0.pretrain.corpus.split",
        ),
    ],
)
def test_an_experiment_is_told_too(readable: TestClient, row: Mapping[str, Any], field: str) -> None:
    lm = {"train": "news", "test": {"corpus": "news", "split": "test"}}
    answer = readable.post("/v1/experiments", json={"lm": lm, "rows": [{"label": "a", **row}]})
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert readable.get("/v1/experiments").json()["items"] == []


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("word2vec", {"size": "64"}, "size"),
        ("word2vec", {"size": 64.5}, "size"),
        ("word2vec", {"epochs": True}, "epochs"),
        ("word2vec", {"skip_gram": "true"}, "skip_gram"),
        ("word2vec", {"skip_gram": 1}, "skip_gram"),
        ("word2vec", {"name": 7}, "name"),
        ("word2vec", {"corpus": {"corpus": "news", "limit_tokens": "9"}}, "corpus.limit_tokens"),
        ("word2vec", {"corpus": {"corpora": [1]}}, "corpus.corpora.0"),
        ("word2vec", {"vocabulary": {"size": "100"}}, "vocabulary.size"),
        ("word2vec", {"vocabulary": {"words": "storm"}}, "vocabulary.words"),
        ("word2vec", {"vocabulary": {"words": [1]}}, "vocabulary.words.0"),
        ("domains", {"k": "3"}, "k"),
        ("domains", {"k": 3, "confidence": "0.5"}, "confidence"),
        ("bilstm_lm", {"optimizer": {"learning_rate": "0.1"}}, "optimizer.learning_rate"),
        ("bilstm_lm", {"optimizer": {"batch_size": True}}, "optimizer.batch_size"),
        ("language_model", {"hidden_size": "64"}, "hidden_size"),
        ("language_model", {"dropout": False}, "dropout"),
        ("language_model", {"input": {"type": "learned", "size": "64"}}, "input.size"),
        ("language_model", {"input": {"type": "table", "table": "t", "trainable": "yes"}}, "input.trainable"),
        ("language_model", {"optimizer": {"epochs": "2"}}, "optimizer.epochs"),
        ("language_model", {"valid": {"corpus": "news", "limit_tokens": True}}, "valid.limit_tokens"),
    ],
)
def test_json_types_are_what_they_are(refusing: TestClient, kind: str, change: Mapping[str, Any], field: str) -> None:
    text = {"train": "news"} if kind == "language_model" else {"corpus": "news"}
    answer = refusing.post("/v1/jobs", json={"kind": kind, **text, **change})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_whole_numbers_are_numbers_and_lists_are_lists(client: TestClient, corpus: Mapping[str, Any]) -> None:
    body = {
        "kind": "language_model",
        "train": {"corpora": ["news"]},
        "vocabulary": {"words": ["A", "storm"]},
        "dropout": 0,
        "optimizer": {"learning_rate": 1, "clip_norm": 5},
    }
    answer = client.post("/v1/jobs", json=body)
    assert answer.status_code == 202
    assert client.post("/v1/jobs", json=answer.json()["spec"]).json()["spec"] == answer.json()["spec"]


def test_a_table_must_be_a_table(refusing: TestClient) -> None:
    news = refusing.get("/v1/corpora/news").json()["id"]
    body = {"kind": "language_model", "train": "news", "input": {"type": "table", "table": news}}
    assert wrong_field(refusing, body) == "input.table"


def test_a_second_name_is_a_409_that_names_the_first(client: TestClient, job: Mapping[str, Any]) -> None:
    answer = client.post("/v1/jobs", json={**WORD2VEC, "name": "vectors"})
    assert answer.status_code == 409
    assert job["id"] in answer.json()["detail"]


def test_lists_are_filtered_and_paged(client: TestClient, job: Mapping[str, Any], corpus: Mapping[str, Any]) -> None:
    client.post("/v1/jobs", json=WORD2VEC)
    assert len(client.get("/v1/jobs?kind=word2vec&status=queued").json()["items"]) == 2
    assert [item["id"] for item in client.get("/v1/jobs?kind=ingest").json()["items"]] == [corpus["job"]]
    assert [item["id"] for item in client.get("/v1/jobs?name=vectors").json()["items"]] == [job["id"]]
    assert [item["id"] for item in client.get("/v1/jobs?search=VECT").json()["items"]] == [job["id"]]
    assert client.get("/v1/jobs?in_experiment=true").json()["items"] == []
    first = client.get("/v1/jobs?limit=2").json()
    rest = client.get(f"/v1/jobs?limit=2&cursor={first['next_cursor']}").json()
    assert [item["kind"] for item in first["items"] + rest["items"]] == ["word2vec", "word2vec", "ingest"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("query", ["kind=glove", "status=odd", "limit=0", "cursor=odd", "search=", "colour=red"])
def test_a_wrong_filter_is_named(refusing: TestClient, query: str) -> None:
    answer = refusing.get(f"/v1/jobs?{query}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == query.partition("=")[0]


def test_numbers_are_finite(refusing: TestClient) -> None:
    json_type = {"Content-Type": "application/json"}
    for number in ("Infinity", "1e999", "NaN"):
        body = f'{{"kind": "language_model", "train": "news", "optimizer": {{"clip_norm": {number}}}}}'
        [error] = refusing.post("/v1/jobs", content=body, headers=json_type).json()["errors"]
        assert error == {"field": "optimizer.clip_norm", "message": "must be a finite number"}


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("jobs", {"kind": "word2vec"},
         'corpus: is required: the text to learn from, such as "news" or {"corpus": "news", "split": "train"}'),
        ("jobs", {"kind": "domains", "corpus": "news"}, "k: is required: an integer from 2 to 1000 (how many domains)"),
        ("jobs", {**WORD2VEC, "corpus": 7},
         'corpus: must be something like "news" or {"corpus": "news", "split": "train"}'),
        ("jobs", {**WORD2VEC, "name": ""}, "name: must have 1 to 200 characters"),
        ("jobs", {**WORD2VEC, "vocabulary": {"words": ["a b"]}},
         "vocabulary.words.0: must be one word, without blanks"),
        ("experiments", {"lm": {"layers": 9}, "rows": [{"label": "a"}]},
         'lm.train: is required: the text to learn, such as "news" or {"corpus": "news", "split": "train"}; '
         "lm.layers: must be an integer from 1 to 8"),
        ("experiments", {"lm": {}, "rows": [{"label": "a"}], "prepare": [{"name": "a b", "job": WORD2VEC}]},
         "prepare.0.name: must have no @ and no blanks"),
        ("corpora", {},
         "format: is required: one of text, jsonl (text: a paragraph a line, a blank line ends a document)"),
    ],
)  # fmt: skip
def test_what_would_be_right_is_said(refusing: TestClient, path: str, body: Mapping[str, Any], message: str) -> None:
    assert refusing.post(f"/v1/{path}", json=body).json()["detail"] == message
