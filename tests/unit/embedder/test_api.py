import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import httpx2
import numpy as np
import pytest
from fastapi.testclient import TestClient
from safetensors.numpy import load
from stand_in import StandIn

from hindcast.errors import Unavailable
from hindcast.jobs.service import submit
from hindcast.nn.embedding_table import EmbeddingTable, Normalizer
from hindcast.registry import Resource, ResourceType
from hindcast.testing import MemoryDatabase, MemoryTransaction, temporary_artifacts
from hindcast.text.corpus_writer import CorpusWriter
from hindcast.web.app import make_app
from hindcast_embedder.api import router
from hindcast_embedder.formats import FORMATS, FormatName
from hindcast_embedder.tables import Tables

WORDS = ("</s>", "the", "storm", "hurricane", "Straße", "zero")
VECTORS = np.vstack([np.random.default_rng(1).normal(size=(5, 4)), np.zeros((1, 4))]).astype(np.float32)
TABLE = EmbeddingTable(WORDS, VECTORS)
TEXT = b"".join(FORMATS["word2vec-text"].write(TABLE))
TENSORS = {"Accept": "application/x-safetensors"}
ROWS = {"Accept": "application/octet-stream"}


class Breakable(MemoryDatabase):
    away = False

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        if self.away:
            raise Unavailable()
        with super().transaction() as transaction:
            yield transaction


@dataclass(frozen=True)
class Used:
    field: str
    types: tuple[ResourceType, ...]
    value: str


@pytest.fixture
def database() -> Breakable:
    return Breakable()


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[TestClient, StandIn]]:
    """The application of every test, and what stands for its tables."""
    tables = StandIn()
    app = make_app(title="T", version="1", routers=[router(cast(Tables, tables))], readiness=lambda: None)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client, tables


@pytest.fixture
def client(served: tuple[TestClient, StandIn], database: Breakable, tmp_path: Path) -> Iterator[TestClient]:
    client, tables = served
    artifacts = temporary_artifacts(tmp_path)
    tables.behind = Tables(database, artifacts, scratch=tmp_path / "scratch", memory_bytes=1_000_000)
    yield client
    tables.behind = None


@pytest.fixture
def table(client: TestClient) -> str:
    response = client.post("/v1/tables?format=word2vec-text&name=news", content=TEXT)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def problem(response: httpx2.Response, status: int) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert (response.status_code, body["status"]) == (status, status), body
    return body


def field(response: httpx2.Response) -> str:
    return str(problem(response, 422)["errors"][0]["field"])


def test_an_import_is_answered_with_a_card(client: TestClient) -> None:
    content = TEXT.replace(b"6 4", b"7 4") + b"the 1 2 3 4\n"
    response = client.post("/v1/tables?format=word2vec-text&name=news", content=content)
    card = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/tables/{card['id']}"
    assert card["id"].startswith("tab_")
    assert datetime.fromisoformat(card.pop("created_at")).tzinfo is UTC
    assert card.pop("size_bytes") > VECTORS.nbytes
    assert card == {
        "id": card["id"],
        "name": "news",
        "label": None,
        "words": 6,
        "size": 4,
        "dtype": "float32",
        "source": "word2vec-text",
        "skipped": 1,
        "skipped_because": {"duplicate": 1},
        "job": None,
        "uses": [],
        "details": {"kind": "import"},
    }


@pytest.mark.parametrize(
    ("question", "body", "wrong"),
    [
        ("vectors", {"words": [1]}, "words.0"),
        ("vectors", {"words": "the"}, "words"),
        ("coverage", {"words": {"the": "2"}}, "words.the"),
        ("coverage", {"words": {"the": True}}, "words.the"),
        ("coverage", {"vocabulary_of": 1}, "vocabulary_of"),
        ("neighbors", {"word": "the", "k": "3"}, "k"),
        ("neighbors", {"vector": ["0.5", 1, 1, 1]}, "vector.0"),
        ("neighbors", {"word": "the", "exclude": [1]}, "exclude.0"),
    ],
)
def test_json_types_are_what_they_are(
    client: TestClient, table: str, question: str, body: dict[str, Any], wrong: str
) -> None:
    assert field(client.post(f"/v1/tables/{table}/{question}", json=body)) == wrong


