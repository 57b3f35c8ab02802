"""What language models are promised of the rows of a table, by the embedder over HTTP and by its fake."""

import io
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

import numpy as np
import pytest
from fastapi import FastAPI

from hindcast.errors import InvalidInput, NotFound, Unavailable
from hindcast.nn.embedding_table import EmbeddingTable, Normalization, Normalizer
from hindcast.testing import MemoryDatabase, temporary_artifacts
from hindcast.web.app import make_app
from hindcast_embedder.api import router
from hindcast_embedder.formats import FORMATS
from hindcast_embedder.tables import Tables
from hindcast_trainer.embedder_client import WORDS_PER_REQUEST, EmbedderTables
from hindcast_trainer.testing import MemoryTables
from hindcast_trainer.work import TableSource

Serving = Callable[..., AbstractContextManager[str]]

WORDS = tuple(f"word{number}" for number in range(WORDS_PER_REQUEST + 10))
VECTORS = np.random.default_rng(0).normal(1.0, 2.0, size=(len(WORDS), 5)).astype(np.float32)
TABLE = EmbeddingTable(WORDS, VECTORS)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("embedder")
    tables = Tables(MemoryDatabase(), temporary_artifacts(folder), scratch=folder / "scratch", memory_bytes=10**9)
    file = io.BytesIO(b"".join(FORMATS["word2vec-binary"].write(TABLE)))
    tables.add(file, format="word2vec-binary", name="news")
    return make_app(title="T", version="1", routers=[router(tables)], readiness=lambda: None)


@pytest.fixture(scope="module")
def embedder(app: FastAPI, serving: Serving) -> Iterator[str]:
    with serving(app) as url:
        yield url


@pytest.fixture(params=["embedder", "memory"])
def source(request: pytest.FixtureRequest) -> Iterator[TableSource]:
    if request.param == "memory":
        yield MemoryTables({"news": TABLE})
        return
    client = EmbedderTables(request.getfixturevalue("embedder"))
    yield client
    client.close()


@pytest.mark.parametrize("normalization", ["none", "unit", "mean_variance", "standardize"])
def test_rows_come_in_the_order_asked_and_zero_where_unknown(source: TableSource, normalization: Normalization) -> None:
    normalizer = Normalizer.of(VECTORS, normalization)
    rows = source.rows("news", ["word7", "unknown", "word0", "word7"], normalization)
    assert rows.found.tolist() == [True, False, True, True]
    assert (rows.vectors.dtype, rows.found.dtype) == (np.float32, np.bool_)
    np.testing.assert_array_equal(rows.vectors[rows.found], normalizer.apply(VECTORS[[7, 0, 7]]))
    np.testing.assert_array_equal(rows.vectors[1], np.zeros(5))
    np.testing.assert_array_equal(rows.mean, normalizer.mean_row)


def test_any_number_of_words_may_be_asked_for(source: TableSource) -> None:
    rows = source.rows("news", WORDS, "none")
    np.testing.assert_array_equal(rows.vectors, VECTORS)
    assert rows.found.all()
    none = source.rows("news", [], "none")
    assert (none.vectors.shape, none.found.shape, none.mean.shape) == ((0, 5), (0,), (5,))


def test_an_unknown_table_is_told(source: TableSource) -> None:
    with pytest.raises(NotFound, match="other"):
        source.rows("other", ["a"], "none")


def test_an_unknown_normalization_is_told(source: TableSource) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.rows("news", ["a"], "sideways")
    assert [error.field for error in caught.value.errors] == ["normalization"]


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def test_an_embedder_that_stays_away_is_unavailable(free_port: int) -> None:
    client = EmbedderTables(f"http://127.0.0.1:{free_port}", patience_seconds=0.05, pause_seconds=0.01)
    with pytest.raises(Unavailable, match="embedder is away"):
        client.rows("news", ["a"], "none")
    client.close()


def test_an_embedder_that_comes_back_is_heard(app: FastAPI, serving: Serving, free_port: int) -> None:
    client = EmbedderTables(f"http://127.0.0.1:{free_port}", patience_seconds=30, pause_seconds=0.01)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(client.rows, "news", ["word1"], "none")
        with serving(app, port=free_port):
            np.testing.assert_array_equal(answer.result(timeout=30).vectors, VECTORS[[1]])
    client.close()
