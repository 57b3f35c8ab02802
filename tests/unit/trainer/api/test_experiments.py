from collections.abc import Mapping
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hindcast.testing import MemoryQueue

WORD2VEC = {"kind": "word2vec", "corpus": "news"}
REQUEST = {
    "name": "ways",
    "lm": {"train": "news", "test": "news"},
    "rows": [{"label": "none"}, {"label": "word2vec", "pretrain": WORD2VEC}],
    "probes": [{"context": "A", "target": "storm"}],
}


@pytest.fixture
def experiment(client: TestClient, corpus: Mapping[str, Any]) -> Mapping[str, Any]:
    answer = client.post("/v1/experiments", json=REQUEST)
    assert (answer.status_code, answer.headers["location"]) == (202, f"/v1/experiments/{answer.json()['id']}")
    found: Mapping[str, Any] = answer.json()
    return found


def test_an_experiment_is_queued_as_jobs(client: TestClient, experiment: Mapping[str, Any], queue: MemoryQueue) -> None:
    assert (experiment["status"], experiment["progress"]["total"]) == ("queued", 8)
    assert [len(row["jobs"]) for row in experiment["rows"]] == [3, 5]
    assert set(queue.rung) >= {job for row in experiment["rows"] for job in row["jobs"]}
    assert client.get("/v1/experiments/ways").json() == experiment
    [listed] = client.get("/v1/experiments").json()["items"]
    assert listed.items() <= experiment.items()


def test_its_jobs_are_called_by_row_and_seed(client: TestClient, experiment: Mapping[str, Any]) -> None:
    jobs = {job["id"]: job for job in client.get("/v1/jobs?limit=100").json()["items"]}
    told = [
        [(jobs[id]["kind"], jobs[id]["name"], jobs[id]["label"]) for id in row["jobs"]] for row in experiment["rows"]
    ]
    assert told[0] == [
        ("language_model", None, "ways: none, seed 1"),
        ("probe", None, "ways: none, seed 1"),
        ("comparison", None, "ways: none"),
    ]
    assert told[1][0] == ("word2vec", None, "ways: word2vec")
    assert told[1][-2:] == [
        ("comparison", None, "ways: word2vec"),
        ("comparison", None, "ways: word2vec beside none"),
    ]


def test_what_was_posted_can_be_posted_again_and_runs_nothing_new(
    client: TestClient, experiment: Mapping[str, Any]
) -> None:
    again = client.post("/v1/experiments", json={**experiment["spec"], "name": "again"}).json()
    assert [row["jobs"] for row in again["rows"]] == [row["jobs"] for row in experiment["rows"]]