def test_lists_and_whole_numbers_are_taken(client: TestClient, table: str) -> None:
    body = {"vector": [1, 0, 0, 0], "exclude": ["the"], "k": 1}
    assert client.post(f"/v1/tables/{table}/neighbors", json=body).status_code == 200


def test_tables_are_listed_by_kind(client: TestClient, table: str, database: Breakable) -> None:
    facts = {"kind": "word2vec", "words": 6, "size": 4}
    made = Resource("tab_1", "table", None, "tables/1", facts, 9, "job_1", datetime.now(UTC))
    with database.transaction() as transaction:
        transaction.resources.add(made)
    for kind, ids in (("import", [table]), ("word2vec", ["tab_1"]), ("bilstm_lm", [])):
        assert [each["id"] for each in client.get(f"/v1/tables?kind={kind}").json()["items"]] == ids
    assert field(client.get("/v1/tables?kind=word2vec-text")) == "kind"


@pytest.mark.parametrize("format", ["word2vec-text", "word2vec-binary", "safetensors", "glove", "fasttext-vec"])
def test_an_export_is_the_import_again(client: TestClient, table: str, format: FormatName) -> None:
    exported = client.get(f"/v1/tables/{table}/export?format={format}")
    assert exported.headers["content-disposition"].endswith("news" + FORMATS[format].suffix)
    assert exported.content == b"".join(FORMATS[format].write(TABLE))
    again = client.post(f"/v1/tables?format={format}", content=exported.content).json()
    answer = client.post(f"/v1/tables/{again['id']}/vectors", json={"words": WORDS}).json()
    np.testing.assert_array_equal(np.array(answer["vectors"], dtype=np.float32), VECTORS)


def test_gzip_is_unpacked(client: TestClient) -> None:
    content = gzip.compress(TEXT)
    url = "/v1/tables?format=word2vec-text"
    assert client.post(url, content=content, headers={"Content-Encoding": "gzip"}).json()["words"] == 6
    assert field(client.post(url, content=content[:-9], headers={"Content-Encoding": "gzip"})) == "body"


@pytest.mark.parametrize("content", [b"", TEXT[:-30], b"2 2\na 1 x\nb 1 2\n", b"nothing"])
def test_a_failed_import_leaves_nothing(client: TestClient, tmp_path: Path, content: bytes) -> None:
    assert field(client.post("/v1/tables?format=word2vec-text&name=n", content=content))
    assert client.get("/v1/tables").json()["items"] == []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert list((tmp_path / "scratch").iterdir()) == []
    assert client.post("/v1/tables?format=word2vec-text&name=n", content=TEXT).status_code == 201


def test_a_name_is_given_once(client: TestClient, table: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    response = client.post("/v1/tables?format=word2vec-text&name=news", content=TEXT)
    assert table in problem(response, 409)["detail"]
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("query", "named"),
    [("format=arrow", "format"), ("", "format"), ("format=word2vec-text&name=a/b", "name"), ("fromat=x", "fromat")],
)
def test_a_wrong_query_is_told(client: TestClient, query: str, named: str) -> None:
    assert field(client.post(f"/v1/tables?{query}", content=TEXT)) == named


def test_tables_are_listed_newest_first(client: TestClient, table: str) -> None:
    second = client.post("/v1/tables?format=word2vec-text", content=TEXT).json()["id"]
    first_page = client.get("/v1/tables?limit=1").json()
    rest = client.get(f"/v1/tables?cursor={first_page['next_cursor']}").json()
    assert [item["id"] for item in first_page["items"] + rest["items"]] == [second, table]
    assert rest["next_cursor"] is None
    assert [item["id"] for item in client.get("/v1/tables?name=news").json()["items"]] == [table]
    assert field(client.get("/v1/tables?cursor=nonsense")) == "cursor"


def test_a_table_is_found_by_id_and_by_name(client: TestClient, table: str) -> None:
    assert client.get(f"/v1/tables/{table}").json() == client.get("/v1/tables/news").json()
    problem(client.get("/v1/tables/other"), 404)


