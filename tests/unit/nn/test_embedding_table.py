import json

import numpy as np
import pytest

from hindcast.errors import Corrupt
from hindcast.nn.embedding_table import EmbeddingTable, Normalizer


@pytest.fixture
def vectors():
    """More rows than are looked at at once, with means far above their deviations in one dimension."""
    return np.random.default_rng(1).normal([0, 5, 1e4], [1, 3, 0.5], size=(20_000, 3)).astype(np.float32)


def table():
    return EmbeddingTable(("</s>", "naïve", "hurricane"), np.arange(6, dtype=np.float32).reshape(3, 2), {"kind": "x"})


def test_what_was_saved_is_mapped_when_opened(tmp_path):
    table().save(tmp_path)
    opened = EmbeddingTable.open(tmp_path)
    assert (opened.words, opened.details, opened.size, len(opened)) == (table().words, {"kind": "x"}, 2, 3)
    np.testing.assert_array_equal(opened.vectors, table().vectors)
    assert isinstance(opened.vectors, np.memmap)
    assert (opened.row("hurricane"), opened.row("storm")) == (2, None)


def test_of_equal_words_the_first_row_counts():
    assert EmbeddingTable(("a", "b", "a"), np.zeros((3, 2), dtype=np.float32)).row("a") == 0


def test_words_and_rows_must_be_as_many():
    with pytest.raises(ValueError, match="2 words"):
        EmbeddingTable(("a", "b"), np.zeros((3, 2), dtype=np.float32))


@pytest.mark.parametrize("name", ["table.json", "words.json", "vectors.safetensors"])
def test_a_file_that_is_missing_or_cut_makes_it_corrupt(tmp_path, name):
    table().save(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-3])
    with pytest.raises(Corrupt):
        EmbeddingTable.open(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(Corrupt):
        EmbeddingTable.open(tmp_path)


def test_words_that_do_not_fit_the_vectors_make_it_corrupt(tmp_path):
    table().save(tmp_path)
    (tmp_path / "words.json").write_text(json.dumps(["a", "b"]))
    with pytest.raises(Corrupt, match="2 words"):
        EmbeddingTable.open(tmp_path)


@pytest.mark.parametrize(("normalization", "power"), [("mean_variance", 1.0), ("standardize", 0.5)])
def test_dimensions_are_divided_by_variance_or_deviation_over_all_rows(vectors, normalization, power):
    exact = vectors.astype(np.float64)
    expected = (exact - exact.mean(axis=0)) / exact.var(axis=0) ** power
    normalizer = Normalizer.of(vectors, normalization)
    np.testing.assert_allclose(normalizer.apply(vectors[:50]), expected[:50], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(normalizer.mean_row, 0, atol=1e-6)


def test_unit_rows_have_length_one_and_a_row_of_zeros_stays(vectors):
    vectors[7] = 0
    normalizer = Normalizer.of(vectors, "unit")
    lengths = np.linalg.norm(normalizer.apply(vectors), axis=1)
    assert lengths[7] == 0
    np.testing.assert_allclose(np.delete(lengths, 7), 1, rtol=1e-6)
    np.testing.assert_allclose(normalizer.mean_row, normalizer.apply(vectors).mean(axis=0), rtol=1e-4)


def test_without_normalization_rows_are_as_they_were(vectors):
    normalizer = Normalizer.of(vectors, "none")
    np.testing.assert_array_equal(normalizer.apply(vectors), vectors)
    np.testing.assert_allclose(normalizer.mean_row, vectors.mean(axis=0, dtype=np.float64), rtol=1e-6)


def test_a_dimension_that_never_varies_becomes_zero_not_infinite():
    vectors = np.full((20_001, 2), 0.1, dtype=np.float32)
    vectors[5, 0] = 0.3
    for normalization in ("mean_variance", "standardize"):
        rows = Normalizer.of(vectors, normalization).apply(vectors)
        assert np.isfinite(rows).all()
        assert (rows[:, 1] == 0).all()