def test_the_table_comes_in_three_forms(client: TestClient, experiment: Mapping[str, Any]) -> None:
    markdown = client.get("/v1/experiments/ways?format=markdown")
    assert markdown.headers["content-type"] == "text/markdown; charset=utf-8"
    assert "| word2vec | news | sentence | word2vec | queued |" in markdown.text
    table = client.get("/v1/experiments/ways?format=csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    assert len(table.text.splitlines()) == 3
    assert client.get("/v1/experiments/ways?format=xml").json()["errors"][0]["field"] == "format"


def test_the_test_text_can_choose_the_words(client: TestClient, corpus: Mapping[str, Any]) -> None:
    answer = client.post("/v1/experiments", json={**REQUEST, "probes": {"auto": 20}})
    assert answer.status_code == 202
    assert answer.json()["probes"] == {"auto": 20}
    row = answer.json()["rows"][0]
    assert (row["probes"], row["ranks"]) == ([], None)
    asked = client.get(f"/v1/jobs/{row['jobs'][1]}").json()
    assert (asked["kind"], asked["spec"]["probes"]) == ("topical_probe", {"auto": 20})
    assert "Median rank" in client.get("/v1/experiments/ways?format=markdown").text
    assert "document median" in client.get("/v1/experiments/ways?format=csv").text


def test_experiments_are_found_by_their_name(client: TestClient, experiment: Mapping[str, Any]) -> None:
    assert [each["id"] for each in client.get("/v1/experiments?name=ways").json()["items"]] == [experiment["id"]]
    assert client.get("/v1/experiments?name=others").json()["items"] == []


def test_the_jobs_of_experiments_are_listed_apart(client: TestClient, experiment: Mapping[str, Any]) -> None:
    made = {job for row in experiment["rows"] for job in row["jobs"]}
    listed = client.get("/v1/jobs?in_experiment=true&limit=100").json()["items"]
    assert {each["id"] for each in listed} == made
    others = client.get("/v1/jobs?in_experiment=false").json()["items"]
    assert others
    assert not made.intersection(each["id"] for each in others)


def test_experiments_are_listed_by_status_page_by_page(client: TestClient, experiment: Mapping[str, Any]) -> None:
    ids = [
        client.post("/v1/experiments", json={**REQUEST, "name": f"{number}", "seeds": [number]}).json()["id"]
        for number in range(2, 6)
    ]
    for number in (2, 4):
        client.post(f"/v1/experiments/{number}/cancel")
    page = client.get("/v1/experiments?status=queued&limit=2").json()
    assert [each["id"] for each in page["items"]] == [ids[3], ids[1]]
    rest = client.get(f"/v1/experiments?status=queued&limit=2&cursor={page['next_cursor']}").json()
    assert ([each["id"] for each in rest["items"]], rest["next_cursor"]) == ([experiment["id"]], None)
    cancelled = client.get("/v1/experiments?status=cancelled").json()["items"]
    assert [each["id"] for each in cancelled] == [ids[2], ids[0]]
    assert client.get("/v1/experiments?status=odd").json()["errors"][0]["field"] == "status"


def test_an_experiment_is_cancelled_retried_and_deleted(client: TestClient, experiment: Mapping[str, Any]) -> None:
    assert client.delete("/v1/experiments/ways").status_code == 409
    assert client.post("/v1/experiments/ways/cancel").json()["status"] == "cancelled"
    assert client.post("/v1/experiments/ways/retry").json()["status"] == "queued"
    client.post("/v1/experiments/ways/cancel")
    assert client.delete("/v1/experiments/ways").status_code == 204
    assert client.get("/v1/experiments/ways").status_code == 404


def test_a_job_of_an_experiment_stays_until_that_is_deleted(client: TestClient, experiment: Mapping[str, Any]) -> None:
    client.post("/v1/experiments/ways/cancel")
    for job in (job for row in experiment["rows"] for job in row["jobs"]):
        refused = client.delete(f"/v1/jobs/{job}")
        assert (refused.status_code, refused.json()["type"]) == (409, "/problems/in-use")
        assert "ways" in refused.json()["detail"]
    client.delete("/v1/experiments/ways")
    assert client.delete(f"/v1/jobs/{job}").status_code == 204


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"rows": []}, "rows"),
        ({"rows": [{"label": "a", "pretrain": {"kind": "glove", "corpus": "news"}}]}, "rows.0.pretrain.kind"),
        ({"seeds": ["1"]}, "seeds.0"),
        ({"seeds": 1}, "seeds"),
        ({"name": 1}, "name"),
        ({"probes": [{"context": 1, "target": "storm"}]}, "probes.0.context"),
        ({"lm": {"train": "news", "layers": "1"}}, "lm.layers"),
        ({"rows": [{"label": 1}]}, "rows.0.label"),
        ({"rows": [{"label": "a\u0000b"}]}, "rows.0.label"),
        ({"rows": [{"label": "a", "pretrain": {**WORD2VEC, "size": "64"}}]}, "rows.0.pretrain.size"),
        ({"rows": [{"label": "a", "pretrain": {"kind": "domains", "corpus": "news"}}]}, "rows.0.pretrain.kind"),
        (
            {"rows": [{"label": "a", "pretrain": {"kind": "word2vec", "corpus": "news", "size": 0}}]},
            "rows.0.pretrain.size",
        ),
        ({"rows": [{"label": "a", "colour": 1}]}, "rows.0.colour"),
        ({"lm": {"train": "nowhere"}}, "lm.train"),
        ({"probes": {"auto": 0}}, "probes.auto"),
        ({"probes": {"auto": 3}, "lm": {"train": "news"}}, "probes.auto"),
        ({"probes": {"auto": 3, "wings": 2}}, "probes.wings"),
        ({"probes": [{"context": "A"}]}, "probes.0.target"),
        ({"probes": [{"context": "A", "target": "two words"}]}, "probes.0.target"),
        ({"seeds": [1, -1]}, "seeds.1"),
        ({"preset": "table-2"}, "preset"),
        ({"prepare": [{"name": "a", "job": {"kind": "wings"}}]}, "prepare.0.job.kind"),
        ({"prepare": [{"name": "@a", "job": {"kind": "domains", "corpus": "news", "k": 2}}]}, "prepare.0.name"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_queued(
    refusing: TestClient, change: Mapping[str, Any], field: str
) -> None:
    answer = refusing.post("/v1/experiments", json={**REQUEST, **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert [job["kind"] for job in refusing.get("/v1/jobs").json()["items"]] == ["ingest"]
    assert refusing.get("/v1/experiments").json()["items"] == []


PRESET = {"preset": "table-1", "corpora": {"lm": {"train": "news", "valid": "news", "test": "news"}}}


def test_the_papers_table_is_one_post(client: TestClient, corpus: Mapping[str, Any]) -> None:
    answer = client.post("/v1/experiments", json={**PRESET, "rows": ["baseline", "bilstm-lm"], "name": "paper"})
    assert answer.status_code == 202, answer.text
    assert [row["paper_perplexity"] for row in answer.json()["rows"]] == [189, 185]
    assert [each["name"] for each in answer.json()["prepared"]] == ["bilstm_lm"]
    again = client.post("/v1/experiments", json={**answer.json()["spec"], "name": "again"}).json()
    assert [row["jobs"] for row in again["rows"]] == [row["jobs"] for row in answer.json()["rows"]]
    assert "| queued |  |  | 189 |" in client.get("/v1/experiments/paper?format=markdown").text


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"corpora": {}}, "corpora.lm"),
        ({"colour": 1}, "colour"),
        ({"rows": [{"label": "none"}]}, "rows.0"),
        ({"pretrain": {"wings": {}}}, "pretrain.wings"),
        ({}, "corpora.domain_small"),
    ],
)
def test_what_is_wrong_in_a_preset_is_named(refusing: TestClient, change: Mapping[str, Any], field: str) -> None:
    answer = refusing.post("/v1/experiments", json={**PRESET, **change})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
