import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gensim
import numpy as np
import pytest
from fastapi.testclient import TestClient
from gensim.models import KeyedVectors
from gensim.test.utils import datapath

from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.testing import MemoryDatabase, temporary_artifacts
from hindcast.web.app import make_app
from hindcast_embedder.api import router
from hindcast_embedder.formats import FORMATS
from hindcast_embedder.neighbors import unit
from hindcast_embedder.projection import pca, umap
from hindcast_embedder.tables import Tables
from hindcast_embedder.word_pairs import dataset

RANDOM = np.random.default_rng(5)
WORDS = [f"w{number}" for number in range(300)]
VECTORS = RANDOM.normal(size=(300, 12)).astype(np.float32) * RANDOM.uniform(0.1, 40, size=(300, 1)).astype(np.float32)
JUDGED = sorted({word for name in ("wordsim353", "simlex999") for pair in dataset(name) for word in pair[:2]})
"""The words of both data sets, of which the table `judged` has nine in ten."""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The tables `random` (WORDS and VECTORS, then `zero`, and `twin`, that has the direction of w0), `small` (three
    words, two numbers each) and `judged`."""
    folder = tmp_path_factory.mktemp("embedder")
    tables = Tables(MemoryDatabase(), temporary_artifacts(folder), scratch=folder / "scratch", memory_bytes=10**8)
    random = EmbeddingTable((*WORDS, "zero", "twin"), np.vstack([VECTORS, np.zeros((1, 12)), 2 * VECTORS[:1]]))
    small = EmbeddingTable(("a", "b", "c"), np.array([[3, 0], [0, 0.5], [-1, 0]], dtype=np.float32))
    known = tuple(word for number, word in enumerate(JUDGED) if number % 10)
    judged = EmbeddingTable(known, RANDOM.normal(size=(len(known), 6)).astype(np.float32))
    with TestClient(make_app(title="T", version="1", routers=[router(tables)], readiness=lambda: None)) as client:
        for name, table in (("random", random), ("small", small), ("judged", judged)):
            content = b"".join(FORMATS["word2vec-text"].write(table))
            assert client.post(f"/v1/tables?format=word2vec-text&name={name}", content=content).status_code == 201
        yield client


@pytest.fixture(scope="module")
def gensims(client: TestClient, tmp_path_factory: pytest.TempPathFactory) -> dict[str, KeyedVectors]:
    """The same tables as gensim reads them."""
    found = {}
    for name in ("random", "judged"):
        path = tmp_path_factory.mktemp("exported") / name
        path.write_bytes(client.get(f"/v1/tables/{name}/export?format=word2vec-text").content)
        found[name] = KeyedVectors.load_word2vec_format(str(path))
    return found


def ask(client: TestClient, question: str, *, table: str = "random", **body: Any) -> dict[str, Any]:
    answer = client.post(f"/v1/tables/{table}/{question}", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def blamed(answer: Any) -> str:
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), answer.text
    return str(answer.json()["errors"][0]["field"])


@pytest.mark.parametrize(
    ("positive", "negative"), [(["w1", "w2"], ["w3"]), (["w9"], []), (["w4", "w4", "w5"], ["w6", "w7"])]
)
def test_analogies_are_gensims(
    client: TestClient, gensims: dict[str, KeyedVectors], positive: list[str], negative: list[str]
) -> None:
    answer = ask(client, "analogy", positive=positive, negative=negative, k=20)["neighbors"]
    expected = gensims["random"].most_similar(positive=positive, negative=negative, topn=20)
    assert [found["word"] for found in answer] == [word for word, _ in expected]
    assert [found["similarity"] for found in answer] == pytest.approx([cosine for _, cosine in expected], abs=1e-5)


def test_an_analogy_with_one_word_has_its_neighbours(client: TestClient) -> None:
    assert ask(client, "analogy", positive=["w9"]) == ask(client, "neighbors", word="w9")


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"positive": ["w1", "gale"]}, "positive.1"),
        ({"positive": ["w1"], "negative": ["gale"]}, "negative.0"),
        ({"positive": []}, "positive"),
        ({"negative": ["w1"]}, "positive"),
        ({"positive": ["zero"]}, "positive"),
        ({"positive": ["w0"], "negative": ["twin"]}, "positive"),
        ({"positive": ["w0"], "k": 0}, "k"),
        ({"positive": ["w0"], "exclude": ["w1"]}, "exclude"),
        ({"positive": "w0"}, "positive"),
    ],
)
def test_analogies_say_what_is_wrong(client: TestClient, asked: dict[str, Any], named: str) -> None:
    assert blamed(client.post("/v1/tables/random/analogy", json=asked)) == named


def test_similarities_are_cosines_and_say_what_is_missing(client: TestClient, gensims: dict[str, KeyedVectors]) -> None:
    pairs = [["w1", "w2"], ["w1", "gale"], ["gale", "gale"], ["w0", "twin"], ["w1", "zero"], ["w2", "w1"]]
    answer = ask(client, "similarity", pairs=pairs)["similarities"]
    assert [found["words"] for found in answer] == pairs
    assert [found["missing"] for found in answer] == [[], ["gale"], ["gale"], [], [], []]
    cosine = pytest.approx(float(gensims["random"].similarity("w1", "w2")), abs=1e-6)
    assert [found["similarity"] for found in answer] == [cosine, None, None, pytest.approx(1.0), None, cosine]


@pytest.mark.parametrize(
    ("pairs", "named"), [([], "pairs"), ([["w1"]], "pairs.0.1"), ([["w1", "w2", "w3"]], "pairs.0"), (["w1"], "pairs.0")]
)
def test_similarity_says_what_is_wrong(client: TestClient, pairs: list[Any], named: str) -> None:
    assert blamed(client.post("/v1/tables/random/similarity", json={"pairs": pairs})) == named


def test_a_picture_shows_the_plane_of_largest_variance(client: TestClient) -> None:
    answer = client.get("/v1/tables/random/projection?limit=300").json()
    assert (answer["method"], answer["missing"]) == ("pca", [])
    assert [point["word"] for point in answer["points"]] == WORDS
    directions = unit(VECTORS).astype(float)
    directions -= directions.mean(axis=0)
    left, deviations, _ = np.linalg.svd(directions, full_matrices=False)
    points = np.array([[point["x"], point["y"]] for point in answer["points"]])
    np.testing.assert_allclose(np.abs(points), np.abs(left[:, :2] * deviations[:2]), atol=1e-6)
    shares = deviations[:2] ** 2 / (deviations**2).sum()
    assert answer["explained_variance"] == {"x": pytest.approx(shares[0]), "y": pytest.approx(shares[1])}
    assert client.get("/v1/tables/random/projection?limit=300").json() == answer


def test_a_picture_of_chosen_words_names_those_that_are_missing(client: TestClient) -> None:
    answer = client.get("/v1/tables/small/projection?words=c,gale,a,,b,a").json()
    assert ([point["word"] for point in answer["points"]], answer["missing"]) == (["c", "a", "b"], ["gale"])
    points = {point["word"]: np.array([point["x"], point["y"]]) for point in answer["points"]}
    # Two dimensions of three directions: their distances are kept.
    assert np.linalg.norm(points["a"] - points["c"]) == pytest.approx(2.0)
    assert np.linalg.norm(points["a"] - points["b"]) == pytest.approx(2**0.5)
    assert sum(answer["explained_variance"].values()) == pytest.approx(1.0)


@pytest.mark.parametrize(("words", "shown"), [("a", ["a"]), ("gale", []), ("", [])])
def test_where_nothing_varies_there_is_no_variance_to_explain(client: TestClient, words: str, shown: list[str]) -> None:
    answer = client.get(f"/v1/tables/small/projection?words={words}").json()
    assert answer["points"] == [{"word": word, "x": 0.0, "y": 0.0} for word in shown]
    assert answer["explained_variance"] is None


def test_long_vectors_and_those_of_one_number_are_drawn_too() -> None:
    long = RANDOM.normal(size=(30, 1500)).astype(np.float32) * np.geomspace(1, 1e-3, 1500, dtype=np.float32)
    first, second = pca(long), pca(long)
    np.testing.assert_array_equal(first.points_N2, second.points_N2)
    directions = unit(long).astype(float)
    deviations = np.linalg.svd(directions - directions.mean(axis=0), compute_uv=False)
    assert first.explained_variance == pytest.approx(deviations[:2] ** 2 / (deviations**2).sum(), rel=0.01)
    flat = pca(np.array([[2.0], [-3.0], [0.0]], dtype=np.float32))
    assert np.abs(flat.points_N2).tolist() == [[1, 0], [1, 0], [0, 0]]
    assert flat.explained_variance == (pytest.approx(1.0), 0.0)


@pytest.mark.parametrize("query", ["limit=0", "limit=5001", "method=tsne", "word=a", "words=a,b,c&limit=2"])
def test_a_picture_that_cant_be_drawn_names_the_parameter(client: TestClient, query: str) -> None:
    assert blamed(client.get(f"/v1/tables/small/projection?{query}")) == query.partition("=")[0]


def test_umap_draws_neighbours_as_neighbours(client: TestClient) -> None:
    pytest.importorskip("umap", reason="needs umap-learn, an extra")
    centres = np.repeat(np.eye(3, 12, dtype=np.float32), 20, axis=0)
    groups = centres + RANDOM.normal(scale=0.05, size=(60, 12)).astype(np.float32)
    points = umap(groups).points_N2
    distances = np.linalg.norm(points[:, None] - points[None], axis=2) + np.diag(np.full(60, np.inf))
    assert (distances.argmin(axis=1) // 20).tolist() == (np.arange(60) // 20).tolist()
    np.testing.assert_array_equal(umap(groups).points_N2, points)
    answer = client.get("/v1/tables/random/projection?method=umap&limit=60").json()
    assert (answer["method"], len(answer["points"]), answer["explained_variance"]) == ("umap", 60, None)
    assert blamed(client.get("/v1/tables/small/projection?method=umap")) == "words"


def test_without_umap_learn_that_is_said(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    answer = client.get("/v1/tables/random/projection?method=umap")
    assert (answer.status_code, answer.json()["type"]) == (501, "/problems/not-installed")
    assert "pip install umap-learn" in answer.json()["detail"]


@pytest.mark.parametrize(("name", "pairs"), [("wordsim353", 353), ("simlex999", 999)])
def test_agreement_with_people_is_gensims(
    client: TestClient, gensims: dict[str, KeyedVectors], name: str, pairs: int
) -> None:
    answer = ask(client, "evaluate", table="judged", dataset=name)
    file = {"wordsim353": "wordsim353.tsv", "simlex999": "simlex999.txt"}[name]
    _, spearman, unknown = gensims["judged"].evaluate_word_pairs(datapath(file), case_insensitive=False)
    assert (answer["dataset"], answer["pairs"]) == (name, pairs)
    assert answer["spearman"] == pytest.approx(float(spearman.statistic), abs=1e-6)
    assert answer["p_value"] == pytest.approx(float(spearman.pvalue), abs=1e-4)
    assert answer["coverage"] == answer["found"] / pairs == pytest.approx(1 - unknown / 100)
    assert 0 < len(answer["missing"]) <= 20


def test_pairs_of_ones_own_are_judged_by_their_order_alone(client: TestClient) -> None:
    pairs = [["a", "b", 2.0], ["a", "c", -900], ["A", "a", 3], ["gale", "a", 1], ["Storm", "gale", 1]]
    answer = ask(client, "evaluate", table="small", pairs=pairs)
    assert answer["spearman"] == pytest.approx(1.0)
    assert (answer["dataset"], answer["pairs"], answer["found"], answer["coverage"]) == (None, 5, 3, 0.6)
    assert answer["missing"] == ["gale", "Storm"]


@pytest.mark.parametrize(
    "pairs",
    [
        [["gale", "storm", 1.0]],
        [["a", "b", 1], ["a", "c", 2]],
        [["a", "b", 1], ["a", "c", 1], ["b", "c", 1]],
        [["a", "b", 1], ["b", "a", 2], ["b", "c", 3]],
    ],
)
def test_where_there_is_no_order_there_is_no_correlation(client: TestClient, pairs: list[Any]) -> None:
    answer = ask(client, "evaluate", table="small", pairs=pairs)
    assert (answer["spearman"], answer["p_value"]) == (None, None)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({}, "body"),
        ({"dataset": "simlex999", "pairs": [["a", "b", 1]]}, "body"),
        ({"dataset": "rg65"}, "dataset"),
        ({"pairs": []}, "pairs"),
        ({"pairs": [["a", "b"]]}, "pairs.0.2"),
        ({"pairs": [["a", "b", "1"]]}, "pairs.0.2"),
    ],
)
def test_evaluation_says_what_is_wrong(client: TestClient, asked: dict[str, Any], named: str) -> None:
    assert blamed(client.post("/v1/tables/small/evaluate", json=asked)) == named


def test_a_data_set_that_isnt_there_is_told(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(gensim.__spec__, "submodule_search_locations", [str(tmp_path)])
    answer = client.post("/v1/tables/small/evaluate", json={"dataset": "simlex999"})
    assert (answer.status_code, answer.json()["type"]) == (501, "/problems/not-installed")
    assert "send pairs" in answer.json()["detail"]


def test_a_data_set_is_read_without_gensim_itself() -> None:
    code = "from hindcast_embedder.word_pairs import dataset; dataset('simlex999'); import sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "hindcast_embedder.word_pairs" in modules
    assert {"gensim", "scipy.stats", "sklearn"}.isdisjoint(modules)


def test_an_unknown_table_is_not_found(client: TestClient) -> None:
    assert client.get("/v1/tables/none/projection").status_code == 404
    for question, body in (
        ("analogy", {"positive": ["a"]}),
        ("similarity", {"pairs": [["a", "b"]]}),
        ("evaluate", {"dataset": "simlex999"}),
    ):
        assert client.post(f"/v1/tables/none/{question}", json=body).status_code == 404
