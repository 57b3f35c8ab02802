"""The scorer as it is deployed, over a real PostgreSQL."""

import math
import time
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from hindcast.adapters.artifacts import FileArtifacts
from hindcast.adapters.database import PostgresDatabase
from hindcast.lm.bundle import Bundle, pack
from hindcast.lm.lstm import LstmSpecification
from hindcast.settings import Settings
from hindcast.text.vocabulary import Vocabulary
from hindcast_scorer.main import build

REFRESH_SECONDS = 2.1
NGRAMS = Path(__file__).parents[1] / "unit" / "scorer" / "ngram_files"


@pytest.fixture
def packed(tmp_path):
    """A small model as one file, with other than Latin letters in it."""
    vocabulary = Vocabulary.from_words(["the", "rain", "naïve", "雨"])
    specification = LstmSpecification(vocabulary_size=len(vocabulary), input_size=4, hidden_size=4)
    card = {"metrics": {"test_perplexity": 5.5}, "warnings": ["雨"]}
    folder = tmp_path / "bundle"
    folder.mkdir()
    Bundle(specification, specification.build(seed=1), vocabulary, "wikitext", "sentence", card).save(folder)
    pack(folder, tmp_path / "packed")
    return (tmp_path / "packed").read_bytes()


def scorer(home, url):
    return TestClient(build(Settings(home=home, database_url=url)))


def test_a_model_is_imported_asked_listed_and_deleted(postgres_url, hindcast_home, packed):
    http = scorer(hindcast_home, postgres_url)
    assert http.get("/readyz").status_code == 200
    card = http.post("/v1/models", params={"name": "klein 雨"}, content=packed).json()
    assert (card["name"], card["warnings"], card["metrics"]) == ("klein 雨", ["雨"], {"test_perplexity": 5.5})
    answer = http.post("/v1/models/klein 雨/rank", json={"context": "the naïve", "words": ["雨"]})
    assert answer.json()["ranks"][0]["in_vocabulary"]
    passage = {"texts": ["the naïve 雨"], "detail": "token", "top": 2}
    tokens = http.post("/v1/models/klein 雨/perplexity", json=passage).json()["texts"][0]["tokens"]
    assert [(token["token"], len(token["top"])) for token in tokens] == [
        ("the", 2),
        ("naïve", 2),
        ("雨", 2),
        ("</s>", 2),
    ]
    exported = http.get("/v1/models/klein 雨/bundle")
    assert exported.content == packed
    assert "filename*=utf-8''klein%20%E9%9B%A8.zip" in exported.headers["content-disposition"]
    assert [model["id"] for model in http.get("/v1/models").json()["items"]] == [card["id"]]
    taken = http.post("/v1/models", params={"name": "klein 雨"}, content=packed)
    assert (taken.status_code, card["id"] in taken.json()["detail"]) == (409, True)
    assert http.delete(f"/v1/models/{card['id']}").status_code == 204
    assert http.get("/v1/models/klein 雨").status_code == 404
    with PostgresDatabase(postgres_url).transaction() as transaction:
        (discarded,) = transaction.discards.list()
    assert FileArtifacts(f"file://{hindcast_home}/artifacts", hindcast_home / "cache").fetch(discarded).is_dir()


def test_what_is_loaded_is_served_while_postgres_is_away(own_postgres, hindcast_home, packed):
    http = scorer(hindcast_home, own_postgres.url)
    first, second = (http.post("/v1/models", content=packed).json()["id"] for _ in range(2))
    asked = {"context": "the", "words": ["rain"]}
    before = http.post(f"/v1/models/{first}/rank", json=asked).json()
    own_postgres.stop()
    time.sleep(REFRESH_SECONDS)  # until then nobody asks the database for what was just seen
    assert http.post(f"/v1/models/{first}/rank", json=asked).json() == before
    for answer in (http.get("/v1/models"), http.get("/readyz"), http.post(f"/v1/models/{second}/rank", json=asked)):
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert "retry-after" in answer.headers
    own_postgres.start()
    assert http.post(f"/v1/models/{second}/rank", json=asked).status_code == 200


def test_an_n_gram_model_is_stored_and_used_after_a_restart(postgres_url, hindcast_home, packed):
    pytest.importorskip("kenlm", reason="needs kenlm: make kenlm")
    http = scorer(hindcast_home, postgres_url)
    http.post("/v1/models", params={"name": "m"}, content=packed)
    content = (NGRAMS / "little.trie.klm").read_bytes()
    card = http.post("/v1/ngrams", params={"name": "klein 雨"}, content=content).json()
    taken = http.post("/v1/ngrams", params={"name": "klein 雨"}, content=content)
    assert (taken.status_code, card["id"] in taken.json()["detail"]) == (409, True)

    http = scorer(hindcast_home, postgres_url)
    assert http.get("/v1/ngrams", params={"name": "klein 雨"}).json()["items"] == [card]
    lists = [{"utterance": "1", "hypotheses": [{"text": "the rain"}]}]
    options = {"interpolation": {"ngram": "klein 雨", "mode": "log_linear"}}
    told = http.post("/v1/models/m/rescore", json={"lists": lists, "options": options}).json()["lists"][0]
    assert told["hypotheses"][0]["ngram_logprob"] == pytest.approx((-0.9 - 0.45 - 1.15) * math.log(10), abs=1e-5)
    assert http.delete(f"/v1/ngrams/{card['id']}").status_code == 204
    assert http.get("/v1/ngrams/klein 雨").status_code == 404