def test_a_table_that_a_job_made_has_a_card(client: TestClient, database: Breakable) -> None:
    table = EmbeddingTable(WORDS, VECTORS, {"kind": "bilstm_lm", "pipeline": "plain", "epochs": 3})
    made = Resource("tab_1", "table", None, "tables/x", table.facts, 99, "job_1", datetime.now(UTC), ("cor_1",))
    with database.transaction() as transaction:
        transaction.resources.add(made)
    card = client.get("/v1/tables/tab_1").json()
    assert (card["words"], card["size"], card["source"], card["skipped"]) == (6, 4, "bilstm_lm", 0)
    assert (card["job"], card["uses"]) == ("job_1", ["cor_1"])
    assert card["details"] == {"kind": "bilstm_lm", "pipeline": "plain", "epochs": 3}


def test_a_deleted_table_is_gone(client: TestClient, table: str) -> None:
    client.post("/v1/tables/news/vectors", json={"words": ["the"]})
    assert client.delete("/v1/tables/news").status_code == 204
    for reference in (table, "news"):
        problem(client.post(f"/v1/tables/{reference}/vectors", json={"words": ["the"]}), 404)
    problem(client.delete(f"/v1/tables/{table}"), 404)


def test_a_table_that_a_job_needs_is_kept(client: TestClient, table: str, database: Breakable) -> None:
    with database.transaction() as transaction:
        submit(transaction, kind="k", spec={"table": "news"}, references=[Used("table", ("table",), "news")])
    problem(client.delete(f"/v1/tables/{table}"), 409)
    assert client.get(f"/v1/tables/{table}").status_code == 200


def test_a_table_that_is_being_made_is_not_there_yet(client: TestClient, database: Breakable) -> None:
    with database.transaction() as transaction:
        transaction.resources.add(Resource("tab_1", "table", "soon", None, {}, 0, "job_1", datetime.now(UTC)))
    assert "job_1" in problem(client.get("/v1/tables/soon"), 404)["detail"]


@pytest.mark.parametrize("normalization", ["none", "unit", "mean_variance", "standardize"])
def test_vectors_are_the_same_in_every_form(client: TestClient, table: str, normalization: Any) -> None:
    words = ["hurricane", "never-seen", "the", "hurricane", "zero"]
    asked = {"words": words, "normalization": normalization}
    url = f"/v1/tables/{table}/vectors"
    as_json = client.post(url, json=asked).json()
    tensors = load(client.post(url, json=asked, headers=TENSORS).content)
    rows = np.frombuffer(client.post(url, json=asked, headers=ROWS).content, dtype="<f4").reshape(5, 4)

    normalizer = Normalizer.of(VECTORS, normalization)
    expected = normalizer.apply(VECTORS[[3, 3, 1, 3, 5]])
    found = np.array([True, False, True, True, True])
    assert as_json["found"] == found.tolist()
    assert as_json["vectors"][1] is None
    np.testing.assert_array_equal(np.array([as_json["vectors"][row] for row in (0, 2, 3, 4)], "f4"), expected[found])
    np.testing.assert_array_equal(tensors["vectors"][found], expected[found])
    np.testing.assert_array_equal(tensors["vectors"][1], np.zeros(4))
    np.testing.assert_array_equal(tensors["found"], found.astype(np.uint8))
    np.testing.assert_array_equal(tensors["mean"], normalizer.mean_row)
    np.testing.assert_array_equal(rows[found], expected[found])
    assert np.isnan(rows[1]).all()


def test_vectors_say_what_is_wrong(client: TestClient, table: str) -> None:
    url = f"/v1/tables/{table}/vectors"
    assert field(client.post(url, json={"words": ["a"] * 50_001})) == "words"
    assert field(client.post(url, json={"words": ["a"], "normalization": "l2"})) == "normalization"
    assert field(client.post(url, json={"words": ["a"], "k": 1})) == "k"
    assert "text/csv" in problem(client.post(url, json={"words": ["a"]}, headers={"Accept": "text/csv"}), 406)["detail"]


