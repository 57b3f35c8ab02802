from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from hindcast.errors import Corrupt
from hindcast.nn.embedding_table import EmbeddingTable
from hindcast.nn.table_writer import TableWriter


def test_what_was_appended_is_a_table(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    words = ["a", 'quo"te', "Wörter", "new\nline", "</s>", "\\", "z"]
    with TableWriter(tmp_path, size=3) as writer:
        writer.append(words[:4], vectors[:4])
        writer.append([], vectors[:0])
        writer.append(words[4:], vectors[4:])
        writer.finish({"kind": "import"})
    table = EmbeddingTable.open(tmp_path)
    assert table.words == tuple(words)
    assert table.details == {"kind": "import"}
    np.testing.assert_array_equal(table.vectors, vectors)
    np.testing.assert_array_equal(load_file(tmp_path / "vectors.safetensors")["vectors"], vectors)


def test_an_empty_table_is_one(tmp_path: Path) -> None:
    with TableWriter(tmp_path, size=3) as writer:
        writer.finish({})
    assert EmbeddingTable.open(tmp_path).vectors.shape == (0, 3)


def test_half_a_table_is_none(tmp_path: Path) -> None:
    with TableWriter(tmp_path, size=1) as writer:
        writer.append(["a"], np.ones((1, 1), dtype=np.float32))
    with pytest.raises(Corrupt):
        EmbeddingTable.open(tmp_path)


def test_rows_of_another_size_are_refused(tmp_path: Path) -> None:
    with TableWriter(tmp_path, size=2) as writer, pytest.raises(ValueError, match="shape"):
        writer.append(["a"], np.ones((1, 3), dtype=np.float32))
