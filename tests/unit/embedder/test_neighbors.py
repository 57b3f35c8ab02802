import numpy as np
import pytest

from hindcast_embedder.neighbors import lengths, nearest, unit


@pytest.mark.parametrize("rows", [40, 40_000])
def test_neighbours_are_those_of_a_full_sort(rows: int) -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(rows, 8)).astype(np.float32)
    direction = unit(random.normal(size=8).astype(np.float32))
    cosines = unit(vectors) @ direction
    expected = np.argsort(-cosines)[:25]
    found = nearest(vectors, lengths(vectors), direction, k=25)
    assert [row for row, _ in found] == expected.tolist()
    np.testing.assert_allclose([cosine for _, cosine in found], cosines[expected], atol=1e-6)


def test_equal_rows_keep_the_order_of_the_table() -> None:
    vectors = np.array([[0, 1], [2, 0], [1, 0], [3, 0]], dtype=np.float32)
    found = nearest(vectors, lengths(vectors), np.array([1, 0], dtype=np.float32), k=2)
    assert found == [(1, 1.0), (2, 1.0)]


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_neighbours_are_the_same_however_long_the_vectors_are(scale: float) -> None:
    vectors = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1]], dtype=np.float32) * np.float32(scale)
    found = nearest(vectors, lengths(vectors), unit(vectors[0]), k=3, leave_out={0})
    assert [row for row, _ in found] == [2, 1]
    assert [cosine for _, cosine in found] == pytest.approx([2 / 6**0.5, 0.5], rel=1e-5)


def test_rows_of_zeros_and_those_left_out_are_no_neighbours() -> None:
    vectors = np.array([[0, 0], [1, 0], [0, 1], [-1, 0]], dtype=np.float32)
    found = nearest(vectors, lengths(vectors), np.array([1, 0], dtype=np.float32), k=9, leave_out={1})
    assert found == [(2, 0.0), (3, -1.0)]
    assert nearest(vectors[:1], lengths(vectors[:1]), np.array([1, 0], dtype=np.float32), k=1) == []
