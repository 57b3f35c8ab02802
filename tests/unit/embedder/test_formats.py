import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from gensim.models import KeyedVectors
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from safetensors.numpy import load, save

from hindcast.errors import InvalidInput
from hindcast.nn.embedding_table import EmbeddingTable, Vectors
from hindcast_embedder.formats import FORMATS, FormatName
from hindcast_embedder.imports import Imported, import_table

TEXT: FormatName = "word2vec-text"
BINARY: FormatName = "word2vec-binary"
SAFETENSORS: FormatName = "safetensors"
GLOVE: FormatName = "glove"
FASTTEXT: FormatName = "fasttext-vec"
ALL: list[FormatName] = [TEXT, BINARY, SAFETENSORS, GLOVE, FASTTEXT]


def table_of(rows: int = 5, size: int = 3) -> EmbeddingTable:
    vectors = np.random.default_rng(0).normal(size=(rows, size)).astype(np.float32)
    return EmbeddingTable(tuple(["the", "Straße", "</s>", "<unk>", "日本"][:rows]), vectors)


def file_of(table: EmbeddingTable, format: FormatName) -> bytes:
    return b"".join(FORMATS[format].write(table))


def read(content: bytes, format: FormatName, folder: Path) -> tuple[Imported, EmbeddingTable]:
    folder.mkdir()
    imported = import_table(io.BytesIO(content), format, folder)
    return imported, EmbeddingTable.open(folder)


def problem(content: bytes, format: FormatName, folder: Path) -> str:
    (folder / "t").mkdir()
    with pytest.raises(InvalidInput) as caught:
        import_table(io.BytesIO(content), format, folder / "t")
    assert not (folder / "t" / "table.json").exists()
    assert caught.value.errors
    return caught.value.detail


def binary(words: Sequence[bytes], vectors: Vectors, *, between: bytes = b"\n") -> bytes:
    rows = (word + b" " + row.tobytes() + between for word, row in zip(words, vectors, strict=True))
    return b"%d %d\n" % vectors.shape + b"".join(rows)


@pytest.mark.parametrize("format", ALL)
def test_what_is_written_is_read_again(format: FormatName, tmp_path: Path) -> None:
    table = table_of()
    imported, again = read(file_of(table, format), format, tmp_path / "t")
    assert imported == Imported(words=5, size=3, skipped={})
    assert again.words == table.words
    np.testing.assert_array_equal(again.vectors, table.vectors)
    assert again.details == {"kind": "import", "source": format}
    assert [path.name for path in tmp_path.iterdir()] == ["t"]


@pytest.mark.parametrize("format", ALL)
def test_more_rows_than_one_batch(format: FormatName, tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(2500, 40)).astype(np.float32)
    table = EmbeddingTable(tuple(f"word{row}" for row in range(2500)), vectors)
    _, again = read(file_of(table, format), format, tmp_path / "t")
    assert again.words == table.words
    np.testing.assert_array_equal(again.vectors, vectors)


