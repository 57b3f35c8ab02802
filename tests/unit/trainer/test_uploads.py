"""What is sent arrives line by line, or is refused with the number of the line."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from hindcast.errors import InvalidInput
from hindcast_trainer.uploads import LONGEST_LINE, Format, Received, Upload

Compress = Callable[[bytes], bytes]
COMPRESSIONS: dict[str, Compress] = {
    "identity": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}
every_compression = pytest.mark.parametrize(("encoding", "compress"), COMPRESSIONS.items())
TEXT = "".join(f"line {number} é {number**7}\n" for number in range(3000)).encode()


def receive(body: bytes, format: Format = "text", encoding: str | None = None, step: int = 1000) -> bytes:
    sink = io.BytesIO()
    upload = Upload(sink, format=format, encoding=encoding)
    for start in range(0, len(body), step):
        upload.feed(body[start : start + step])
    upload.close()
    return sink.getvalue()


def refusal(body: bytes, format: Format = "text", encoding: str | None = None) -> tuple[str, str]:
    with pytest.raises(InvalidInput) as caught:
        receive(body, format, encoding)
    return caught.value.errors[0].field, caught.value.errors[0].message


@every_compression
@pytest.mark.parametrize("step", [1, 700, 10**6])
def test_compression_is_taken_off(encoding: str, compress: Compress, step: int) -> None:
    short = TEXT[:20_000]
    assert receive(compress(short), encoding=encoding.upper(), step=step) == short + b"\n"


@every_compression
def test_one_compressed_stream_may_follow_another(encoding: str, compress: Compress) -> None:
    body = b"".join(compress(TEXT[start : start + 9000]) for start in range(0, len(TEXT), 9000))
    assert receive(body, encoding=encoding) == TEXT


def test_xz_may_be_followed_by_zeros() -> None:
    assert receive(lzma.compress(b"a\n") + bytes(8), encoding="xz", step=3) == b"a\n"


@pytest.mark.parametrize("encoding", ["gzip", "xz", "zstd"])
def test_compression_that_breaks_off_is_refused(encoding: str) -> None:
    body = COMPRESSIONS[encoding](TEXT)
    for length in (5, len(body) // 2, len(body) - 1):
        field, message = refusal(body[:length], encoding=encoding)
        assert field.startswith("line ")
        assert f"{encoding} compression breaks off" in message


@pytest.mark.parametrize("encoding", ["gzip", "xz"])
def test_a_flipped_byte_is_refused(encoding: str) -> None:
    body = bytearray(COMPRESSIONS[encoding](TEXT))
    body[len(body) // 2] ^= 0xFF
    field, message = refusal(bytes(body), encoding=encoding)
    assert field.startswith("line ")
    assert "broken" in message or "UTF-8" in message


@pytest.mark.parametrize("encoding", ["gzip", "xz", "zstd"])
def test_a_body_that_is_not_compressed_is_refused(encoding: str) -> None:
    assert refusal(TEXT, encoding=encoding)[0] == "line 1"


def test_an_unknown_encoding_is_refused() -> None:
    assert refusal(b"a", encoding="br") == ("Content-Encoding", "must be gzip, xz or zstd, or not be there")


@given(
    body=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1), step=st.integers(1, 9)
)
def test_text_arrives_as_it_is_however_it_is_cut(body: str, step: int) -> None:
    body = f"x{body}y"
    expected = f"{body}\n".replace("\r\n", "\n")
    assert receive(body.encode(), step=step).decode() == expected


def test_a_byte_order_mark_and_carriage_returns_are_taken_off() -> None:
    assert receive(b"\xef\xbb\xbfone\r\n\r\ntwo") == b"one\n\ntwo\n"


def test_the_receipt_is_of_the_body_as_sent() -> None:
    body = gzip.compress(b"one\ntwo")
    upload = Upload(io.BytesIO(), format="text", encoding="gzip")
    upload.feed(body)
    assert upload.close() == Received(sha256=hashlib.sha256(body).hexdigest(), bytes=len(body), lines=2)


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        (b"good\ngood\nbad \xff\n", 3, "UTF-8"),
        (b"good\nlatin \xe9", 2, "UTF-8"),
        ("utf-16".encode("utf-16"), 1, "UTF-8"),
        (b"good\n\0\n", 2, "NUL"),
    ],
)
def test_what_is_no_text_is_refused(body: bytes, line: int, said: str) -> None:
    field, message = refusal(body)
    assert field == f"line {line}"
    assert said in message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is empty: there must be text"),
        (b"\n \n\t\n", "has no text: all of its lines are blank"),
        (gzip.compress(b"a", mtime=0), "is compressed by gzip: say Content-Encoding: gzip"),
        (bz2.compress(b"a"), "is compressed by bzip2: unpack it, or pack it by gzip, xz or zstd"),
    ],
)
def test_what_is_wrong_with_all_of_a_file_names_no_line(body: bytes, said: str) -> None:
    assert refusal(body) == ("body", said)


@pytest.mark.parametrize("step", [1, 10**6])
def test_a_wrong_byte_far_down_names_its_line(step: int) -> None:
    with pytest.raises(InvalidInput, match="line 3001: isn't UTF-8"):
        receive(TEXT + b"\xc3\n" + TEXT, step=step)


def test_a_line_that_never_ends_is_refused() -> None:
    upload = Upload(io.BytesIO(), format="text")
    upload.feed(b"short\n")
    with pytest.raises(InvalidInput, match="line 2: is longer than 64 MiB"):
        upload.feed(b"a" * (LONGEST_LINE + 1))


def test_documents_arrive_as_they_are() -> None:
    lines = [
        {"id": "a", "domain": "sport", "title": None, "paragraphs": ["One.", "Two."]},
        {"id": 7, "domain": ["x", "y"], "text": "One\nTwo", "split": "held-back_1"},
        {"domain": None, "paragraphs": [], "whatever": {"else": [1]}},
    ]
    body = "\n".join(map(json.dumps, lines)).encode()
    assert receive(body, "jsonl") == body + b"\n"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "is no JSON"),
        ('{"text": "a"', "is no JSON"),
        ("[1]", "must be an object"),
        ("{}", "must have either text or paragraphs"),
        ('{"text": "a", "paragraphs": ["b"]}', "must have either text or paragraphs"),
        ('{"text": 1}', "text must be a string"),
        ('{"paragraphs": "a"}', "paragraphs must be a list of strings"),
        ('{"paragraphs": ["a", null]}', "paragraphs must be a list of strings"),
        ('{"text": "a", "id": [1]}', "id must be a string or a number"),
        ('{"text": "a", "domain": {"x": 1}}', "domain must be a label"),
        ('{"text": "a", "domain": ["x", ""]}', "domain must be a label"),
        ('{"text": "a", "split": "Train"}', "split must be a name"),
        ('{"text": "a", "split": "../train"}', "split must be a name"),
        ('{"text": "a", "split": 1}', "split must be a name"),
        ('{"text": "\\ud800"}', "is no JSON"),
        ('{"text": "\\u0000"}', "NUL"),
    ],
)
def test_a_line_that_is_no_document_is_refused(line: str, said: str) -> None:
    body = f'{{"text": "good"}}\n\n{line}\n{{"text": "good"}}\n'.encode()
    field, message = refusal(body, "jsonl")
    assert field == "line 3"
    assert said in message
