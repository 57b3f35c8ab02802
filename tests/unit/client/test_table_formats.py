"""What a file of vectors that was refused may be instead."""

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from hindcast_client.command_line.table_formats import advice

GLOVE = b"the 0.5 -1e-2 3\nof 1 2 3\n"
TEXT = b"2 3\n" + GLOVE
BINARY = b"1 3\nthe " + np.ones(3, "<f4").tobytes()
TENSORS = save({"vectors": np.ones((2, 3), np.float32)})


@pytest.fixture
def told(tmp_path):
    def told(content, format):
        (tmp_path / "file").write_bytes(content)
        return advice(tmp_path / "file", format)

    return told


@pytest.mark.parametrize(
    ("content", "seen"),
    [(GLOVE, "glove"), (TEXT, "word2vec-text"), (BINARY, "word2vec-binary"), (TENSORS, "safetensors")],
)
def test_another_format_is_seen_by_how_a_file_begins(told, content, seen):
    for named in ("glove", "word2vec-text", "word2vec-binary", "safetensors"):
        expected = None if named == seen else f"It looks like {seen}: try --format {seen}."
        assert told(content, named) == told(gzip.compress(content), named) == expected


def test_nothing_is_said_where_nothing_is_plain(told):
    for content in (b"", b"the rain fell\n", GLOVE[:5], gzip.compress(GLOVE)[:9], b"\x1f\x8bno"):
        assert told(content, "safetensors") is None
    assert told(TEXT, "fasttext-vec") is None, "these are alike"
    assert advice(Path("-"), "glove") is None
    assert advice(Path("gone"), "glove") is None


def test_a_packing_that_is_not_unpacked_is_named(told):
    for pack, name in ((bz2.compress, "bzip2"), (lzma.compress, "xz")):
        assert told(pack(GLOVE), "glove") == f"It is packed by {name}: unpack it, or pack it by gzip."