@given(vectors=arrays.arrays(np.float32, (3, 2), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
@settings(max_examples=200)
def test_text_keeps_every_float32(vectors: Vectors) -> None:
    written = file_of(EmbeddingTable(("a", "b", "c"), vectors), TEXT)
    incoming = FORMATS[TEXT].read(io.BytesIO(written), Path())
    (rows,) = incoming.batches
    np.testing.assert_array_equal(rows.vectors, vectors)


@pytest.mark.parametrize("format", [TEXT, BINARY, GLOVE, FASTTEXT])
def test_gensim_reads_what_is_written(format: FormatName, tmp_path: Path) -> None:
    table = table_of()
    (tmp_path / "file").write_bytes(file_of(table, format))
    loaded = KeyedVectors.load_word2vec_format(
        str(tmp_path / "file"), binary=format == BINARY, no_header=format == GLOVE
    )
    assert loaded.index_to_key == list(table.words)
    np.testing.assert_array_equal(loaded.vectors, table.vectors)


@pytest.mark.parametrize("format", [TEXT, BINARY])
def test_what_gensim_writes_is_read(format: FormatName, tmp_path: Path) -> None:
    table = table_of()
    vectors = KeyedVectors(vector_size=3)
    vectors.add_vectors(list(table.words), table.vectors)
    vectors.save_word2vec_format(str(tmp_path / "file"), binary=format == BINARY)
    _, again = read((tmp_path / "file").read_bytes(), format, tmp_path / "t")
    assert again.words == table.words
    np.testing.assert_array_equal(again.vectors, table.vectors)


def test_safetensors_is_what_it_says() -> None:
    table = table_of()
    np.testing.assert_array_equal(load(file_of(table, SAFETENSORS))["vectors"], table.vectors)


def test_half_precision_is_read(tmp_path: Path) -> None:
    vectors = np.array([[1, 0.5], [0.25, -2]], dtype=np.float16)
    _, table = read(save({"vectors": vectors, "more": vectors}, {"words": '["a","b"]'}), SAFETENSORS, tmp_path / "t")
    np.testing.assert_array_equal(table.vectors, vectors.astype(np.float32))


def test_text_is_read_as_others_write_it(tmp_path: Path) -> None:
    content = b"4 2\r\nNew York 1 2 \r\nin 3 4\nten 10 5 6\nx\t7  8\n\n"
    _, table = read(content, TEXT, tmp_path / "t")
    assert table.words == ("New York", "in", "ten 10", "x")
    np.testing.assert_array_equal(table.vectors, [[1, 2], [3, 4], [5, 6], [7, 8]])


def test_text_rows_without_a_word_are_skipped(tmp_path: Path) -> None:
    imported, _ = read(b"3 2\n 3 4\na 1 2\nb\0c 5 6\n", TEXT, tmp_path / "t")
    assert imported == Imported(words=1, size=2, skipped={"unusable": 2})


def test_binary_rows_may_follow_each_other_at_once(tmp_path: Path) -> None:
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    _, table = read(binary([b"a", b"b", b"c"], vectors, between=b""), BINARY, tmp_path / "t")
    np.testing.assert_array_equal(table.vectors, vectors)


def test_rows_that_cannot_be_used_are_skipped_and_counted(tmp_path: Path) -> None:
    vectors = np.arange(10, dtype=np.float32).reshape(5, 2)
    imported, table = read(binary([b"a", b"b\xff", b"a", b"", b"c"], vectors), BINARY, tmp_path / "t")
    assert imported == Imported(words=2, size=2, skipped={"not_utf8": 1, "duplicate": 1, "unusable": 1})
    assert table.words == ("a", "c")
    np.testing.assert_array_equal(table.vectors, vectors[[0, 4]])


@pytest.mark.parametrize("format", ALL)
def test_an_empty_file_is_told(format: FormatName, tmp_path: Path) -> None:
    assert problem(b"", format, tmp_path) == "body: is empty"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"the 0.1 0.2\n", "must be the number of words and the vectors' size, not 'the 0.1 0.2'"),
        (b"\xff\xfe\n", "must be the number"),
        (b"10 0\n", "promises vectors of size 0"),
        (b"10 1000000000\n", "promises vectors of size 1000000000"),
        (b"0 10\n", "promises 0 words"),
        (b"9999999999 10\n", "promises 9999999999 words"),
        (b"-1 10\n", "must be the number"),
        (b"10\n", "must be the number"),
    ],
)
@pytest.mark.parametrize("format", [TEXT, BINARY, FASTTEXT])
def test_a_header_that_is_none_is_told(header: bytes, message: str, format: FormatName, tmp_path: Path) -> None:
    assert problem(header, format, tmp_path).startswith(f"line 1: {message}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"3 2\na 1 2\nb 3 4\n", "line 4: is cut short or missing: 2 of 3 rows came"),
        (b"3 2\na 1 2\nb 3 4\nc 5", "line 4: is cut short or missing: 2 of 3 rows came"),
        (b"3 2\na 1 2\nb 3 4.2", "line 3: is cut short or missing: 1 of 3 rows came"),
        (b"3 2\na 1 2\nb 3 x\nc 5 6\n", "line 3: must be a word and 2 numbers"),
        (b"3 2\na 1 2\nb 3\nc 5 6\n", "line 3: must be a word and 2 numbers"),
        (b"3 2\na 1 2\nb 3 4\x00\nc 5 6\n", "line 3: must be a word and 2 numbers"),
        (b"3 2\na 1 2\n\nc 5 6\n", "line 3: must be a word and 2 numbers"),
        (b"3 2\na 1 2\nb 3 nan\nc 5 6\n", "line 3: has a number that is not finite"),
        (b"3 2\na 1 2\nb 3 4\nc 5 1e39\n", "line 4: has a number that is not finite"),
        (b"1 2\na 1 2\n\nb 3 4\n", "line 4: is one too many: line 1 promises 1 words"),
    ],
)
@pytest.mark.parametrize("format", [TEXT, FASTTEXT])
def test_text_that_is_wrong_is_told_with_its_line(
    content: bytes, message: str, format: FormatName, tmp_path: Path
) -> None:
    assert problem(content, format, tmp_path) == message


