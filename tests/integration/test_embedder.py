"""The embedder as it is deployed: its own composition root, a real PostgreSQL, a real socket."""

import gzip
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import numpy as np
import pytest
from gensim.models import KeyedVectors

from hindcast.settings import Settings
from hindcast_embedder.main import build
from hindcast_standalone.postgres import PostgresServer

TEXT = b"3 2\nthe 0.5 1\nstorm 0.25 -1\nhurricane 0.1 -1\n"


@pytest.fixture
def embedder(
    own_postgres: PostgresServer, tmp_path: Path, serving: Callable[..., AbstractContextManager[str]]
) -> Iterator[httpx.Client]:
    settings = Settings(home=tmp_path / "home", database_url=own_postgres.url)
    with serving(build(settings)) as url, httpx.Client(base_url=url, timeout=30) as client:
        yield client


def upload(client: httpx.Client, name: str) -> str:
    response = client.post(f"/v1/tables?format=word2vec-text&name={name}", content=TEXT)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def test_a_table_comes_and_goes(embedder: httpx.Client, tmp_path: Path) -> None:
    assert embedder.get("/readyz").json() == {"status": "ready"}
    id = upload(embedder, "news")
    assert [item["id"] for item in embedder.get("/v1/tables").json()["items"]] == [id]
    (tmp_path / "exported").write_bytes(embedder.get("/v1/tables/news/export?format=word2vec-text").content)
    loaded = KeyedVectors.load_word2vec_format(str(tmp_path / "exported"))
    np.testing.assert_array_equal(loaded["storm"], np.array([0.25, -1], dtype=np.float32))
    assert embedder.delete("/v1/tables/news").status_code == 204
    assert embedder.get(f"/v1/tables/{id}").status_code == 404


def test_directions_of_words_are_asked_about(embedder: httpx.Client) -> None:
    upload(embedder, "news")
    asked = "/v1/tables/news"
    [nearest] = embedder.post(f"{asked}/analogy", json={"positive": ["storm"], "negative": ["the"]}).json()["neighbors"]
    assert nearest["word"] == "hurricane"
    pairs = [["storm", "hurricane"], ["storm", "gale"]]
    similar, unknown = embedder.post(f"{asked}/similarity", json={"pairs": pairs}).json()["similarities"]
    assert similar["similarity"] > 0.98
    assert unknown == {"words": ["storm", "gale"], "similarity": None, "missing": ["gale"]}
    drawn = embedder.get(f"{asked}/projection").json()
    assert [point["word"] for point in drawn["points"]] == ["the", "storm", "hurricane"]
    judged = embedder.post(f"{asked}/evaluate", json={"dataset": "wordsim353"}).json()
    assert (judged["pairs"], judged["found"], judged["spearman"]) == (353, 0, None)
    wrong = embedder.get(f"{asked}/projection?word=the")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "word")


def test_a_large_upload_that_is_wrong_is_answered_with_its_line(embedder: httpx.Client) -> None:
    row = b"0.125 " * 300
    lines = [b"word%d " % number + row + b"\n" for number in range(20_000)]
    lines[9] = b"word9 0.125\n"
    content = b"20000 300\n" + b"".join(lines)
    plain = embedder.post("/v1/tables?format=word2vec-text&name=n", content=iter([content]))
    packed = embedder.post(
        "/v1/tables?format=word2vec-text&name=n", content=gzip.compress(content), headers={"Content-Encoding": "gzip"}
    )
    for response in (plain, packed):
        assert (response.status_code, response.json()["errors"][0]["field"]) == (422, "line 11")
    assert embedder.get("/v1/tables").json()["items"] == []


def test_what_is_loaded_outlasts_postgres(embedder: httpx.Client, own_postgres: PostgresServer) -> None:
    upload(embedder, "news")
    before = embedder.post("/v1/tables/news/neighbors", json={"word": "storm"}).json()
    own_postgres.stop()
    assert embedder.post("/v1/tables/news/neighbors", json={"word": "storm"}).json() == before
    listed = embedder.get("/v1/tables")
    assert (listed.status_code, listed.headers["retry-after"]) == (503, "2")
    assert listed.headers["content-type"] == "application/problem+json"
    assert embedder.get("/readyz").status_code == 503
    assert embedder.get("/healthz").status_code == 200
    own_postgres.start()
    assert len(embedder.get("/v1/tables").json()["items"]) == 1
    assert embedder.get("/readyz").status_code == 200