def test_coverage_counts_types_and_tokens(client: TestClient, table: str) -> None:
    url = f"/v1/tables/{table}/coverage"
    assert client.post(url, json={"words": ["the", "x", "the", "storm"]}).json() == {
        "types": 3,
        "found": 2,
        "coverage": 2 / 3,
        "tokens": None,
        "found_tokens": None,
        "token_coverage": None,
        "missing": ["x"],
    }
    assert client.post(url, json={"words": {"the": 6, "x": 1, "y": 3}}).json() == {
        "types": 3,
        "found": 1,
        "coverage": 1 / 3,
        "tokens": 10,
        "found_tokens": 6,
        "token_coverage": 0.6,
        "missing": ["y", "x"],
    }
    assert client.post(url, json={"words": []}).json()["coverage"] is None
    many = client.post(url, json={"words": [f"w{number}" for number in range(50)]}).json()
    assert many["missing"] == [f"w{number}" for number in range(20)]


def test_coverage_of_a_models_vocabulary(client: TestClient, table: str, database: Breakable, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "vocabulary.json").write_text(json.dumps(["<unk>", "</s>", "the", "gale"]))
    temporary_artifacts(tmp_path).put(bundle, "models/lm_1/x")
    with database.transaction() as transaction:
        transaction.resources.add(
            Resource("lm_1", "model", "small", "models/lm_1/x", {}, 1, "job_1", datetime.now(UTC))
        )
    answer = client.post(f"/v1/tables/{table}/coverage", json={"vocabulary_of": "small"}).json()
    assert (answer["types"], answer["found"], answer["missing"]) == (4, 2, ["<unk>", "gale"])


def test_coverage_of_an_unknown_models_vocabulary_names_the_field(client: TestClient, table: str) -> None:
    told = problem(client.post(f"/v1/tables/{table}/coverage", json={"vocabulary_of": "large"}), 404)
    assert [error["field"] for error in told["errors"]] == ["vocabulary_of"]


@pytest.fixture
def stories(database: Breakable, tmp_path: Path) -> str:
    """A corpus of that name: nine words in train, two of them the table's, and one in valid."""
    (tmp_path / "corpus").mkdir()
    with CorpusWriter(tmp_path / "corpus", pipeline="plain") as writer:
        writer.add_document([[["rain", "the", "the"]], [["storm", "gale", "rain"]]], split="train")
        writer.add_document([[["rain", "the", "hail"]]], split="train")
        writer.add_document([[["hurricane"]]], split="valid")
        facts = writer.close()
    temporary_artifacts(tmp_path).put(tmp_path / "corpus", "corpora/cor_1/x")
    with database.transaction() as transaction:
        transaction.resources.add(
            Resource("cor_1", "corpus", "stories", "corpora/cor_1/x", facts, 1, "job_1", datetime.now(UTC))
        )
    return "stories"


def test_coverage_of_a_corpus_counts_its_words(client: TestClient, table: str, stories: str) -> None:
    url = f"/v1/tables/{table}/coverage"
    assert client.post(url, json={"corpus": {"corpus": stories, "split": "train"}}).json() == {
        "types": 5,
        "found": 2,
        "coverage": 2 / 5,
        "tokens": 9,
        "found_tokens": 4,
        "token_coverage": 4 / 9,
        "missing": ["rain", "gale", "hail"],
    }
    whole = client.post(url, json={"corpus": stories}).json()
    assert (whole["types"], whole["found"], whole["tokens"], whole["found_tokens"]) == (6, 3, 10, 5)
    assert client.post(url, json={"corpus": {"corpora": ["cor_1"]}}).json() == whole


def test_coverage_of_a_corpus_that_cannot_be_read_names_the_field(
    client: TestClient, table: str, stories: str, database: Breakable
) -> None:
    with database.transaction() as transaction:
        transaction.resources.add(Resource("cor_2", "corpus", "soon", None, {}, 0, "job_2", datetime.now(UTC)))
    url = f"/v1/tables/{table}/coverage"
    unknown = problem(client.post(url, json={"corpus": {"corpora": [stories, "tales"]}}), 404)
    assert [error["field"] for error in unknown["errors"]] == ["corpus.corpora.1"]
    coming = problem(client.post(url, json={"corpus": "soon"}), 404)
    assert [error["field"] for error in coming["errors"]] == ["corpus.corpora.0"]
    assert "job_2" in coming["detail"]
    assert field(client.post(url, json={"corpus": {"corpus": stories, "split": "test"}})) == "corpus.split"
    assert field(client.post(url, json={"corpus": {"corpus": stories, "limit_tokens": 1}})) == "corpus.limit_tokens"
    problem(client.post("/v1/tables/other/coverage", json={"corpus": stories}), 404)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"words": ["a"], "vocabulary_of": "m"},
        {"words": ["a"], "corpus": "c"},
        {"corpus": {"split": "train"}},
        {"words": {"a": 0}},
        {"words": "a"},
    ],
)
def test_coverage_says_what_is_wrong(client: TestClient, table: str, asked: dict[str, Any]) -> None:
    assert field(client.post(f"/v1/tables/{table}/coverage", json=asked))