def test_fasttext_closes_rows_with_a_blank_and_holds_none_in_words(tmp_path: Path) -> None:
    vectors = np.array([[1, 0.5], [0.25, -2]], dtype=np.float32)
    content = b"2 2\n</s> 1.0 0.5 \nno\xc2\xa0break 0.25 -2.0 \n"
    _, table = read(content, FASTTEXT, tmp_path / "t")
    assert table.words == ("</s>", "no\u00a0break")
    np.testing.assert_array_equal(table.vectors, vectors)
    assert file_of(table, FASTTEXT) == content


@pytest.mark.parametrize("format", [TEXT, GLOVE, FASTTEXT])
@pytest.mark.parametrize("word", ["New York", " edge", ""])
def test_words_with_blanks_are_not_written_where_readers_stumble(format: FormatName, word: str) -> None:
    with pytest.raises(InvalidInput, match=f"{format} can't hold words with blanks"):
        file_of(EmbeddingTable(("a", word), ROWS), format)


def test_glove_is_read_with_blanks_in_words(tmp_path: Path) -> None:
    content = b". . . 1 2\nat name@domain.com 3 4\nthe 5 6 \n7 7 8\narea 51 9 10\n<unk> 0.5 -1e-3\n\n\n"
    imported, table = read(content, GLOVE, tmp_path / "t")
    assert imported == Imported(words=6, size=2, skipped={})
    assert table.words == (". . .", "at name@domain.com", "the", "7", "area 51", "<unk>")
    np.testing.assert_array_equal(table.vectors, np.float32([[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [0.5, -1e-3]]))


def test_glove_lines_of_equally_many_lengths_mean_the_shorter(tmp_path: Path) -> None:
    _, table = read(b"New York 1 2\nthe 3 4\n", GLOVE, tmp_path / "t")
    assert table.words == ("New York", "the")


def test_glove_beyond_the_first_lines(tmp_path: Path) -> None:
    rows = [b"word%d %d.5 -1\n" % (row, row) for row in range(3000)]
    _, table = read(b"".join(rows), GLOVE, tmp_path / "t")
    np.testing.assert_array_equal(table.vectors[:, 0], np.arange(3000) + 0.5)
    for line, wrong in ((129, b"late 1\n"), (1500, b"late 1 nan\n"), (3000, b"late 1.5 0.5 2\n")):
        damaged = b"".join([*rows[: line - 1], wrong, *rows[line:]])
        (tmp_path / str(line)).mkdir()
        assert problem(damaged, GLOVE, tmp_path / str(line)).startswith(f"line {line}: ")


def test_glove_words_that_cannot_be_used_are_skipped_and_counted(tmp_path: Path) -> None:
    imported, table = read(b"a 1 2\nb\xff 3 4\na 5 6\n", GLOVE, tmp_path / "t")
    assert imported == Imported(words=1, size=2, skipped={"not_utf8": 1, "duplicate": 1})
    np.testing.assert_array_equal(table.vectors, [[1, 2]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1 2\nb 3 4\nc 5", "line 3: must be a word and 2 numbers"),
        (b"a 1 2\nb 3\nc 5 6\n", "line 2: must be a word and 2 numbers"),
        (b"a 1 2\nb 3 x\nc 5 6\n", "line 2: must be a word and 2 numbers"),
        (b"a 1 2\nb 3 4\x00\nc 5 6\n", "line 2: must be a word and 2 numbers"),
        (b"a 1 2\nb 3.5 0.5 4\nc 5 6\n", "line 2: has more than 2 numbers"),
        (b"a 1 2\n\nb 3 4\n", "line 2: is blank, but others follow"),
        (b"a 1 2\nb nan 4\n", "line 2: has a number that is not finite"),
        (b"a 1 2\nb 3 inf\n", "line 2: has a number that is not finite"),
        (b"2 3\na 1 2 3\nb 4 5 6\n", "line 1: is a header"),
        (b"a\nb\n", "line 1: must be a word and its vector"),
        (b"\n\n", "body: is empty"),
    ],
)
def test_glove_that_is_wrong_is_told_with_its_line(content: bytes, message: str, tmp_path: Path) -> None:
    assert problem(content, GLOVE, tmp_path).startswith(message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"2 2\nfoo 1 2 3\nbar 4 5 6\n", "line 2: has 3 numbers where line 1 promises 2"),
        (b"2 2\nNew York 1 2 3 4\nbar 4 5 6 7\n", "line 2: has 4 numbers where line 1 promises 2"),
        (b"2 2\nfoo\t1\t2\t3\nbar\t4\t5\t6\n", "line 2: has 3 numbers where line 1 promises 2"),
        (b"2 3\nfoo 1 2\nbar 4 5\n", "line 2: must be a word and 3 numbers"),
    ],
)
def test_text_whose_size_does_not_fit_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    assert problem(content, TEXT, tmp_path) == message


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    _, table = read(b"2 1\na 1\nb 2.5", TEXT, tmp_path / "t")
    np.testing.assert_array_equal(table.vectors, [[1], [2.5]])


