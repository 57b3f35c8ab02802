"""What is sent of files, bytes, lines and documents."""

import gzip
import io
import os
import threading

import pytest

from hindcast_client.uploads import PIECE_BYTES, upload_of


def sent(upload):
    return b"".join(upload.pieces())


@pytest.mark.parametrize(
    ("source", "body", "again", "size"),
    [
        (b"a\nb\n", b"a\nb\n", True, 4),
        (bytearray(b"a"), b"a", True, 1),
        (["a", "", "b\n"], b"a\n\nb\n", True, None),
        (("ä" for _ in range(2)), "ä\nä\n".encode(), False, None),
        ([b"a", b"b"], b"ab", True, None),
        ([{"text": "ä"}, {"text": "b"}], '{"text": "ä"}\n{"text": "b"}\n'.encode(), True, None),
        (io.BytesIO(b"a"), b"a", False, None),
        ([], b"", True, None),
        (iter(()), b"", False, None),
    ],
)
def test_every_source(source, body, again, size):
    upload = upload_of(source)
    assert (upload.rereadable, upload.size) == (again, size)
    assert sent(upload) == body
    if again:
        assert sent(upload) == body


def test_a_file_is_sent_with_its_length_and_what_it_is_packed_with(tmp_path):
    plain, packed = tmp_path / "a.txt", tmp_path / "b.jsonl.gz"
    plain.write_bytes(b"x" * (2 * PIECE_BYTES + 1))
    packed.write_bytes(gzip.compress(b'{"text": "a"}'))
    upload = upload_of(plain)
    assert [len(piece) for piece in upload.pieces()] == [PIECE_BYTES, PIECE_BYTES, 1]
    assert upload.headers["content-length"] == str(2 * PIECE_BYTES + 1)
    assert (upload.jsonl, "content-encoding" in upload.headers) == (False, False)
    upload = upload_of(str(packed), compress=True)
    assert (upload.jsonl, upload.headers["content-encoding"]) == (True, "gzip")
    assert sent(upload) == packed.read_bytes()  # not packed twice
    upload = upload_of(plain, compress=True)
    assert "content-length" not in upload.headers
    assert gzip.decompress(sent(upload)) == plain.read_bytes()


def test_a_named_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writing = threading.Thread(target=lambda: pipe.write_bytes(b"a storm\n"))
    writing.start()
    upload = upload_of(pipe)
    assert (upload.rereadable, upload.size, sent(upload)) == (False, None, b"a storm\n")
    writing.join()


def test_many_short_lines_are_few_pieces():
    pieces = list(upload_of("word" for _ in range(100_000)).pieces())
    assert len(pieces) == -(-500_000 // PIECE_BYTES)
    assert sum(map(len, pieces)) == 500_000


def test_progress_is_of_the_source_and_begins_at_nothing():
    seen = []
    upload = upload_of(["ab"], compress=True, on_progress=lambda done, all: seen.append((done, all)))
    sent(upload)
    assert seen == [(0, None), (3, None)]


def test_what_can_not_be_sent_is_refused_at_once(tmp_path):
    with pytest.raises(FileNotFoundError):
        upload_of(tmp_path / "none.txt")
    with pytest.raises(TypeError, match="not int"):
        upload_of(5)