def cosine(first: int, second: int) -> float:
    a, b = VECTORS[first].astype(float), VECTORS[second].astype(float)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_neighbours_of_a_word(client: TestClient, table: str) -> None:
    answer = client.post(f"/v1/tables/{table}/neighbors", json={"word": "storm", "k": 3}).json()
    expected = sorted((-cosine(2, row), row) for row in (0, 1, 3, 4))[:3]
    assert [item["word"] for item in answer["neighbors"]] == [WORDS[row] for _, row in expected]
    np.testing.assert_allclose(
        [item["similarity"] for item in answer["neighbors"]], [-negative for negative, _ in expected], atol=1e-6
    )


def test_neighbours_of_several_words_leave_those_and_others_out(client: TestClient, table: str) -> None:
    asked = {"words": ["storm", "hurricane"], "exclude": ["the", "unheard-of"]}
    answer = client.post(f"/v1/tables/{table}/neighbors", json=asked).json()
    assert {item["word"] for item in answer["neighbors"]} == {"</s>", "Straße"}


def test_neighbours_of_a_vector(client: TestClient, table: str) -> None:
    for scale in (1000, 1e300, 1e-300):
        vector = (VECTORS[3] * np.float64(scale)).tolist()
        answer = client.post(f"/v1/tables/{table}/neighbors", json={"vector": vector, "k": 1}).json()
        assert answer["neighbors"] == [{"word": "hurricane", "similarity": pytest.approx(1.0)}]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"word": "gale"}, "word"),
        ({"words": ["the", "gale"]}, "words.1"),
        ({"word": "zero"}, "word"),
        ({"vector": [1, 2, 3]}, "vector"),
        ({"vector": [0, 0, 0, 0]}, "vector"),
        ({"vector": [1, 2, 3, "x"]}, "vector.3"),
        ({"word": "the", "k": 0}, "k"),
        ({"word": "the", "k": 1001}, "k"),
        ({"word": "the", "words": ["storm"]}, "body"),
        ({}, "body"),
    ],
)
def test_neighbours_say_what_is_wrong(client: TestClient, table: str, asked: dict[str, Any], named: str) -> None:
    assert field(client.post(f"/v1/tables/{table}/neighbors", json=asked)) == named


def test_a_number_that_is_none_is_refused(client: TestClient, table: str) -> None:
    content = '{"vector":[NaN,1,1,1]}'
    response = client.post(
        f"/v1/tables/{table}/neighbors", content=content, headers={"Content-Type": "application/json"}
    )
    assert field(response) == "vector.0"


def test_loaded_tables_are_served_while_the_database_is_away(
    client: TestClient, table: str, database: Breakable
) -> None:
    before = client.post("/v1/tables/news/vectors", json={"words": ["the"]}).json()
    database.away = True
    assert client.post("/v1/tables/news/vectors", json={"words": ["the"]}).json() == before
    assert client.post("/v1/tables/news/neighbors", json={"word": "the"}).status_code == 200
    assert client.get("/v1/tables/news").status_code == 200
    for response in (client.get("/v1/tables"), client.get("/v1/tables/other"), client.delete("/v1/tables/news")):
        problem(response, 503)
    problem(client.post("/v1/tables?format=word2vec-text&name=n", content=TEXT), 503)


def test_a_table_whose_files_are_damaged_is_told(client: TestClient, table: str, tmp_path: Path) -> None:
    (vectors,) = tmp_path.rglob("vectors.safetensors")
    vectors.write_bytes(vectors.read_bytes()[:-4])
    assert problem(client.get(f"/v1/tables/{table}/export?format=safetensors"), 500)["type"] == "/problems/corrupt"