def test_binary_that_is_wrong_is_told(tmp_path: Path) -> None:
    vectors = np.ones((3, 2), dtype=np.float32)
    whole = binary([b"a", b"b", b"c"], vectors)
    for number, (content, message) in enumerate(
        {
            whole[:-3]: "body: is cut short: 2 of 3 rows came",
            whole[:-11]: "body: is cut short: 2 of 3 rows came",
            whole + b"d": "body: goes on after the 3 rows that line 1 promises",
            b"1 2\n" + b"x" * 70_000: "row 1: has no blank between word and vector: is the size right?",
            binary([b"a", b"b", b"c"], vectors * [[1], [np.inf], [1]]): "row 2: has a number that is not finite",
        }.items()
    ):
        (tmp_path / str(number)).mkdir()
        assert problem(content, BINARY, tmp_path / str(number)) == message


ROWS = np.ones((2, 2), dtype=np.float32)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (save({"vectors": ROWS}, {"words": '["a","b"]'})[:-1], "body: is no whole safetensors file"),
        (b"no tensors at all", "body: is no whole safetensors file"),
        (save({"rows": ROWS}, {"words": '["a","b"]'}), "vectors: is missing"),
        (save({"vectors": ROWS}), "words: must be a JSON list of strings"),
        (save({"vectors": ROWS}, {"words": "["}), "words: must be a JSON list of strings"),
        (save({"vectors": ROWS}, {"words": '["a",1]'}), "words: must be a JSON list of strings"),
        (save({"vectors": ROWS}, {"words": '["a"]'}), "words: has 1 entries for 2 vectors"),
        (save({"vectors": ROWS[0]}, {"words": '["a","b"]'}), "vectors: have the shape [2]"),
        (save({"vectors": ROWS[:, :0]}, {"words": '["a","b"]'}), "vectors: have the shape [2, 0]"),
        (save({"vectors": ROWS.astype(np.int64)}, {"words": '["a","b"]'}), "vectors: are I64"),
        (save({"vectors": ROWS * np.nan}, {"words": '["a","b"]'}), "row 1: has a number that is not finite"),
    ],
)
def test_safetensors_that_are_wrong_are_told(content: bytes, message: str, tmp_path: Path) -> None:
    assert problem(content, SAFETENSORS, tmp_path).startswith(message)


def test_a_file_without_a_usable_word_makes_no_table(tmp_path: Path) -> None:
    assert problem(binary([b"\xff"], ROWS[:1]), BINARY, tmp_path) == "body: has no word that can be used"


def test_binary_cannot_hold_blanks_in_words() -> None:
    table = EmbeddingTable(("New York",), ROWS[:1])
    with pytest.raises(InvalidInput, match="New York"):
        file_of(table, BINARY)
    assert json.loads(load_metadata(file_of(table, SAFETENSORS))["words"]) == ["New York"]


def load_metadata(content: bytes) -> dict[str, str]:
    length = int.from_bytes(content[:8], "little")
    metadata: dict[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return metadata
