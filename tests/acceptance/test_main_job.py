"""The paper's question from POST to rank, over a real server."""

import math
from typing import Any

import numpy as np
import pytest
from acceptance.live import Hindcast
from gensim.models import KeyedVectors

TABLES = {
    "word2vec": {"kind": "word2vec", "epochs": 2, "size": 32},
    "bilstm_lm": {"kind": "bilstm_lm", "epochs": 1, "size": 32, "input_size": 16},
    "bilstm_domain": {"kind": "bilstm_domain", "epochs": 1, "size": 32, "input_size": 16, "domains": "topics"},
}
VOCABULARY = {"size": 1500}


@pytest.fixture(scope="module")
def train(corpus: str) -> dict[str, Any]:
    return {"corpus": corpus, "split": "train"}


@pytest.fixture(scope="module")
def domains(hindcast: Hindcast, train: dict[str, Any]) -> Any:
    return hindcast.post("/v1/jobs", {"kind": "domains", "name": "topics", "corpus": train, "k": 4, "rounds": 2})


@pytest.fixture(scope="module")
def experiment(hindcast: Hindcast, corpus: str, train: dict[str, Any], domains: Any) -> Any:
    """One row for each of the paper's ways, all posted before anything has run."""
    rows = [{"label": "baseline", "pretrain": None, "input": {"type": "learned", "size": 32}}]
    rows += [
        {
            "label": label,
            "pretrain": spec | {"corpus": train, "vocabulary": VOCABULARY},
            "input": {"normalization": "unit"},
        }
        for label, spec in TABLES.items()
    ]
    posted = hindcast.post(
        "/v1/experiments",
        {
            "name": "ways",
            "lm": {
                "train": train | {"limit_tokens": 8000},
                "valid": {"corpus": corpus, "split": "valid"},
                "test": {"corpus": corpus, "split": "test"},
                "vocabulary": VOCABULARY,
                "hidden_size": 32,
                "optimizer": {"epochs": 1, "batch_size": 8},
            },
            "rows": rows,
            "seeds": [1],
            "probes": [{"context": "Algeria is a country in", "target": "the"}],
        },
    )
    for row in posted["rows"]:
        for job in row["jobs"]:
            hindcast.ended(job)
    return hindcast.get(f"/v1/experiments/{posted['id']}")


def test_every_way_of_pre_training_ends_in_a_perplexity_and_a_rank(experiment: Any) -> None:
    assert experiment["status"] == "succeeded"
    assert [row["label"] for row in experiment["rows"]] == ["baseline", *TABLES]
    for row in experiment["rows"]:
        assert row["status"] == "succeeded", row
        assert 1 < row["perplexity"]["mean"] < 1500
        assert row["probes"][0]["rank"] >= 1
        low, high = row["perplexity"]["ci95"]
        assert low < row["perplexity"]["mean"] < high
    for row in experiment["rows"][1:]:
        change = row["relative_to_baseline"]
        assert change["ci95"][0] <= change["change"] <= change["ci95"][1]
        assert 0 < change["p_value"] <= 1


def test_the_table_is_also_markdown_and_csv(hindcast: Hindcast, experiment: Any) -> None:
    markdown = hindcast.http.get("/v1/experiments/ways", params={"format": "markdown"}).text
    assert all(f"| {row['label']} |" in markdown for row in experiment["rows"])
    assert hindcast.http.get("/v1/experiments/ways", params={"format": "csv"}).text.count("\n") >= 5


def test_an_equal_experiment_trains_nothing_again(hindcast: Hindcast, experiment: Any) -> None:
    jobs_before = len(hindcast.get("/v1/jobs", limit=1000)["items"])
    request = {key: experiment["spec"][key] for key in ("lm", "seeds", "probes")}
    rows = [{"label": "again", "pretrain": None, "input": {"type": "learned", "size": 32}}]
    again = hindcast.post("/v1/experiments", {"name": "ways-again", "rows": rows, **request})
    assert again["rows"][0]["jobs"] == experiment["rows"][0]["jobs"]
    assert len(hindcast.get("/v1/jobs", limit=1000)["items"]) == jobs_before


def test_the_models_own_perplexity_is_the_scorers(hindcast: Hindcast, experiment: Any, corpus: str) -> None:
    for row in experiment["rows"]:
        model = row["models"][0]
        card = hindcast.get(f"/v1/models/{model}")
        scored = hindcast.post(f"/v1/models/{model}/perplexity", {"corpus": {"corpus": corpus, "split": "test"}})
        assert scored["perplexity"] == pytest.approx(card["metrics"]["test_perplexity"], rel=1e-4)
        assert scored["log_base"] == "e"


def test_raw_text_is_scored_as_the_pipeline_trains_it(hindcast: Hindcast, experiment: Any) -> None:
    model = experiment["rows"][0]["models"][0]
    answer = hindcast.post(
        f"/v1/models/{model}/perplexity", {"texts": ["Algeria, in the north, is big. It's old."], "detail": "token"}
    )
    tokens = [token["token"] for token in answer["texts"][0]["tokens"]]
    assert " ".join(tokens) == "Algeria , in the north , is big . </s> It 's old . </s>"
    assert answer["perplexity"] == pytest.approx(math.exp(-answer["logprob"] / len(tokens)))


def test_one_word_is_ranked_by_several_models(hindcast: Hindcast, experiment: Any) -> None:
    models = [row["models"][0] for row in experiment["rows"]]
    answer = hindcast.post("/v1/rank", {"models": models, "context": "Algeria is a", "words": ["were"]})
    for model, ranked in zip(models, answer["models"], strict=True):
        whole = hindcast.post(f"/v1/models/{model}/next", {"context": "Algeria is a", "k": ranked["vocabulary_size"]})
        by_word = {prediction["word"]: prediction for prediction in whole["predictions"]}
        assert ranked["ranks"][0]["rank"] == by_word["were"]["rank"]
        assert sum(p["probability"] for p in whole["predictions"]) == pytest.approx(1, abs=1e-6)


def test_a_trained_table_loads_in_gensim_with_the_same_vectors(hindcast: Hindcast, experiment: Any, tmp_path) -> None:
    table = hindcast.ended(experiment["rows"][1]["jobs"][0])["result"]["id"]
    path = tmp_path / "table.txt"
    path.write_bytes(hindcast.http.get(f"/v1/tables/{table}/export", params={"format": "word2vec-text"}).content)
    loaded = KeyedVectors.load_word2vec_format(str(path), binary=False)
    words = loaded.index_to_key[:50]
    vectors = hindcast.post(f"/v1/tables/{table}/vectors", {"words": words})["vectors"]
    np.testing.assert_array_equal(np.array(vectors, dtype=np.float32), loaded[words])


def test_domains_are_named_by_their_terms(hindcast: Hindcast, domains: Any) -> None:
    found = hindcast.get(f"/v1/domains/{hindcast.result(domains)}")
    assert found["k"] == len(found["clusters"]) == 4
    assert all(cluster["top_terms"] and cluster["label"] for cluster in found["clusters"])
    assert all({"kept", "moved", "silhouette"} <= set(each) for each in found["rounds"])
    for cluster in found["clusters"]:
        surest = hindcast.get(f"/v1/domains/{found['id']}/clusters/{cluster['id']}/examples", limit=2)["items"]
        assert len(surest) == min(2, cluster["paragraphs"])
        assert all(example["text"] and example["confidence"] >= cluster["confidence"] for example in surest[:1])


def test_the_origin_describes_all_three_services(hindcast: Hindcast) -> None:
    paths = hindcast.get("/openapi.json")["paths"]
    assert {"/v1/jobs", "/v1/tables", "/v1/models", "/v1/rank", "/v1/experiments"} <= set(paths)
    for service in ("trainer", "embedder", "scorer"):
        assert hindcast.get(f"/{service}/readyz")
